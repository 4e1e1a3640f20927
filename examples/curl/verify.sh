#!/bin/sh
# One verification: is this probe the person behind this credential?
#
#     sh verify.sh CREDENTIAL PROBE     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER
#
# PROBE is a file of float32, the least significant byte first. Exit status 0 is a match, 1 none, 2 that there is no answer.
# Wants curl 7.76, and zhenni on the path, which checks the signed result.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_API_KEY_FILE ZHENNI_JWKS ZHENNI_RESULT_ISSUER; do
    [ "$(printenv "$name")" ] || fail "$name is not set"
done
[ $# = 2 ] || fail "want CREDENTIAL PROBE"
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

transaction=$(random) # keep it with your own case before you send it: whoever asks again asks once
printf '{"credential":"%s","service":"door","purpose":"enter","probe_float32":"%s"}' "$1" "$(base64 <"$2" | tr -d '\n')" >"$work/question"
ask /v1/verifications --data "@$work/question" -H "Idempotency-Key: \"$transaction\"" >"$work/document" || exit 2
outcome=$(field outcome <"$work/document")
[ "$outcome" != refused ] || fail "no verdict: $(field reason <"$work/document")"
said=$(field result <"$work/document" | check) || exit 2
[ "$(echo "$said" | field transaction) $(echo "$said" | field outcome)" = "$transaction $outcome" ] || fail "the result is of another verification"
echo "$outcome"
[ "$outcome" = match ]
