"""EC2 and the STS of the embedded cloud: instances as EC2 tells of them, and keys for a token."""

import base64
import hashlib
import hmac
import json
import sqlite3
import time
import urllib.error
import urllib.request

import pytest
from cloud import code_of
from conftest import wait_for
from fleet import Cloud, Group, refused, wait_gone

ROLE = "arn:aws:iam::123456789012:role/encoder"


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "20s")


def described(ec2, **arguments):
    return [i for r in ec2.describe_instances(**arguments)["Reservations"] for i in r["Instances"]]


def test_instances_as_ec2_tells_of_them(cloud):
    ec2 = cloud.client("ec2")
    group = Group(cloud).create(desired=3, Tags=[{"Key": "team", "Value": "video", "PropagateAtLaunch": True}])
    ids = sorted(group.wait(3))
    seen = described(ec2)
    assert [i["InstanceId"] for i in seen] == ids
    one = seen[0]
    assert one["State"] == {"Code": 16, "Name": "running"} and one["InstanceType"] == "t3.small"
    assert one["ImageId"] == "ami-12345678" and one["Placement"]["AvailabilityZone"] == "us-east-1a"
    assert {t["Key"]: t["Value"] for t in one["Tags"]} == {"team": "video", "aws:autoscaling:groupName": "workers"}
    assert time.time() - one["LaunchTime"].timestamp() < 600

    def found(name, *values):
        return [i["InstanceId"] for i in described(ec2, Filters=[{"Name": name, "Values": list(values)}])]
    assert found("tag:aws:autoscaling:groupName", "workers") == ids
    assert found("tag:team", "vid*") == ids and found("tag:team", "audio") == []
    assert found("instance-state-name", "running") == ids and found("instance-state-name", "stopped") == []
    assert found("instance-id", ids[1]) == [ids[1]] and found("tag-key", "team") == ids
    assert [i["InstanceId"] for i in described(ec2, InstanceIds=[ids[2]])] == [ids[2]]
    pages = ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
    assert sum(len(p["Reservations"]) for p in pages) == 3
    missing = "i-0123456789abcdef0"
    assert refused(ec2.describe_instances, InstanceIds=[missing]) == (
        "InvalidInstanceID.NotFound", f"The instance ID '{missing}' does not exist")
    assert code_of(ec2.describe_instances, InstanceIds=["x"]) == "InvalidInstanceID.Malformed"
    assert code_of(ec2.describe_instances, Filters=[{"Name": "colour", "Values": ["x"]}]) == "InvalidParameterValue"
    status = ec2.describe_instance_status(InstanceIds=[ids[0]])["InstanceStatuses"][0]
    assert status["InstanceStatus"]["Status"] == "ok" and status["InstanceState"]["Name"] == "running"

    # Debian's aws ends one; its group finds that out, waits for no hook and launches another.
    group.api.put_lifecycle_hook(AutoScalingGroupName="workers", LifecycleHookName="end",
                                 LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING")
    ended = json.loads(cloud.aws("ec2", "terminate-instances", "--instance-ids", ids[0]))["TerminatingInstances"][0]
    assert (ended["PreviousState"]["Name"], ended["CurrentState"]["Name"]) == ("running", "shutting-down")
    wait_gone(ids[0])
    wait_for(lambda: described(ec2, InstanceIds=[ids[0]])[0]["State"]["Name"] == "terminated", "terminated")
    assert ids[0] not in group.wait(3)
    assert ec2.describe_regions()["Regions"][0]["RegionName"] == "us-east-1"
    assert len(ec2.describe_availability_zones()["AvailabilityZones"]) == 3
    assert code_of(ec2.describe_vpcs) == "InvalidAction"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(cloud, **claims):
    """One of the cloud's own making, with other claims."""
    with sqlite3.connect(cloud.state / "local.db") as db:
        (key,) = db.execute("SELECT key FROM local_issuer").fetchone()
    told = {"iss": cloud.url + "/", "aud": "sts.amazonaws.com", "sub": "me", "exp": int(time.time()) + 600, **claims}
    text = encode(b'{"alg":"HS256"}') + "." + encode(json.dumps(told).encode())
    return text + "." + encode(hmac.new(key, text.encode(), hashlib.sha256).digest())


def test_a_token_becomes_keys(cloud):
    sts = cloud.client("sts")

    def assume(web, role=ROLE):
        return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="pod-1", WebIdentityToken=web)
    issued = (cloud.state / "web-identity-token").read_text()
    got = assume(issued)
    assert got["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/encoder/pod-1"
    assert got["Audience"] == "sts.amazonaws.com" and got["SubjectFromWebIdentityToken"].startswith("system:")
    assert assume(token(cloud))["SubjectFromWebIdentityToken"] == "me"
    head, claims, proof = issued.split(".")
    for web in ("xxxx", "a.b.c", f"{head}.{claims}.{proof[::-1]}", token(cloud, aud="another"), token(cloud, iss="me")):
        assert code_of(assume, web=web) == "InvalidIdentityToken", web
    assert code_of(assume, web=token(cloud, exp=int(time.time()) - 1)) == "ExpiredTokenException"
    assert code_of(assume, web=issued, role="arn:aws:iam::999999999999:role/encoder") == "AccessDenied"
    # The SDK's own way: a file and a role, no key at all; and it outlives a crash.
    cloud.program.kill()
    cloud.start("--stop-grace", "20s")
    environment = {"AWS_ENDPOINT_URL": cloud.url, "AWS_REGION": "us-east-1", "AWS_ROLE_ARN": ROLE,
                   "AWS_WEB_IDENTITY_TOKEN_FILE": str(cloud.state / "web-identity-token"),
                   "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_CONFIG_FILE": "/dev/null"}
    told = cloud.programs.call("windlass", "queue", "create", "web", env=environment)
    assert told.returncode == 0, told.stderr
    assert cloud.client("sqs").get_queue_url(QueueName="web")["QueueUrl"]


def test_nothing_else_comes_without_a_key(cloud):
    for body in (b"Action=GetCallerIdentity", b"Action=GetSessionToken&Action=AssumeRoleWithWebIdentity",
                 b"Action=AssumeRole&x=Action=AssumeRoleWithWebIdentity",
                 b"Action=AssumeRoleWithWebIdentity&Action=GetSessionToken"):
        request = urllib.request.Request(cloud.url, body, {"Content-Type": "application/x-www-form-urlencoded"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=20)
        text = caught.value.read().decode()
        assert "<SecretAccessKey>" not in text and caught.value.code in (400, 403), text


def test_session_keys(cloud):
    import boto3
    sts = cloud.client("sts")
    keys = sts.get_session_token(DurationSeconds=900)["Credentials"]
    other = boto3.client("sts", endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
                         aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])
    assert other.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"
    assert code_of(other.get_session_token) == "AccessDenied"
    assert sts.get_access_key_info(AccessKeyId=keys["AccessKeyId"])["Account"] == "123456789012"
    assert code_of(cloud.client("sts", parameter_validation=False).get_session_token, DurationSeconds=899) == "ValidationError"
