"""Metrics that the controller puts into CloudWatch, read back from moto and from the embedded cloud."""

import datetime
import json

import pytest
from cloud import Cloud
from conftest import free_port

POLICY = """\
version: 1
name: {name}
fleet: {{ auto_scaling_group: workers, region: us-east-1, max: 8 }}
metrics:
  backlog:
    sqs: {{ queue_url: "{queue}", count: [visible, in_flight] }}
rules:
  - name: tens
    target_tracking: {{ metric: backlog, per_instance: 10 }}
  - name: few
    step_scaling: {{ metric: backlog, steps: [ {{ above: 100, add: 1 }} ] }}
{publish}
"""


class World:
    def __init__(self, env, client, windlass, folder):
        self.env, self.run, self.folder = env, windlass, folder
        self.sqs, self.asg, self.cloudwatch = client("sqs"), client("autoscaling"), client("cloudwatch")
        self.queue = self.sqs.create_queue(QueueName="jobs")["QueueUrl"]
        for _ in range(35):
            self.sqs.send_message(QueueUrl=self.queue, MessageBody="{}")
        self.asg.create_launch_configuration(LaunchConfigurationName="lc", ImageId="ami-12c6146b", InstanceType="t2.micro",
                                             UserData="sleep 1000")
        self.asg.create_auto_scaling_group(AutoScalingGroupName="workers", LaunchConfigurationName="lc", MinSize=0, MaxSize=8,
                                           DesiredCapacity=0, AvailabilityZones=["us-east-1a"])

    def policy(self, publish="publish: { namespace: Fleet }", queue=None):
        path = self.folder / "policy.yaml"
        path.write_text(POLICY.format(name="anb", queue=queue or self.queue, publish=publish))
        return path

    def turn(self, path, **env):
        return self.run("turn", path, "--journal", self.folder / "j.db", env={**self.env, **env}, seconds=60)

    def desired(self):
        return self.asg.describe_auto_scaling_groups()["AutoScalingGroups"][0]["DesiredCapacity"]

    def read(self, metric, **dimensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        got = self.cloudwatch.get_metric_statistics(
            Namespace="Fleet", MetricName=metric, Dimensions=[{"Name": k, "Value": v} for k, v in dimensions.items()],
            StartTime=now - datetime.timedelta(minutes=10), EndTime=now + datetime.timedelta(minutes=2), Period=60,
            Statistics=["Maximum"])["Datapoints"]
        return max((p["Maximum"] for p in got), default=None)


@pytest.fixture(params=["moto", "embedded"])
def world(request, moto_server, windlass, programs, keys, client_of, tmp_path):
    if request.param == "moto":
        moto = request.getfixturevalue("moto")
        return World({**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s), windlass, tmp_path)
    cloud = Cloud(programs, tmp_path).start()
    return World(dict(cloud.environment), cloud.client, windlass, tmp_path)


def test_backlog_wishes_and_size_are_published_when_asked(world):
    done = world.turn(world.policy())
    assert done.returncode == 0 and world.desired() == 4, done.stdout + done.stderr
    assert world.read("BacklogPerInstance", Policy="anb", Metric="backlog") == 35
    assert world.read("DesiredByRule", Policy="anb", Rule="tens") == 4
    assert world.read("DesiredByRule", Policy="anb", Rule="few") == 0
    assert world.read("DesiredCapacity", Policy="anb") == 4
    assert world.read("PromiseKept", Policy="anb") is None


def test_nothing_is_published_unless_asked_nor_what_is_not_known(world):
    assert world.turn(world.policy(publish="")).returncode == 0
    assert world.cloudwatch.list_metrics(Namespace="Fleet")["Metrics"] == []
    assert world.turn(world.policy(queue=world.queue + "-gone")).returncode == 1
    names = {m["MetricName"] for m in world.cloudwatch.list_metrics(Namespace="Fleet")["Metrics"]}
    assert names == {"DesiredCapacity"}


def test_what_cannot_be_published_changes_no_turn(world):
    done = world.turn(world.policy(), AWS_ENDPOINT_URL_CLOUDWATCH=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 0 and world.desired() == 4, done.stdout + done.stderr
    assert "metrics cannot be published" in done.stderr, done.stderr


def test_the_daemon_goes_on_where_nothing_can_be_published(windlass, programs, tmp_path):
    cloud = Cloud(programs, tmp_path).start()
    world = World(dict(cloud.environment), cloud.client, windlass, tmp_path)
    path = world.policy(publish="publish: { namespace: Fleet }\nevaluate: { every: 1s, idle_every: 1s }")
    daemon = programs.start("windlassd", "--policies", path, "--journal", world.folder / "d.db", "--log-format", "logfmt",
                            env={**world.env, "AWS_ENDPOINT_URL_CLOUDWATCH": f"http://127.0.0.1:{free_port()}"})
    daemon.wait_log("desired capacity set.*to=4")
    daemon.wait_log("metrics cannot be published.*namespace=Fleet", seconds=60)
    for _ in range(20):
        world.sqs.send_message(QueueUrl=world.queue, MessageBody="{}")
    daemon.wait_log("desired capacity set.*to=6")
    assert daemon.stop() == 0


def test_iam_policy_allows_just_the_namespaces_that_are_published(windlass, keys, tmp_path):
    path = tmp_path / "policy.yaml"
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/jobs"
    path.write_text(POLICY.format(name="anb", queue=url, publish="publish: { namespace: Fleet }"))
    document = json.loads(windlass("iam-policy", "controller", "--policies", path, env=keys).stdout)
    allowed = [s for s in document["Statement"] if "cloudwatch:PutMetricData" in s["Action"]]
    assert allowed == [{"Sid": "Publish", "Effect": "Allow", "Action": ["cloudwatch:PutMetricData"], "Resource": ["*"],
                        "Condition": {"StringEquals": {"cloudwatch:namespace": ["Fleet"]}}}]
    path.write_text(POLICY.format(name="anb", queue=url, publish=""))
    assert "PutMetricData" not in windlass("iam-policy", "controller", "--policies", path, env=keys).stdout
    path.write_text(POLICY.format(name="anb", queue=url, publish="publish: { namespace: AWS/SQS }"))
    refused = windlass("validate", path, env=keys)
    assert refused.returncode == 2 and "does not begin with AWS/" in refused.stderr + refused.stdout
