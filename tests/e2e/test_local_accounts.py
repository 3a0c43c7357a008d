"""Whose key is taken by the embedded cloud: those of a file of accounts, or, where it is asked for, anybody's."""

import json
import pathlib
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cloud import DEBIAN_AWS, Cloud, code_of

FILE = """\
accounts:
  - account_id: "111111111111"
    access_key_id: AKIDTESTFIRST0000001
    secret_access_key: first/secret+of/the/first/account000000
    name: ci
  - account_id: "222222222222"
    access_key_id: AKIDTESTSECOND000002
    secret_access_key: second/secret+of/the/second/account0000
"""
FIRST = ("AKIDTESTFIRST0000001", "first/secret+of/the/first/account000000")
SECOND = ("AKIDTESTSECOND000002", "second/secret+of/the/second/account0000")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path)


def write(folder, text=FILE, mode=0o600):
    path = folder / "accounts.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def client(cloud, service, key, token=None, **config):
    boto3 = pytest.importorskip("boto3", reason="needs: boto3")
    from botocore.config import Config
    return boto3.client(service, endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id=key[0],
                        aws_secret_access_key=key[1], aws_session_token=token,
                        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **config))


def say(cloud, body, **headers):
    """Status and text of the answer to a form without a signature."""
    data = urllib.parse.urlencode(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(cloud.url + "/", data, {**FORM, **headers}), timeout=30) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def test_keys_of_two_accounts(cloud, tmp_path, programs):
    cloud.start("--accounts", write(tmp_path))
    first, second = client(cloud, "sts", FIRST), client(cloud, "sts", SECOND)
    who = first.get_caller_identity()
    assert (who["Account"], who["Arn"]) == ("111111111111", "arn:aws:iam::111111111111:user/ci")
    assert who["UserId"].startswith("AIDA") and len(who["UserId"]) == 21
    assert second.get_caller_identity()["Arn"] == "arn:aws:iam::222222222222:root"
    assert cloud.client("sts").get_caller_identity()["Account"] == "123456789012"  # the state's own key goes on
    assert second.get_access_key_info(AccessKeyId=FIRST[0])["Account"] == "111111111111"

    # Keys for a while are of whom they were given to, and roles of the account that they are in.
    keys = first.get_session_token()["Credentials"]
    session = client(cloud, "sts", (keys["AccessKeyId"], keys["SecretAccessKey"]), keys["SessionToken"])
    assert session.get_caller_identity()["Arn"] == "arn:aws:iam::111111111111:user/ci"
    role = first.assume_role(RoleArn="arn:aws:iam::222222222222:role/video", RoleSessionName="me")
    assert role["AssumedRoleUser"]["Arn"] == "arn:aws:sts::222222222222:assumed-role/video/me"
    assert code_of(first.assume_role, RoleArn="arn:aws:iam::333333333333:role/video", RoleSessionName="me") == "AccessDenied"

    # One store for all, of --account; who sent a message can be told.
    url = client(cloud, "sqs", FIRST).create_queue(QueueName="q")["QueueUrl"]
    assert url.endswith("/123456789012/q")
    client(cloud, "sqs", SECOND).send_message(QueueUrl=url, MessageBody="m")
    got = client(cloud, "sqs", FIRST).receive_message(QueueUrl=url, AttributeNames=["SenderId"], WaitTimeSeconds=5)
    assert got["Messages"][0]["Attributes"]["SenderId"] == "222222222222"
    client(cloud, "s3", SECOND).create_bucket(Bucket="videos")
    assert [b["Name"] for b in client(cloud, "s3", FIRST).list_buckets()["Buckets"]] == ["videos"]

    # Wrong secrets and unknown keys, as each service says it.
    wrong, unknown = (FIRST[0], SECOND[1]), ("AKIDNOBODYHASTHIS000", FIRST[1])
    refused = [(s, code_of(getattr(client(cloud, s, key), call))) for key in (wrong, unknown)
               for s, call in (("sts", "get_caller_identity"), ("sqs", "list_queues"), ("s3", "list_buckets"))]
    assert refused == [("sts", "SignatureDoesNotMatch"), ("sqs", "SignatureDoesNotMatch"), ("s3", "SignatureDoesNotMatch"),
                       ("sts", "InvalidClientTokenId"), ("sqs", "InvalidClientTokenId"), ("s3", "InvalidAccessKeyId")]
    status, text = say(cloud, {"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    assert status == 403 and "MissingAuthenticationToken" in text
    assert FIRST[1] not in cloud.program.text() and SECOND[1] not in cloud.program.text()

    if pathlib.Path(DEBIAN_AWS).exists():
        done = programs.call(DEBIAN_AWS, "--endpoint-url", cloud.url, "sts", "get-caller-identity", env={
            "AWS_ACCESS_KEY_ID": SECOND[0], "AWS_SECRET_ACCESS_KEY": SECOND[1], "AWS_DEFAULT_REGION": "us-east-1"})
        assert done.returncode == 0 and json.loads(done.stdout)["Account"] == "222222222222", done.stderr


def test_a_wrong_file_of_accounts_is_refused(programs, tmp_path):
    def start(*options):
        done = programs.call("windlass-local", "--memory", *options)
        assert done.returncode == 2 and "first/secret" not in done.stderr, done.stderr
        return done.stderr
    path = write(tmp_path, FILE.replace('"111111111111"', "111"))
    assert f"{path}:2:17: 'account_id' wants 12 digits" in start("--accounts", path)
    assert "chmod 600" in start("--accounts", write(tmp_path, mode=0o644))
    assert "loopback" in start("--no-verify", "--open", "--listen", "0.0.0.0")


def test_without_verification_everybody_is_taken(cloud, tmp_path):
    cloud.start("--no-verify", "--accounts", write(tmp_path))
    assert "signatures are not verified" in cloud.program.text()
    anybody, wrong = ("test", "test"), (FIRST[0], "no secret of anybody")
    assert client(cloud, "sts", anybody).get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"
    assert client(cloud, "sts", wrong).get_caller_identity()["Arn"] == "arn:aws:iam::111111111111:user/ci"
    keys = client(cloud, "sts", anybody).get_session_token()["Credentials"]
    assert client(cloud, "sqs", (keys["AccessKeyId"], "x"), "y").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200

    # Without any signature, in each protocol.
    from botocore import UNSIGNED
    sqs, s3 = (client(cloud, s, anybody, signature_version=UNSIGNED) for s in ("sqs", "s3"))
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"] == "m"
    assert client(cloud, "autoscaling", anybody, signature_version=UNSIGNED).describe_auto_scaling_groups()["AutoScalingGroups"] == []
    s3.create_bucket(Bucket="videos")
    s3.put_object(Bucket="videos", Key="a", Body=b"unsigned")
    assert client(cloud, "s3", wrong).get_object(Bucket="videos", Key="a")["Body"].read() == b"unsigned"
    # Signed streams come in pieces whose signatures nobody can check.
    client(cloud, "s3", wrong).put_object(Bucket="videos", Key="b", Body=b"signed" * 100, ChecksumAlgorithm="CRC32")
    assert s3.get_object(Bucket="videos", Key="b")["Body"].read() == b"signed" * 100

    # A script that we would run must not come from a page that a browser of this machine shows.
    ask = {"Action": "DescribeAutoScalingGroups", "Version": "2011-01-01"}
    assert say(cloud, ask)[0] == 200
    for headers in ({"Origin": "http://example.com"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Host": "rebound.example.com"}, {"Host": "127.0.0.1.example.com"}):
        status, text = say(cloud, ask, **headers)
        assert status == 403 and "AccessDenied" in text, headers
    assert say(cloud, ask, Host="localhost:1")[0] == 200
