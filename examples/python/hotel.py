#!/usr/bin/env python3
"""A hotel: the guest scans the printed code, which names the hotel alone, and reads out the two digits that the phone shows; the
hotel's own camera takes the face, and the hotel learns yes or no.

    python3 hotel.py PROBE     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER

PROBE stands for the camera: a file of float32, the least significant byte first. Reads the digits from standard input. Exit status 0
is that the guest is confirmed, 1 that they are not, 2 that there is no answer.
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

URL = os.environ.get("ZHENNI_URL", "http://127.0.0.1:8080")
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
    """Does a request, again while that may help, and returns the fields and the document of the answer; None is one that stayed the same."""
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
            if refused.code == 304:
                return refused.headers, None
            if refused.code == 409 and path.endswith("/capture") and '"retryable":true' not in problem:
                return ask("GET", path[:-8])  # what was lost on the way had arrived: the session says how it is
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
    if len(sys.argv) != 2:
        fail(__doc__)
    tag, waiting = "", 0
    while not waiting:  # until a phone has scanned the code that hangs at the desk
        headers, changed = ask("GET", "/v1/arrivals", headers={"Prefer": "wait=25", "If-None-Match": tag})
        tag, waiting = headers["ETag"], changed["waiting"] if changed else 0
    print("A guest waits. The two digits on the phone:", flush=True)
    _, view = ask("POST", "/v1/arrivals/claim", {"code": sys.stdin.readline().strip()})
    path = "/v1/sessions/" + view["session"]
    while view["outcome"] == "live":
        # Another capture each time, from your camera; how many there may be is told by the session.
        probe = base64.b64encode(open(sys.argv[1], "rb").read()).decode()
        try_, captured = view["transaction"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        capture = {"probe_float32": probe, "captured_at": captured}
        _, view = ask("POST", path + "/capture", capture, {"Transaction-Id": try_})  # sent again, it takes no other try
        if view.get("transaction") == try_:
            fail("no capture is taken")
    if view.get("confirmed"):
        _, ended = ask("GET", path + "/results")
        if check(ended["results"][0], "--session", view["session"])["outcome"] != "match":
            fail("the result says otherwise than the session")
    print("confirmed" if view.get("confirmed") else "not confirmed: " + view["outcome"])
    sys.exit(0 if view.get("confirmed") else 1)


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
