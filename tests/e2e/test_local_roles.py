"""Roles that are assumed, and tags that are looked for, in the embedded cloud."""

import datetime

import pytest
from cloud import Cloud, code_of
from fleet import Group

ROLE = "arn:aws:iam::123456789012:role/teams/video"


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start()


@pytest.fixture(params=["newest", "debian"])
def sts(cloud, request):
    if request.param == "newest":
        yield cloud.client("sts")
        return
    client = cloud.debian_client("sts")
    yield client
    client.close()


def test_a_role_is_assumed_and_its_keys_work(cloud, sts):
    import boto3
    got = sts.assume_role(RoleArn=ROLE, RoleSessionName="night@shift", DurationSeconds=900)
    assert got["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/video/night@shift"
    assert got["AssumedRoleUser"]["AssumedRoleId"].endswith(":night@shift")
    keys = got["Credentials"]
    left = datetime.datetime.fromisoformat(str(keys["Expiration"])) - datetime.datetime.now(datetime.timezone.utc)
    assert 800 < left.total_seconds() <= 900
    other = boto3.client("sts", endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"],
                         aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])
    assert other.get_caller_identity()["Arn"] == got["AssumedRoleUser"]["Arn"]


def test_what_cannot_be_assumed_is_refused(sts):
    assume = lambda **o: code_of(sts.assume_role, **{"RoleArn": ROLE, "RoleSessionName": "me", **o})  # noqa: E731
    assert assume(RoleArn="arn:aws:iam::999999999999:role/video") == "AccessDenied"
    assert assume(RoleArn="arn:aws:iam::123456789012:user/somebody") in ("ValidationError", "AccessDenied")
    assert assume(RoleArn="not the name of any role") == "ValidationError"
    assert assume(RoleSessionName="a b") == "ValidationError"
    assert assume(DurationSeconds=43201) == "ValidationError"


def test_tags_are_found_by_filters_and_pages(cloud):
    tags = [{"Key": "team", "Value": "video", "PropagateAtLaunch": True}, {"Key": "cost", "Value": "7", "PropagateAtLaunch": False}]
    for name in ("one", "two"):
        Group(cloud, name).create(Tags=tags)
    api = cloud.client("autoscaling")
    find = lambda **o: [(t["ResourceId"], t["Key"]) for t in api.describe_tags(  # noqa: E731
        Filters=[{"Name": k.replace("_", "-"), "Values": v} for k, v in o.items()])["Tags"]]
    assert find() == [("one", "cost"), ("one", "team"), ("two", "cost"), ("two", "team")]
    assert find(auto_scaling_group=["two"], key=["team", "none"]) == [("two", "team")]
    assert find(value=["7"]) == find(propagate_at_launch=["false"]) == [("one", "cost"), ("two", "cost")]
    assert code_of(find, colour=["red"]) == "ValidationError"
    first = api.describe_tags(MaxRecords=3)
    rest = api.describe_tags(MaxRecords=3, NextToken=first["NextToken"])
    assert len(first["Tags"]) == 3 and [t["Key"] for t in rest["Tags"]] == ["team"] and "NextToken" not in rest
    assert first["Tags"][1] == {"ResourceId": "one", "ResourceType": "auto-scaling-group", **tags[0]}
