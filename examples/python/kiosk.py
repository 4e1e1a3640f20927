#!/usr/bin/env python3
"""A kiosk: the person shows the card, the terminal takes the face. The terminal has no shared secret: it signs every request (RFC 9421).

    python3 kiosk.py CREDENTIAL PROBE     # with ZHENNI_URL, ZHENNI_PARTY, ZHENNI_SIGNING_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER

PROBE stands for the camera: a file of float32, the least significant byte first. Exit status 0 is that the person is confirmed, 1 that
they are not, 2 that there is no answer. Wants Python 3.9, whose library has no Ed25519, and openssl and zhenni on the path.
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


def signed(method, path, body, transaction):
    """The fields of a request, with its signature: each has a nonce of its own, and is taken once, within a minute."""
    fields = {"Content-Type": "application/json"} if body else {}
    covered = {"@method": method, "@authority": URL.split("//")[1], "@path": path, "@query": "?"}
    if body:
        fields["Content-Digest"] = covered["content-digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    if transaction:
        fields["Transaction-Id"] = covered["transaction-id"] = transaction
    names = " ".join(f'"{name}"' for name in covered)
    said = f'({names});created={int(time.time())};nonce="{secrets.token_urlsafe(16)}";keyid="{key_id()}"'
    base = "".join(f'"{name}": {value}\n' for name, value in covered.items()) + f'"@signature-params": {said}'
    signature = base64.b64encode(sign(base.encode())).decode()
    return {**fields, "Signature-Input": "sig=" + said, "Signature": f"sig=:{signature}:"}


def ask(method, path, document=None, transaction=None):
    """Does a request, signed anew each time, again while that may help, and returns the document of the answer."""
    until, body = time.monotonic() + PATIENCE, document and json.dumps(document).encode()
    while True:
        try:
            request = urllib.request.Request(URL + path, body, signed(method, path, body, transaction), method=method)
            with urllib.request.urlopen(request, timeout=45) as answer:
                return json.loads(answer.read(MOST))
        except urllib.error.HTTPError as refused:
            problem, pause = refused.read(MOST).decode(), float(refused.headers.get("Retry-After", 1))
            if refused.code == 409 and path.endswith("/capture") and '"retryable":true' not in problem:
                return ask("GET", path[:-8])  # what was lost on the way had arrived: the session says how it is
            if '"retryable":true' not in problem or time.monotonic() + pause > until:
                fail(f"{method} {path}: {refused.code} {problem}")
        except OSError as lost:
            if time.monotonic() > until:
                fail(f"{method} {path}: {lost}")
            pause = 1
        time.sleep(pause)


def main():
    if len(sys.argv) != 3:
        fail(__doc__)
    asked = {"kind": "kiosk", "credential": sys.argv[1], "service": "gate", "purpose": "enter"}
    view = ask("POST", "/v1/sessions", asked, transaction=secrets.token_hex(16))
    path = "/v1/sessions/" + view["session"]
    while view["outcome"] == "live":
        # Another capture each time, from your camera; how many there may be is told by the session.
        probe = base64.b64encode(open(sys.argv[2], "rb").read()).decode()
        try_, captured = view["transaction"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        view = ask("POST", path + "/capture", {"probe_float32": probe, "captured_at": captured}, try_)  # sent again, it takes no other try
        if view.get("transaction") == try_:
            fail("no capture is taken")
    if view.get("confirmed"):
        result = ask("GET", path + "/results")["results"][0]
        command = ["zhenni", "verify-result", "--json", "--jwks", setting("ZHENNI_JWKS"), "--issuer", setting("ZHENNI_RESULT_ISSUER"),
                   "--audience", setting("ZHENNI_PARTY"), "--session", view["session"], "-"]
        checked = subprocess.run(command, input=result, stdout=subprocess.PIPE, text=True)
        if checked.returncode or json.loads(checked.stdout)["outcome"] != "match":
            fail("the result does not hold")
    print("confirmed" if view.get("confirmed") else "not confirmed: " + view["outcome"])
    sys.exit(0 if view.get("confirmed") else 1)


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
