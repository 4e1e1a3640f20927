#!/bin/sh
# A hotel: the guest scans the printed code, which names the hotel alone, and reads out the two digits that the phone shows; the
# hotel's own camera takes the face, and the hotel learns yes or no.
#
#     sh hotel.sh PROBE     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER
#
# PROBE stands for the camera: a file of float32, the least significant byte first. Reads the digits from standard input. Exit status 0
# is that the guest is confirmed, 1 that they are not, 2 that there is no answer. Wants curl 7.76, and zhenni on the path, which checks
# the signed result.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_API_KEY_FILE ZHENNI_JWKS ZHENNI_RESULT_ISSUER; do
    [ "$(printenv "$name")" ] || fail "$name is not set"
done
[ $# = 1 ] || fail "want PROBE"
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
        -H "@$work/who" -H "Content-Type: ${type:-application/json}" "$@" "$ZHENNI_URL$path" || {
        case $?:$path in # what was lost on the way may have arrived: the session says
        22:*/capture) ! grep -q '"status":409' "$work/answer" || exit 3 ;;
        *:*/capture) exit 3 ;;
        esac
        fail "$path: $(cat "$work/answer")"
    }
    cat "$work/answer"
}

# field prints the value of a member: of words and numbers; a document with texts of others is for jq.
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# list prints the texts of a member, a line each.
list() { { sed -n "s/.*\"$1\":\[\"\([^]]*\)\"\].*/\1/p" && echo; } | tr -d '"' | tr ',' '\n' | grep .; }

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# check has the signature of a result checked, and by whom, for whom and of what it is, and prints what it says.
check() {
    zhenni verify-result --json --jwks "$ZHENNI_JWKS" --issuer "$ZHENNI_RESULT_ISSUER" --audience "$party" "$@" - ||
        fail "the result does not hold"
}

tag='"none"'
until [ "${waiting:=0}" -gt 0 ]; do # until a phone has scanned the code that hangs at the desk, by long polls
    waiting=$(ask /v1/arrivals -D "$work/head" -H 'Prefer: wait=25' -H "If-None-Match: $tag" | field waiting) || exit 2
    tag=$(sed -n 's/^[Ee][Tt][Aa][Gg]: *//p' "$work/head" | tr -d '\r')
    [ "$tag" ] || fail "no answer"
done
echo 'A guest waits. The two digits on the phone:'
read -r code
view=$(printf '{"code":"%s"}' "$code" | ask /v1/arrivals/claim --data @-) || exit 2
session=$(echo "$view" | field session) lost=0
while [ "$(echo "$view" | field outcome)" = live ]; do
    # Another capture each time, from your camera; how many there may be is told by the session.
    printf '{"captured_at":"%s","probe_float32":"%s"}' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(base64 <"$1" | tr -d '\n')" >"$work/capture"
    try=$(echo "$view" | field transaction) # sent again, it takes no other try
    view=$(ask "/v1/sessions/$session/capture" --data "@$work/capture" -H "Transaction-Id: $try") ||
        { [ $? = 3 ] && [ $((lost += 1)) -lt 10 ] && sleep 1 && view=$(ask "/v1/sessions/$session"); } || fail "no capture is taken"
done

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
