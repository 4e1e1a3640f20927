#!/usr/bin/env python3
"""A matter of several people: it passes when so many of them as are wanted have agreed, each on the own phone.

    python3 group.py QUORUM CREDENTIAL CREDENTIAL...     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER

Prints a link for each phone. How one answered is told at the end alone. Exit status 0 is that it passes, 1 that it does not, 2 that
there is no answer.
Wants Python 3.9, its standard library, and zhenni on the path, which checks the signed result: the library has no Ed25519.
"""
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

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
            if refused.code == 304:
                return refused.headers, None
            problem, pause = refused.read(MOST).decode(), float(refused.headers.get("Retry-After", 1))
            if '"retryable":true' not in problem or time.monotonic() + pause > until:
                fail(f"{method} {path}: {refused.code} {problem}")
        except OSError as lost:  # nobody knows whether it arrived: the same Idempotency-Key gets the same answer
            if time.monotonic() > until:
                fail(f"{method} {path}: {lost}")
            pause = 1
        time.sleep(pause)


def follow(path):
    """Yields the session as it is, and whenever it changes, until it has its outcome, by long polls."""
    tag, view = "", {"outcome": "live"}
    while view["outcome"] == "live":
        headers, changed = ask("GET", path, headers={"Prefer": "wait=25", "If-None-Match": tag})
        if changed:
            tag, view = headers["ETag"], changed
            yield view


def check(result, *bound):
    """Has the signature of a result checked, and for whom and what it is, and returns what it says."""
    command = ["zhenni", "verify-result", "--json", "--jwks", setting("ZHENNI_JWKS"),
               "--issuer", setting("ZHENNI_RESULT_ISSUER"), "--audience", key()[3:-44] or fail("no API key"), *bound, "-"]
    checked = subprocess.run(command, input=result, stdout=subprocess.PIPE, text=True)
    if checked.returncode:
        fail("the result does not hold")
    return json.loads(checked.stdout)


def main():
    if len(sys.argv) < 3:
        fail(__doc__)
    quorum, credentials = int(sys.argv[1]), sys.argv[2:]
    _, begun = ask("POST", "/v1/sessions", {
        "kind": "group", "credentials": credentials, "quorum": quorum, "service": "vote", "purpose": "resolve", "expires_in_s": 7 * 24 * 3600,
    }, {"Idempotency-Key": f'"{uuid.uuid4().hex}"'})
    for link in begun["links"]:
        print(f"For a phone: {URL}/s#{link}", flush=True)
    for view in follow("/v1/sessions/" + begun["session"]):
        print(f'{view["opened"]} have opened it, {view.get("answered", 0)} have answered', flush=True)
    if view.get("confirmed"):
        _, ended = ask("GET", f'/v1/sessions/{begun["session"]}/results')
        said = [check(result, "--session", begun["session"]) for result in ended["results"]]
        if len({one["transaction"] for one in said if one["outcome"] == "match"}) < quorum:
            fail("the results say otherwise than the session")
        for credential, state in zip(credentials, view["seats"]):
            print(credential, state)
    print("confirmed" if view.get("confirmed") else "not confirmed: " + view["outcome"])
    sys.exit(0 if view.get("confirmed") else 1)


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
