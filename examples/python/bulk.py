#!/usr/bin/env python3
"""Many verifications in one request: NDJSON in, the outcomes in the same order out.

    python3 bulk.py CREDENTIALS PROBES     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER

CREDENTIALS has an id a line, PROBES as many vectors of float32, the least significant byte first. Prints a line an item. Exit status
0 is that all were decided and the signed result of the batch holds, 1 that some were not, 2 that there is no answer.
Wants Python 3.9, its standard library, and zhenni on the path, which checks the result: the library has no Ed25519.
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
PATIENCE, MOST = 60, 1 << 24  # seconds, and bytes of an answer
ITEMS = 65536  # of one request


def fail(why):
    print(why, file=sys.stderr)
    sys.exit(2)


def setting(name):
    return os.environ.get(name) or fail(f"{name} is not set")


def key():
    """The API key, zk_PARTY_SECRET."""
    return open(setting("ZHENNI_API_KEY_FILE")).read().strip()


def ask(path, data, headers):
    """Does a request, again while that may help, and returns the fields and the text of the answer."""
    until = time.monotonic() + PATIENCE
    fields = {"Authorization": "Bearer " + key(), **headers}
    while True:
        try:
            request = urllib.request.Request(URL + path, data, fields, method="POST")
            with urllib.request.urlopen(request, timeout=45) as answer:
                return answer.headers, answer.read(MOST)
        except urllib.error.HTTPError as refused:
            problem, pause = refused.read(MOST).decode(), float(refused.headers.get("Retry-After", 1))
            if '"retryable":true' not in problem or time.monotonic() + pause > until:
                fail(f"{path}: {refused.code} {problem}")
        except OSError as lost:  # nobody knows whether it arrived: the same Idempotency-Key gets the same answer
            if time.monotonic() > until:
                fail(f"{path}: {lost}")
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
    credentials, probes = open(sys.argv[1]).read().split(), open(sys.argv[2], "rb").read()
    if not 0 < len(credentials) <= ITEMS or len(probes) % len(credentials):
        fail("the probes are not as many as the credentials, or are more than one request takes")
    size = len(probes) // len(credentials)
    lines = [json.dumps({"item": i, "credential": credential, "probe_float32": base64.b64encode(probes[size * i:][:size]).decode()})
             for i, credential in enumerate(credentials)]
    transaction = uuid.uuid4().hex  # keep it with the file before you send it: sent again, it gets the stored answer
    headers, answer = ask("/v1/verification-batches", "".join(line + "\n" for line in lines).encode(), {
        "Content-Type": "application/x-ndjson", "Idempotency-Key": f'"{transaction}"', "Service": SERVICE, "Purpose": PURPOSE,
    })
    outcomes = [json.loads(line) for line in answer.splitlines()]
    said = check(headers["Result"])
    if said["transaction"] != transaction or said["items"] != len(credentials) or [o["item"] for o in outcomes] != list(range(len(lines))):
        fail("the result is of another batch")
    for credential, outcome in zip(credentials, outcomes):
        print(credential, outcome["outcome"], outcome.get("reason", ""))
    sys.exit(1 if any(outcome["outcome"] == "refused" for outcome in outcomes) else 0)


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
