#!/bin/sh
# A matter of several people: it passes when so many of them as are wanted have agreed, each on the own phone.
#
#     sh group.sh QUORUM CREDENTIAL CREDENTIAL...     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_ISSUER
#
# Prints a link for each phone. How one answered is told at the end alone. Exit status 0 is that it passes, 1 that it does not, 2 that
# there is no answer. Wants curl 7.76, and zhenni on the path, which checks the signed result.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_API_KEY_FILE ZHENNI_JWKS ZHENNI_ISSUER; do
    printenv "$name" >/dev/null || fail "$name is not set"
done
[ $# -ge 2 ] || fail "want QUORUM CREDENTIAL CREDENTIAL..."
umask 077
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT || exit 2
trap 'exit 2' HUP INT TERM
# The key goes from file to file: what is in an argument, everybody on the machine can read.
sed 's/^/Authorization: Bearer /' "$ZHENNI_API_KEY_FILE" >"$work/who" || exit 2
party=$(sed 's/^zk_\(.*\)_.\{43\}$/\1/' "$ZHENNI_API_KEY_FILE")

# ask does a request, again while that may help, and prints the answer: the same Idempotency-Key gets the same answer.
ask() {
    path=$1 && shift
    curl -sS --fail-with-body --retry 5 --retry-connrefused --retry-max-time 50 --max-time 45 -o "$work/answer" \
        -H "@$work/who" -H "Content-Type: ${type:-application/json}" "$@" "$ZHENNI_URL$path" || fail "$path: $(cat "$work/answer")"
    cat "$work/answer"
}

# field prints the value of a member: of words and numbers; a document with texts of others is for jq.
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# list prints the texts of a member, a line each.
list() { { sed -n "s/.*\"$1\":\[\"\([^]]*\)\"\].*/\1/p" && echo; } | tr -d '"' | tr ',' '\n' | grep .; }

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# follow hears a session until it has its outcome, by server-sent events, and prints the last of them, which has all.
follow() {
    until view=$(sed -n 's/^data: //p' "$work/events" 2>/dev/null | tail -n 1) && [ "${view:-}" ] && [ "$(echo "$view" | field outcome)" != live ]; do
        curl -fsSN --retry 5 --retry-connrefused --retry-max-time 50 --max-time 600 -o "$work/events" -H "@$work/who" "$ZHENNI_URL$1/events"
        case $? in 0 | 18 | 28 | 52 | 56) ;; *) fail "$1: no answer" ;; esac # what was cut on the way is asked for again
    done
    echo "$view"
}

# check has the signature of a result checked, and by whom, for whom and of what it is, and prints what it says.
check() { zhenni verify-result --json --jwks "$ZHENNI_JWKS" --issuer "$ZHENNI_ISSUER" --audience "$party" "$@" - || fail "the result does not hold"; }

quorum=$1 && shift
credentials=$(printf ',"%s"' "$@")
printf '{"kind":"group","service":"vote","purpose":"resolve","expires_in_s":604800,"quorum":%d,"credentials":[%s]}' "$quorum" "${credentials#,}" |
    ask /v1/sessions --data @- -H "Idempotency-Key: \"$(random)\"" >"$work/session" || exit 2
session=$(field session <"$work/session")
list links <"$work/session" | while read -r link; do
    echo "For a phone: $ZHENNI_URL/s#$link"
done
view=$(follow "/v1/sessions/$session") || exit 2

if [ "$(echo "$view" | field confirmed)" != true ]; then
    echo "not confirmed: $(echo "$view" | field outcome)"
    exit 1
fi
ask "/v1/sessions/$session/results" >"$work/results" || exit 2
yes=$(list results <"$work/results" | while read -r result; do
    echo "$result" | check --session "$session" | field outcome
done | grep -c '^match$')
[ "$yes" -ge "$quorum" ] || fail "the results say otherwise than the session"
echo confirmed
