#!/usr/bin/env python3
"""One verification: is this probe the person behind this credential?

    python3 verify.py CREDENTIAL PROBE     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER

PROBE is a file of float32, the least significant byte first. Exit status 0 is a match, 1 none, 2 that there is no answer.
Wants Python 3.9, its standard library, and zhenni on the path, which checks the signed result: the library has no Ed25519.
"""
import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("ZHENNI_URL", "http://127.0.0.1:8080")
SERVICE, PURPOSE = "door", "enter"
PATIENCE, MOST = 60, 1 << 20  # seconds, and bytes of an answer


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(2)


def setting(name):
    return os.environ.get(name) or fail(f"{name} is not set")


def key():
    """The API key, zk_PARTY_SECRET."""
    return open(setting("ZHENNI_API_KEY_FILE")).read().strip()


def ask(method, path, body=None, headers=None):
    """Does a request, again while that may help, and returns the fields and the document of the answer."""
    until = time.monotonic() + PATIENCE
    fields = {"Authorization": "Bearer " + key(), "Content-Type": "application/json", **(headers or {})}
    data = None if body is None else json.dumps(body).encode()
    while True:
        try:
            request = urllib.request.Request(URL + path, data, fields, method=method)
            with urllib.request.urlopen(request, timeout=45) as answer:
                return answer.headers, json.loads(answer.read(MOST))
        except urllib.error.HTTPError as refused:
            problem, pause = refused.read(MOST).decode(), float(refused.headers.get("Retry-After", 1))
            if '"retryable":true' not in problem or time.monotonic() + pause > until:
                fail(f"{method} {path}: {refused.code} {problem}")
        except OSError as lost:  # nobody knows whether it arrived: the same Idempotency-Key gets the same answer
            if time.monotonic() > until:
                fail(f"{method} {path}: {lost}")
            pause = 1
        time.sleep(pause)


def check(result, *bound):
    """Has the signature of a result checked, and for whom and what it is, and returns what it says."""
    command = ["zhenni", "verify-result", "--json", "--jwks", setting("ZHENNI_JWKS"),
               "--issuer", setting("ZHENNI_RESULT_ISSUER"), "--audience", key()[3:-44] or fail("no API key"), *bound, "-"]
    checked = subprocess.run(command, input=result, stdout=subprocess.PIPE, text=True)
    if checked.returncode:
        fail("the result does not hold")
    return json.loads(checked.stdout)


def main():
    if len(sys.argv) != 3:
        fail(__doc__)
    credential, probe = sys.argv[1], open(sys.argv[2], "rb").read()
    transaction = uuid.uuid4().hex  # keep it with your own case before you send it: whoever asks again asks once
    _, answer = ask("POST", "/v1/verifications", {
        "credential": credential, "probe_float32": base64.b64encode(probe).decode(), "service": SERVICE, "purpose": PURPOSE,
    }, {"Idempotency-Key": f'"{transaction}"'})
    if answer["outcome"] == "refused":
        fail("no verdict: " + answer["reason"])
    said = check(answer["result"])
    if said["transaction"] != transaction or said["outcome"] != answer["outcome"]:
        fail("the result is of another verification")
    print(said["outcome"])
    sys.exit(0 if said["outcome"] == "match" else 1)


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
