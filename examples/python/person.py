#!/usr/bin/env python3
"""One person asks another: is it really you? This is the app of who asks. The other opens the link, types the two digits that are read
out to them on another way, such as a call, and shows their face; then, and only then, it is them.

    python3 person.py CREDENTIAL     # the own one; with ZHENNI_URL, ZHENNI_PARTY, ZHENNI_SIGNING_KEY_FILE

ZHENNI_PARTY is on whose behalf persons ask each other (zhenni serve --person-party), ZHENNI_SIGNING_KEY_FILE the key of the phone. Exit status 0
is that the other is confirmed, 1 that they are not, 2 that there is no answer. Wants Python 3.9, its standard library, and openssl
on the path, for the library has no Ed25519. Nothing is signed for who asks: it is for their eyes.
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
import urllib.request

URL = os.environ.get("ZHENNI_URL", "http://127.0.0.1:8080")
PATIENCE, MOST = 60, 1 << 20  # seconds, and bytes of an answer


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(2)


def setting(name):
    return os.environ.get(name) or fail(f"{name} is not set")


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
    return openssl("pkeyutl", "-sign", "-inkey", setting("ZHENNI_SIGNING_KEY_FILE"), message=message)


def key_id():
    """The thumbprint of the key (RFC 7638), by which the server knows it."""
    x = b64url(openssl("pkey", "-in", setting("ZHENNI_SIGNING_KEY_FILE"), "-pubout", "-outform", "DER")[-32:])
    return b64url(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest())


def evidence(credential, phone, transaction):
    """What the phone signs: that it is the device of the credential, for this question alone. The members are in this order."""
    claims = {"kind": "possession", "sub": credential, "capture": b64url(hashlib.sha256(phone).digest()), "txn": transaction,
              "aud": setting("ZHENNI_PARTY"), "iat": int(time.time()), "kid": key_id()}
    token = b64url(b'{"alg":"EdDSA","typ":"zhenni-evidence"}') + "." + b64url(json.dumps(claims, separators=(",", ":")).encode())
    return token + "." + b64url(sign(token.encode()))


def ask(method, path, document=None, headers=None):
    """Does a request, again while that may help, and returns the fields and the document of the answer; None is one that stayed the same."""
    until, body = time.monotonic() + PATIENCE, document and json.dumps(document).encode()
    while True:
        try:
            request = urllib.request.Request(URL + path, body, {"Content-Type": "application/json", **(headers or {})}, method=method)
            with urllib.request.urlopen(request, timeout=45) as answer:
                return answer.headers, json.loads(answer.read(MOST))
        except urllib.error.HTTPError as refused:
            if refused.code == 304:
                return refused.headers, None
            problem, pause = refused.read(MOST).decode(), float(refused.headers.get("Retry-After", 1))
            if '"retryable":true' not in problem or time.monotonic() + pause > until:
                fail(f"{method} {path}: {refused.code} {problem}")
        except OSError as lost:  # nobody knows whether it arrived: sent again it is the same session
            if time.monotonic() > until:
                fail(f"{method} {path}: {lost}")
            pause = 1
        time.sleep(pause)


def main():
    if len(sys.argv) != 2:
        fail(__doc__)
    transaction, phone = "person." + secrets.token_hex(16), secrets.token_bytes(32)
    _, begun = ask("POST", "/v1/person-sessions", {
        "credential": sys.argv[1], "phone": b64url(phone), "evidence": evidence(sys.argv[1], phone, transaction), "transaction": transaction,
    })
    print(f'Send them: {URL}/s#{begun["links"][0]}', flush=True)
    print(f'Call them, and read out: {begun["code"]}', flush=True)
    tag, view = "", begun
    while view["outcome"] == "live":
        headers, changed = ask("GET", "/v1/sessions/" + begun["session"], headers={
            "Session-Token": begun["asker_token"], "Prefer": "wait=25", "If-None-Match": tag})
        if changed:
            tag, view = headers["ETag"], changed
            print("the digits are right" if view.get("code_right") else f'opened by {view["opened"]}', flush=True)
    if view.get("shared_waiting"):  # what the other let be seen: it is shown once, and kept nowhere
        _, shared = ask("GET", f'/v1/sessions/{begun["session"]}/shared', headers={"Session-Token": begun["asker_token"]})
        print("They are", shared.get("name", "not named"))
    print("confirmed" if view.get("confirmed") else "not confirmed: " + view["outcome"])
    sys.exit(0 if view.get("confirmed") else 1)


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
