"""Instance metadata (IMDSv2) of the embedded cloud: by hand, and by boto3 inside an instance."""

import datetime
import json
import re
import socket
import sys
import urllib.error
import urllib.request

import pytest
from conftest import wait_for
from fleet import Cloud, Group

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
SHOW_ADDRESS = "echo $AWS_EC2_METADATA_SERVICE_ENDPOINT\nexec sleep 1000\n"


@pytest.fixture
def cloud(programs, tmp_path):
    pytest.importorskip("boto3", reason="needs: boto3")
    return Cloud(programs, tmp_path).start("--stop-grace", "20s")


class Metadata:
    """The service of one instance, whose script has logged the address."""

    def __init__(self, cloud, instance):
        self.url = wait_for(lambda: cloud.log(instance).endswith("\n") and cloud.log(instance), "address").strip()

    def ask(self, method, path, **headers):
        """(status, headers, text)"""
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as reply:
                return reply.status, reply.headers, reply.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode()

    def token(self, ttl="60"):
        status, headers, text = self.ask("PUT", "/latest/api/token", **{TTL: ttl})
        assert status == 200 and headers[TTL] == ttl
        return text

    def get(self, path, token=None):
        status, _, text = self.ask("GET", "/latest" + path, **{TOKEN: token or self.token()})
        return text if status == 200 else status


@pytest.fixture
def group(cloud):
    return Group(cloud).create(script=SHOW_ADDRESS, desired=1, Tags=[
        {"Key": "team", "Value": "video", "PropagateAtLaunch": True},
        {"Key": "own", "Value": "x", "PropagateAtLaunch": False}])


def test_a_token_is_needed(cloud, group):
    here = Metadata(cloud, group.wait(1)[0])
    for wrong in ({}, {TTL: "0"}, {TTL: "21601"}, {TTL: "soon"}, {TTL: "-1"}, {TTL: ""}):
        assert here.ask("PUT", "/latest/api/token", **wrong)[0] == 400
    assert here.ask("PUT", "/latest/api/token", **{TTL: "60", "X-Forwarded-For": "1.2.3.4"})[0] == 403
    assert here.ask("PUT", "/latest/meta-data/instance-id", **{TTL: "60"})[0] == 405
    good = here.token()
    assert here.get("/meta-data/instance-id", good) == group.ids()[0]
    for wrong in ({}, {TOKEN: ""}, {TOKEN: "x"}, {TOKEN: "A" * 56}, {TOKEN: good[:-4] + "AA=="},
                  {TOKEN: "B" + good[1:]}, {TOKEN: good * 40}):
        assert here.ask("GET", "/latest/meta-data/instance-id", **wrong)[0] == 401
    brief = here.token("1")
    wait_for(lambda: here.get("/meta-data/instance-id", brief) == 401, "end of a token")
    assert here.ask("GET", "/nowhere", **{TOKEN: good})[0] == 404


def test_a_token_is_for_one_instance(cloud, group):
    group.desire(2)
    one, two = (Metadata(cloud, i) for i in group.wait(2))
    assert one.url != two.url
    assert two.get("/meta-data/instance-id", one.token()) == 401


def test_what_it_tells(cloud, group):
    instance, = group.wait(1)
    here = Metadata(cloud, instance)
    token = here.token()
    get = lambda path: here.get(path, token)
    assert get("/meta-data/instance-id") == instance
    assert get("/meta-data/instance-type") == "t3.small" and get("/meta-data/ami-id") == "ami-12345678"
    assert get("/meta-data/placement/region") == "us-east-1"
    assert get("/meta-data/placement/availability-zone") == "us-east-1a"
    assert get("/meta-data/instance-life-cycle") == "on-demand"
    assert get("/meta-data/autoscaling/target-lifecycle-state") == "InService"
    assert get("/meta-data/spot/instance-action") == 404
    assert get("/meta-data/events/recommendations/rebalance") == 404
    assert get("/meta-data/tags/instance") == "aws:autoscaling:groupName\nteam"
    assert get("/meta-data/tags/instance/team") == "video"
    assert get("/meta-data/tags/instance/aws:autoscaling:groupName") == "workers"
    assert get("/meta-data/tags/instance/own") == 404
    assert get("/user-data") == SHOW_ADDRESS
    assert get("/meta-data/").split("\n") == ["ami-id", "autoscaling/", "iam/", "instance-id", "instance-life-cycle",
                                             "instance-type", "local-ipv4", "placement/", "tags/"]
    assert get("/meta-data/placement/") == "availability-zone\nregion"
    document = json.loads(get("/dynamic/instance-identity/document"))
    assert (document["instanceId"], document["region"], document["accountId"]) == \
        (instance, "us-east-1", "123456789012")
    assert get("/meta-data/iam/security-credentials/") == "windlass-instance"
    assert get("/meta-data/iam/security-credentials/other") == 404
    keys = json.loads(get("/meta-data/iam/security-credentials/windlass-instance"))
    assert keys["Code"] == "Success" and keys["AccessKeyId"].startswith("ASIA")
    ends = datetime.datetime.fromisoformat(keys["Expiration"].replace("Z", "+00:00"))
    left = ends - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=5) < left <= datetime.timedelta(hours=6, minutes=1)


def test_it_says_that_the_end_is_near(cloud, group):
    group.api.put_lifecycle_hook(LifecycleHookName="drain", AutoScalingGroupName="workers",
                                 LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING")
    instance, = group.wait(1)
    here = Metadata(cloud, instance)
    group.desire(0)
    group.wait(1, "Terminating:Wait")
    assert here.get("/meta-data/autoscaling/target-lifecycle-state") == "Terminated"
    group.api.complete_lifecycle_action(LifecycleHookName="drain", AutoScalingGroupName="workers",
                                        InstanceId=instance, LifecycleActionResult="CONTINUE")
    group.wait_settled(0)
    with pytest.raises(OSError):
        here.get("/meta-data/instance-id", "x")


def test_it_stays_where_it_is_over_a_restart(cloud, group):
    instance, = group.wait(1)
    here = Metadata(cloud, instance)
    token = here.token()
    old = json.loads(here.get("/meta-data/iam/security-credentials/windlass-instance"))
    cloud.program.kill()
    # Somebody else sits at the port for a moment.
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(here.url.rsplit(":", 1)[1])))
        other.listen()
        cloud.start("--stop-grace", "20s")
        cloud.program.wait_log("metadata address is not to be had")
    wait_for(lambda: _answers(here, instance, token), "metadata address again")
    import boto3
    who = boto3.client("sts", endpoint_url=cloud.url, region_name="us-east-1", aws_access_key_id=old["AccessKeyId"],
                       aws_secret_access_key=old["SecretAccessKey"], aws_session_token=old["Token"])
    assert who.get_caller_identity()["Account"] == "123456789012"


def _answers(here, instance, token):
    try:
        return here.get("/meta-data/instance-id", token) == instance
    except OSError:
        return False


def test_it_listens_on_loopback_only(cloud, group):
    here = Metadata(cloud, group.wait(1)[0])
    port = int(here.url.rsplit(":", 1)[1])
    listening = [line.split()[1] for line in open("/proc/net/tcp") if line.split()[3] == "0A"]
    assert [a for a in listening if a.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


INSIDE = """#!{python}
import json, boto3
session = boto3.Session()
credentials = session.get_credentials()
who = session.client("sts", endpoint_url="{url}").get_caller_identity()
print(json.dumps(dict(method=credentials.method, arn=who["Arn"], user=who["UserId"])), flush=True)
import time
time.sleep(1000)
"""


def test_boto3_finds_its_role_inside(cloud):
    group = Group(cloud)
    group.api.create_launch_configuration(LaunchConfigurationName="inside", ImageId="ami-1", InstanceType="t3.small",
                                          IamInstanceProfile="arn:aws:iam::123456789012:instance-profile/workers-role",
                                          UserData=INSIDE.format(python=sys.executable, url=cloud.url))
    group.api.create_auto_scaling_group(AutoScalingGroupName="workers", MinSize=1, MaxSize=1,
                                        LaunchConfigurationName="inside", AvailabilityZones=["us-east-1a"])
    instance, = group.wait(1)
    said = json.loads(wait_for(lambda: cloud.log(instance).endswith("}\n") and cloud.log(instance), "identity"))
    assert said["method"] == "iam-role"
    assert said["arn"] == f"arn:aws:sts::123456789012:assumed-role/workers-role/{instance}"
    assert re.fullmatch(rf"AROA\w+:{instance}", said["user"])
