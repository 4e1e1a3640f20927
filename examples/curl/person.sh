#!/bin/sh
# One person asks another: is it really you? This is the app of who asks. The other opens the link, types the two digits that are read
# out to them on another way, such as a call, and shows their face; then, and only then, it is them.
#
#     sh person.sh CREDENTIAL     # the own one; with ZHENNI_URL, ZHENNI_PARTY, ZHENNI_SIGNING_KEY_FILE
#
# ZHENNI_PARTY is on whose behalf persons ask each other (zhenni serve --person-party), ZHENNI_SIGNING_KEY_FILE the key of the phone. Exit status 0
# is that the other is confirmed, 1 that they are not, 2 that there is no answer. Wants curl 7.76 and openssl 3. Nothing is signed for who
# asks: it is for their eyes.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_PARTY ZHENNI_SIGNING_KEY_FILE; do
    [ "$(printenv "$name")" ] || fail "$name is not set"
done
[ $# = 1 ] || fail "want CREDENTIAL"
umask 077
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT || exit 2
trap 'exit 2' HUP INT TERM
: >"$work/who"

b64url() { base64 | tr '+/' '-_' | tr -d '=\n'; }

# sign prints the signature of a file by the key (Ed25519), as bytes.
sign() { openssl pkeyutl -sign -inkey "$ZHENNI_SIGNING_KEY_FILE" -rawin -in "$1" || fail "no signature"; }

# The thumbprint of the key (RFC 7638), by which the server knows it.
key=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$(openssl pkey -in "$ZHENNI_SIGNING_KEY_FILE" -pubout -outform DER | tail -c 32 | b64url)" |
    openssl dgst -sha256 -binary | b64url)

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

# What the phone signs: that it is the device of the credential, for this question alone. The members are in this order.
transaction=person.$(random)
head -c 32 /dev/urandom >"$work/phone"
printf '%s.%s' "$(printf '{"alg":"EdDSA","typ":"zhenni-evidence"}' | b64url)" "$(
    printf '{"kind":"possession","sub":"%s","capture":"%s","txn":"%s","aud":"%s","iat":%d,"kid":"%s"}' "$1" \
        "$(openssl dgst -sha256 -binary "$work/phone" | b64url)" "$transaction" "$ZHENNI_PARTY" "$(date +%s)" "$key" | b64url)" >"$work/evidence"
printf '.%s' "$(sign "$work/evidence" | b64url)" >>"$work/evidence"
printf '{"credential":"%s","phone":"%s","evidence":"%s","transaction":"%s"}' \
    "$1" "$(b64url <"$work/phone")" "$(cat "$work/evidence")" "$transaction" |
    ask /v1/person-sessions --data @- >"$work/session" || exit 2
session=$(field session <"$work/session")
printf 'Session-Token: %s\n' "$(field asker_token <"$work/session")" >"$work/who"
echo "Send them: $ZHENNI_URL/s#$(list links <"$work/session")"
echo "Call them, and read out: $(field code <"$work/session")"
view=$(follow "/v1/sessions/$session") || exit 2
case $view in *'"shared_waiting":true'*) # what the other let be seen: it is shown once, and kept nowhere
    echo "They are $(ask "/v1/sessions/$session/shared" | field name)" ;;
esac
if [ "$(echo "$view" | field confirmed)" != true ]; then
    echo "not confirmed: $(echo "$view" | field outcome)"
    exit 1
fi
echo confirmed
