#!/bin/sh
# A person who is elsewhere, asked on the own phone: OpenID Connect CIBA, by polling. The credential is the login_hint.
#
#     sh remote.sh CREDENTIAL     # with ZHENNI_URL, ZHENNI_PARTY, ZHENNI_SIGNING_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER
#
# Exit status 0 is that the person is confirmed, 1 that they are not, 2 that there is no answer. Wants curl 7.76 and openssl 3. Any client
# library of OpenID Connect does the same.
set -u
: "${ZHENNI_URL:=http://127.0.0.1:8080}"
fail() { echo "$*" >&2; exit 2; }
for name in ZHENNI_PARTY ZHENNI_SIGNING_KEY_FILE ZHENNI_JWKS ZHENNI_RESULT_ISSUER; do
    [ "$(printenv "$name")" ] || fail "$name is not set"
done
[ $# = 1 ] || fail "want CREDENTIAL"
umask 077
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT || exit 2
trap 'exit 2' HUP INT TERM

b64url() { base64 | tr '+/' '-_' | tr -d '=\n'; }

# sign prints the signature of a file by the key (Ed25519), as bytes.
sign() { openssl pkeyutl -sign -inkey "$ZHENNI_SIGNING_KEY_FILE" -rawin -in "$1" || fail "no signature"; }

# The thumbprint of the key (RFC 7638), by which the server knows it.
key=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$(openssl pkey -in "$ZHENNI_SIGNING_KEY_FILE" -pubout -outform DER | tail -c 32 | b64url)" |
    openssl dgst -sha256 -binary | b64url)

field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# post sends a form with who asks (RFC 7523), and prints the answer, in which there is an error if it is not 200.
post() {
    path=$1 now=$(date +%s) && shift
    jti=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s.%s' "$(printf '{"alg":"EdDSA","typ":"JWT","kid":"%s"}' "$key" | b64url)" "$(
        printf '{"iss":"%s","sub":"%s","aud":"%s","iat":%d,"exp":%d,"jti":"%s"}' \
            "$ZHENNI_PARTY" "$ZHENNI_PARTY" "$ZHENNI_RESULT_ISSUER" "$now" $((now + 60)) "$jti" | b64url)" >"$work/assertion"
    printf '.%s' "$(sign "$work/assertion" | b64url)" >>"$work/assertion"
    curl -sS --max-time 45 --data-urlencode "client_assertion@$work/assertion" "$@" \
        --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer "$ZHENNI_URL$path" || fail "$path: no answer"
}

message=$(od -An -N2 -tu2 /dev/urandom | tr -d ' \n')
begun=$(post /bc-authorize --data-urlencode 'scope=openid service:door purpose:enter' --data-urlencode "login_hint=$1" \
    --data-urlencode "binding_message=$message" -d requested_expiry=120) || exit 2
request=$(echo "$begun" | field auth_req_id) interval=$(echo "$begun" | field interval)
[ "$request" ] || fail "$begun"
echo "The phone shows $message."
error=authorization_pending
while [ "$error" = authorization_pending ] || [ "$error" = slow_down ]; do
    sleep "$interval"
    printf %s "$request" >"$work/request"
    post /token -d grant_type=urn:openid:params:grant-type:ciba --data-urlencode "auth_req_id@$work/request" >"$work/answer" || exit 2
    error=$(field error <"$work/answer")
    ! grep -q '"retryable":true' "$work/answer" || error=authorization_pending # it is at its limit: nothing happened, ask again
done
case $error in
'') ;;
access_denied | expired_token) echo "not confirmed: $error" && exit 1 ;;
*) fail "$(cat "$work/answer")" ;;
esac

# What the ID token says holds once its signature does, by a key of the issuer's that was kept, and it is of this request.
part() { field id_token <"$work/answer" | cut -d. -f"$1" | tr '_-' '/+' | awk '{ while (length($0) % 4) $0 = $0 "="; print }' | base64 -d; }
x=$(tr '{' '\n' <"$ZHENNI_JWKS" | grep "\"kid\": *\"$(part 1 | field kid)\"" | grep '"Ed25519"' | field x | tr '_-' '/+')
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000' && printf '%s=' "$x" | base64 -d; } >"$work/public"
field id_token <"$work/answer" | tr -d '\n' | sed 's/\.[^.]*$//' >"$work/said" && part 3 >"$work/signature" && part 2 >"$work/claims"
openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/public" -rawin -in "$work/said" -sigfile "$work/signature" >/dev/null ||
    fail "the ID token does not hold"
said="$(field iss <"$work/claims") $(field aud <"$work/claims") $(field urn:openid:params:jwt:claim:auth_req_id <"$work/claims")"
[ "$said" = "$ZHENNI_RESULT_ISSUER $ZHENNI_PARTY $request" ] || fail "the ID token is of another request"
[ "$(field exp <"$work/claims")" -gt "$(date +%s)" ] || fail "the ID token has ended"
echo "confirmed: $(field sub <"$work/claims")"
