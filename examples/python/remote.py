#!/usr/bin/env python3
"""A person who is elsewhere, asked on the own phone: OpenID Connect CIBA, by polling. The credential is the login_hint.

    python3 remote.py CREDENTIAL     # with ZHENNI_URL, ZHENNI_PARTY, ZHENNI_SIGNING_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER

Exit status 0 is that the person is confirmed, 1 that they are not, 2 that there is no answer. Wants Python 3.9, its standard library,
and openssl on the path, for the library has no Ed25519. Any client library of OpenID Connect does the same.
"""
import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

URL = os.environ.get("ZHENNI_URL", "http://127.0.0.1:8080")
CLIENT, ISSUER = os.environ.get("ZHENNI_PARTY"), os.environ.get("ZHENNI_RESULT_ISSUER")
MOST = 1 << 20  # bytes of an answer
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(2)


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def openssl(*args, message=None):
    """Does with the key what Python's standard library can not: no secret is in an argument, and what is signed is none."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(message or b"")
        file.flush()
        command = ["openssl", *args] + (["-rawin", "-in", file.name] if message else [])
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def sign(message):
    return openssl("pkeyutl", "-sign", "-inkey", os.environ["ZHENNI_SIGNING_KEY_FILE"], message=message)


def key_id():
    """The thumbprint of the key (RFC 7638), by which the server knows it."""
    x = b64url(openssl("pkey", "-in", os.environ["ZHENNI_SIGNING_KEY_FILE"], "-pubout", "-outform", "DER")[-32:])
    return b64url(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest())


def assertion():
    """Says who asks (RFC 7523), once: the key is the client's own, and nothing is shared."""
    now = int(time.time())
    claims = {"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(16)}
    head = {"alg": "EdDSA", "typ": "JWT", "kid": key_id()}
    text = ".".join(b64url(json.dumps(part).encode()) for part in (head, claims))
    return text + "." + b64url(sign(text.encode()))


def ask(path, **form):
    """Posts a form and returns the document of the answer; what is not 200 has an error in it."""
    form = urllib.parse.urlencode({**form, "client_assertion_type": TYPE, "client_assertion": assertion()}).encode()
    try:
        with urllib.request.urlopen(URL + path, form, timeout=45) as answer:
            return json.loads(answer.read(MOST))
    except urllib.error.HTTPError as refused:
        said = json.loads(refused.read(MOST))
        if refused.code == 503:
            said["error"] = "authorization_pending"  # it is at its limit: nothing happened, ask again
        return said
    except OSError as lost:
        fail(f"{path}: {lost}")


def check(token, request):
    """Returns what an ID token says, once its signature holds, by a key of the issuer's that was kept, and it is for this request."""
    head, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    head, claims = json.loads(head), json.loads(claims)
    [key] = [key for key in json.load(open(os.environ["ZHENNI_JWKS"]))["keys"] if key["kid"] == head["kid"]]
    if head["alg"] not in ("EdDSA", "Ed25519") or key["crv"] != "Ed25519":
        fail("the ID token is signed by another algorithm")
    der = bytes.fromhex("302a300506032b6570032100") + base64.urlsafe_b64decode(key["x"] + "=")
    with tempfile.NamedTemporaryFile() as public, tempfile.NamedTemporaryFile() as said:
        public.write(der), public.flush(), said.write(signature), said.flush()
        openssl("pkeyutl", "-verify", "-pubin", "-inkey", public.name, "-keyform", "DER", "-sigfile", said.name,
                message=token.rpartition(".")[0].encode())
    of = claims["urn:openid:params:jwt:claim:auth_req_id"]
    if claims["iss"] != ISSUER or claims["aud"] != CLIENT or claims["exp"] < time.time() or of != request:
        fail("the ID token is of another request")
    return claims


def main():
    if len(sys.argv) != 2 or not CLIENT or not ISSUER:
        fail(__doc__)
    scope, message = "openid service:door purpose:enter", f"{secrets.randbelow(10000):04}"
    begun = ask("/bc-authorize", scope=scope, login_hint=sys.argv[1], binding_message=message, requested_expiry="120")
    if "error" in begun:
        fail(begun)
    print(f"The phone shows {message}.", flush=True)
    answer = {"error": "authorization_pending"}
    while answer.get("error") in ("authorization_pending", "slow_down"):
        time.sleep(begun["interval"])
        answer = ask("/token", grant_type="urn:openid:params:grant-type:ciba", auth_req_id=begun["auth_req_id"])
    if "error" in answer:
        print("not confirmed: " + answer["error"])
        sys.exit(1 if answer["error"] in ("access_denied", "expired_token") else 2)
    claims = check(answer["id_token"], begun["auth_req_id"])
    print("confirmed:", claims["sub"], claims["acr"])


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
