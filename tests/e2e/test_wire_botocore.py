"""Our signatures against botocore's signer, both ways: what it signs we sign alike, and take for good."""

import hashlib
import json
import random
import urllib.parse

import pytest
from conftest import BUILD

botocore_auth = pytest.importorskip("botocore.auth", reason="needs: boto3")
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

SIGNED, VERIFIED = 10_000, 1_000
WORDS = ["", "a", "B", "z9", "~x", "-_.", "a b", "ü", "日本", "100%", "a+b", "a=b", "a&b", "/", "a/b", "*", "(1)", "%41",
         "'", "\"", "x" * 200]


def quote(text, safe="-_.~"):
    return urllib.parse.quote(text, safe=safe)


def random_request(rng):
    """(service, method, url, headers, body): what any client of ours or of others may send."""
    service = rng.choice(["sqs", "autoscaling", "sts", "s3", "s3", "monitoring"])
    words = [w for w in (rng.choice(WORDS) for _ in range(rng.randrange(4)))]
    path = "/" + "/".join(quote(w) for w in words)
    if rng.random() < 0.2:
        path += rng.choice(["/", "//x", "/./x", "/../x"])
    pairs = [(rng.choice(WORDS) or "k", rng.choice(WORDS)) for _ in range(rng.randrange(5))]
    if rng.random() < 0.3 and pairs:
        pairs.append((pairs[0][0], rng.choice(WORDS)))  # a name twice
    query = "&".join(f"{quote(k)}={quote(v)}" for k, v in pairs)
    headers = [("X-Amz-Target", "AmazonSQS.SendMessage")] if service == "sqs" else []
    if rng.random() < 0.5:
        headers.append(("Content-Type", "application/x-amz-json-1.0"))
    if rng.random() < 0.5:
        headers.append(("x-amz-meta-a", rng.choice(["  runs   of  spaces  ", "", "a,b", "x" * 300])))
    if rng.random() < 0.3:
        headers += [("X-Amz-Twice", "b"), ("X-Amz-Twice", "a")]
    body = rng.randbytes(rng.choice([0, 1, 100]))
    host = rng.choice(["127.0.0.1:4566", "sqs.eu-west-1.amazonaws.com", "localhost"])
    return service, rng.choice(["GET", "POST", "PUT", "DELETE"]), f"http://{host}{path}", query, headers, body


def signed(rng):
    service, method, url, query, headers, body = random_request(rng)
    token = rng.choice([None, "FwoGZXIvYXdzE" + "x" * rng.randrange(500) + "=="])
    credentials = Credentials("AKID" + "X" * rng.randrange(12), "se/cr+et" + "y" * 30, token)
    request = AWSRequest(method=method, url=url + ("?" + query if query else ""), data=body)
    for name, value in headers:
        request.headers.add_header(name, value) if hasattr(request.headers, "add_header") else None
    kind = botocore_auth.S3SigV4Auth if service == "s3" else botocore_auth.SigV4Auth
    if service == "s3":
        request.context["client_config"] = None
        request.context["payload_signing_enabled"] = True
    kind(credentials, service, "eu-west-1").add_auth(request)
    return service, url, query, request, credentials, body


def ask(programs, lines):
    done = programs.call(str(BUILD / "tests" / "lib" / "wire_sign"), input="".join(json.dumps(x) + "\n" for x in lines),
                         seconds=120)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    return answers


def at_ms(date):
    import datetime
    return int(datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


def test_signs_as_botocore_does(programs):
    rng = random.Random(1)
    lines, expected = [], []
    for _ in range(SIGNED):
        service, url, query, request, credentials, body = signed(rng)
        parts = urllib.parse.urlsplit(url)
        ours = ("authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token")
        payload = request.headers.get("X-Amz-Content-SHA256") or hashlib.sha256(body).hexdigest()
        lines.append({
            "op": "sign", "method": request.method, "host": parts.netloc, "path": parts.path, "query": query,
            "headers": [[k, v] for k, v in request.headers.items() if k.lower() not in ours],
            "payload": payload, "region": "eu-west-1", "service": service, "at": at_ms(request.headers["X-Amz-Date"]),
            "access": credentials.access_key, "secret": credentials.secret_key, "token": credentials.token or ""})
        expected.append(request.headers["Authorization"])
    for line, answer, wanted in zip(lines, ask(programs, lines), expected):
        assert answer.get("authorization") == wanted, line


def test_takes_what_botocore_signs(programs):
    rng = random.Random(2)
    lines = []
    for _ in range(VERIFIED):
        service, url, query, request, credentials, body = signed(rng)
        parts = urllib.parse.urlsplit(url)
        lines.append({
            "op": "verify", "method": request.method, "target": parts.path + ("?" + query if query else ""),
            "headers": [["Host", parts.netloc]] + [[k, v] for k, v in request.headers.items()],
            "body_sha": hashlib.sha256(body).hexdigest(), "service": service,
            "at": at_ms(request.headers["X-Amz-Date"]) + 1000,
            "access": credentials.access_key, "secret": credentials.secret_key, "token": credentials.token or ""})
    for line, answer in zip(lines, ask(programs, lines)):
        assert answer["ok"], (answer, line)
    for line in lines:
        line["secret"] += "x"
    for line, answer in zip(lines, ask(programs, lines)):
        assert not answer["ok"] and answer["code"] == "SignatureDoesNotMatch", (answer, line)


@pytest.mark.parametrize("kind,service", [("S3SigV4QueryAuth", "s3"), ("SigV4QueryAuth", "sts")])
def test_takes_what_botocore_presigns(programs, kind, service):
    rng = random.Random(3)
    lines = []
    for _ in range(50):
        _, _, url, query, _, _ = random_request(rng)
        if query and service == "s3":
            query = ""
        token = rng.choice([None, "tok/en=="])
        credentials = Credentials("AKID", "secret", token)
        request = AWSRequest(method="GET", url=url + ("?" + query if query else ""))
        getattr(botocore_auth, kind)(credentials, service, "eu-west-1", expires=600).add_auth(request)
        parts = urllib.parse.urlsplit(request.url)
        date = urllib.parse.parse_qs(parts.query)["X-Amz-Date"][0]
        lines.append({"op": "verify", "method": "GET", "target": f"{parts.path}?{parts.query}",
                      "headers": [["Host", parts.netloc]], "service": service, "at": at_ms(date) + 599_000,
                      "body_sha": hashlib.sha256(b"").hexdigest(),
                      "access": "AKID", "secret": "secret", "token": token or ""})
    for line, answer in zip(lines, ask(programs, lines)):
        assert answer["ok"], (answer, line)
    for line in lines:
        line["at"] += 2000
    assert {a["code"] for a in ask(programs, lines)} == {"AccessDenied" if service == "s3" else "RequestExpired"}
