#!/bin/sh
# A proof of life that is due each half year: the pensioner gives it on the phone, within the time of grace.
#
#     sh life.sh CREDENTIAL     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER
#
# Prints the link for the pensioner's phone, and the session that follows once the proof is given. Exit status 0 is that it is, 1 that
# it is not, 2 that there is no answer. Wants curl 7.76, and zhenni on the path, which checks the signed result.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_API_KEY_FILE ZHENNI_JWKS ZHENNI_RESULT_ISSUER; do
    [ "$(printenv "$name")" ] || fail "$name is not set"
done
[ $# = 1 ] || fail "want CREDENTIAL"
umask 077
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT || exit 2
trap 'exit 2' HUP INT TERM
# The key goes from file to file: what is in an argument, everybody on the machine can read.
tr -d '\r' <"$ZHENNI_API_KEY_FILE" | sed 's/^/Authorization: Bearer /' >"$work/who"
party=$(sed -n 's/^Authorization: Bearer zk_\(.*\)_.\{43\}$/\1/p' "$work/who")
[ "$party" ] || fail "no API key in $ZHENNI_API_KEY_FILE"

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

# follow hears a session until it has its outcome, by server-sent events, and prints the last of them, which has all. What was cut on
# the way, before the empty line that ends an event, is asked for again.
follow() {
    view="" silent=0
    while case $(echo "$view" | field outcome) in '' | live) ;; *) false ;; esac do
        : >"$work/events"
        curl -fsSN --retry 5 --retry-connrefused --retry-max-time 50 --max-time 600 -o "$work/events" -H "@$work/who" \
            "$ZHENNI_URL$1/events"
        case $? in 0 | 18 | 52 | 56) ;; 28) silent=9 ;; *) fail "$1: no answer" ;; esac
        view=$(sed -n '/^data: /h;/^$/{x;s/^data: //p;}' "$work/events" | tail -n 1)
        [ "$view" ] || { sleep 1 && [ $((silent += 1)) -lt 5 ]; } || fail "$1: no answer"
    done
    echo "$view"
}

# check has the signature of a result checked, and by whom, for whom and of what it is, and prints what it says.
check() {
    zhenni verify-result --json --jwks "$ZHENNI_JWKS" --issuer "$ZHENNI_RESULT_ISSUER" --audience "$party" "$@" - ||
        fail "the result does not hold"
}

due=$(date -u -d '+10 days' +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v+10d +%Y-%m-%dT%H:%M:%SZ) # GNU, BSD
printf '{"kind":"life","credential":"%s","service":"pension","purpose":"prove","due":"%s","every":6}' "$1" "$due" |
    ask /v1/sessions --data @- -H "Idempotency-Key: \"$(random)\"" >"$work/session" || exit 2
session=$(field session <"$work/session")
echo "For the phone: $ZHENNI_URL/s#$(list links <"$work/session")"
# It may take weeks. What is kept is the session: ask for it now and then, or have a webhook tell you (zhenni rp webhook).
view=$(follow "/v1/sessions/$session") || exit 2

if [ "$(echo "$view" | field confirmed)" != true ]; then
    echo "not confirmed: $(echo "$view" | field outcome)"
    exit 1
fi
ask "/v1/sessions/$session/results" >"$work/results" || exit 2
yes=$(list results <"$work/results" | while read -r result; do
    said=$(echo "$result" | check --session "$session") && echo "$(echo "$said" | field transaction) $(echo "$said" | field outcome)"
done | sort -u | grep -c ' match$')
[ "$yes" -ge 1 ] || fail "the results say otherwise than the session"
echo confirmed
echo "The next one: $(echo "$view" | field next | cut -d. -f1)"
