#!/bin/sh
# A kiosk: the person shows the card, the terminal takes the face. The terminal has no shared secret: it signs every request (RFC 9421).
#
#     sh kiosk.sh CREDENTIAL PROBE     # with ZHENNI_URL, ZHENNI_PARTY, ZHENNI_SIGNING_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER
#
# PROBE stands for the camera: a file of float32, the least significant byte first. Exit status 0 is that the person is confirmed, 1 that
# they are not, 2 that there is no answer. Wants curl 7.76, openssl 3, and zhenni on the path, which checks the signed result.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_PARTY ZHENNI_SIGNING_KEY_FILE ZHENNI_JWKS ZHENNI_RESULT_ISSUER; do
    [ "$(printenv "$name")" ] || fail "$name is not set"
done
[ $# = 2 ] || fail "want CREDENTIAL PROBE"
umask 077
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT || exit 2
trap 'exit 2' HUP INT TERM
party=$ZHENNI_PARTY transaction=""

b64url() { base64 | tr '+/' '-_' | tr -d '=\n'; }

# sign prints the signature of a file by the key (Ed25519), as bytes.
sign() { openssl pkeyutl -sign -inkey "$ZHENNI_SIGNING_KEY_FILE" -rawin -in "$1" || fail "no signature"; }

# The thumbprint of the key (RFC 7638), by which the server knows it.
key=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$(openssl pkey -in "$ZHENNI_SIGNING_KEY_FILE" -pubout -outform DER | tail -c 32 | b64url)" |
    openssl dgst -sha256 -binary | b64url)

# field prints the value of a member: of words and numbers; a document with texts of others is for jq.
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# list prints the texts of a member, a line each.
list() { { sed -n "s/.*\"$1\":\[\"\([^]]*\)\"\].*/\1/p" && echo; } | tr -d '"' | tr ',' '\n' | grep .; }

random() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# covers has the signature cover a part: NAME VALUE.
covers() { names="$names \"$1\"" && printf '"%s": %s\n' "$1" "$2" >>"$work/base"; }

# signed writes the fields of a request with its signature, which is taken once, within a minute: METHOD PATH [FILE of the body].
signed() {
    names="" && : >"$work/base" && : >"$work/who"
    covers @method "$1" && covers @authority "${ZHENNI_URL#*//}" && covers @path "$2" && covers @query '?'
    if [ $# = 3 ]; then
        digest="sha-256=:$(openssl dgst -sha256 -binary "$3" | base64):"
        covers content-digest "$digest" && echo "Content-Digest: $digest" >>"$work/who"
    fi
    [ -z "$transaction" ] || { covers transaction-id "$transaction" && echo "Transaction-Id: $transaction" >>"$work/who"; }
    said="(${names# });created=$(date +%s);nonce=\"$(random)\";keyid=\"$key\""
    printf '"@signature-params": %s' "$said" >>"$work/base"
    printf 'Signature-Input: sig=%s\nSignature: sig=:%s:\n' "$said" "$(sign "$work/base" | base64 | tr -d '\n')" >>"$work/who"
}

# ask does a request, signed anew each time, again while that may help, and prints the answer: METHOD PATH [FILE of the body].
ask() {
    for try in 1 2 3 4 5; do
        signed "$@"
        if curl -sS --fail-with-body --max-time 45 -o "$work/answer" -X "$1" ${3:+--data-binary "@$3"} \
            -H "@$work/who" -H 'Content-Type: application/json' "$ZHENNI_URL$2"; then
            cat "$work/answer" && return
        elif [ $? = 22 ] && ! grep -q '"retryable":true' "$work/answer"; then
            break
        fi
        sleep "$try"
    done
    case $2 in */capture) ! grep -q '"status":409' "$work/answer" || exit 3 ;; esac # what was lost on the way may have arrived
    fail "$2: $(cat "$work/answer")"
}

# check has the signature of a result checked, and by whom, for whom and of what it is, and prints what it says.
check() {
    zhenni verify-result --json --jwks "$ZHENNI_JWKS" --issuer "$ZHENNI_RESULT_ISSUER" --audience "$party" "$@" - ||
        fail "the result does not hold"
}

transaction=$(random)
printf '{"kind":"kiosk","credential":"%s","service":"gate","purpose":"enter"}' "$1" >"$work/body"
view=$(ask POST /v1/sessions "$work/body") || exit 2
session=$(echo "$view" | field session) lost=0
while [ "$(echo "$view" | field outcome)" = live ]; do
    # Another capture each time, from your camera; how many there may be is told by the session.
    printf '{"captured_at":"%s","probe_float32":"%s"}' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(base64 <"$2" | tr -d '\n')" >"$work/body"
    transaction=$(echo "$view" | field transaction) # sent again, it takes no other try
    view=$(ask POST "/v1/sessions/$session/capture" "$work/body") || {
        [ $? = 3 ] && [ $((lost += 1)) -lt 10 ] && sleep 1 && transaction="" && view=$(ask GET "/v1/sessions/$session")
    } || fail "no capture is taken"
done
transaction=""

if [ "$(echo "$view" | field confirmed)" != true ]; then
    echo "not confirmed: $(echo "$view" | field outcome)"
    exit 1
fi
ask GET "/v1/sessions/$session/results" >"$work/results" || exit 2
yes=$(list results <"$work/results" | while read -r result; do
    said=$(echo "$result" | check --session "$session") && echo "$(echo "$said" | field transaction) $(echo "$said" | field outcome)"
done | sort -u | grep -c ' match$')
[ "$yes" -ge 1 ] || fail "the results say otherwise than the session"
echo confirmed
