#!/bin/sh
# Many verifications in one request: NDJSON in, the outcomes in the same order out.
#
#     sh bulk.sh CREDENTIALS PROBES     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER
#
# CREDENTIALS has an id a line, PROBES as many vectors of float32, the least significant byte first. Prints a line an item. Exit status
# 0 is that all were decided and the signed result of the batch holds, 1 that some were not, 2 that there is no answer.
# Wants curl 7.76, and zhenni on the path, which checks the signed result.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_API_KEY_FILE ZHENNI_JWKS ZHENNI_RESULT_ISSUER; do
    [ "$(printenv "$name")" ] || fail "$name is not set"
done
[ $# = 2 ] || fail "want CREDENTIALS PROBES"
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

# check has the signature of a result checked, and by whom, for whom and of what it is, and prints what it says.
check() {
    zhenni verify-result --json --jwks "$ZHENNI_JWKS" --issuer "$ZHENNI_RESULT_ISSUER" --audience "$party" - ||
        fail "the result does not hold"
}

items=$(grep -c . "$1") || fail "no credentials in $1"
[ "$items" -le 65536 ] || fail "one request takes 65,536 at most"
size=$(($(wc -c <"$2") / items))
[ $((items * size)) = $(($(wc -c <"$2"))) ] || fail "the probes are not as many as the credentials"
at=0
while read -r credential; do
    probe=$(tail -c +$((at * size + 1)) "$2" | head -c "$size" | base64 | tr -d '\n')
    printf '{"item":%d,"credential":"%s","probe_float32":"%s"}\n' "$at" "$credential" "$probe"
    at=$((at + 1))
done <"$1" >"$work/questions"
transaction=$(random) # keep it with the file before you send it: sent again, it gets the stored answer
type=application/x-ndjson
ask /v1/verification-batches --data-binary "@$work/questions" -D "$work/head" -H 'Service: door' -H 'Purpose: enter' \
    -H "Idempotency-Key: \"$transaction\"" >"$work/outcomes" || exit 2
said=$(sed -n 's/^[Rr]esult: *//p' "$work/head" | tr -d '\r' | check) || exit 2
[ "$(echo "$said" | field transaction) $(echo "$said" | field items)" = "$transaction $items" ] || fail "the result is of another batch"
[ "$(grep -c . "$work/outcomes")" = "$items" ] || fail "an outcome is missing"
field outcome <"$work/outcomes" | paste -d ' ' "$1" -
! grep -q '"outcome":"refused"' "$work/outcomes"
