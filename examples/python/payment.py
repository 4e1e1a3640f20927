#!/usr/bin/env python3
"""A payment: the payer sees payee and amount on the phone, and the signed result is bound to them and to nothing else.

    python3 payment.py CREDENTIAL     # with ZHENNI_URL, ZHENNI_API_KEY_FILE, ZHENNI_JWKS, ZHENNI_RESULT_ISSUER

Prints the link for the payer's phone. Exit status 0 is that the payer is confirmed, 1 that they are not, 2 that there is no answer.
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
    if len(sys.argv) != 2:
        fail(__doc__)
    bill = uuid.uuid4().hex  # stands for the number of your own bill, under which a payment is begun once
    payment = {"payee": "水务局", "amount": 12300, "currency": "CNY", "reference": bill}
    _, begun = ask("POST", "/v1/sessions", {
        "kind": "payment", "credential": sys.argv[1], "service": "wallet", "purpose": "pay", **payment,
    }, {"Idempotency-Key": f'"bill.{bill}"'})
    print(f'For the phone: {URL}/s#{begun["links"][0]}', flush=True)
    for view in follow("/v1/sessions/" + begun["session"]):
        pass
    if view.get("confirmed"):
        _, ended = ask("GET", f'/v1/sessions/{begun["session"]}/results')
        bound = [f"--payment={name}={value}" for name, value in payment.items()]
        if check(ended["results"][0], "--session", begun["session"], *bound)["outcome"] != "match":
            fail("the result says otherwise than the session")
    print("confirmed" if view.get("confirmed") else "not confirmed: " + view["outcome"])
    sys.exit(0 if view.get("confirmed") else 1)


try:
    main()
except Exception as wrong:  # whatever it is, it is no answer
    fail(repr(wrong))
