"""A policy that follows a metric of CloudWatch, played by moto and by the embedded cloud."""

import datetime
import json

import pytest
from cloud import Cloud

POLICY = """\
version: 1
name: {name}
fleet: {{ auto_scaling_group: {group}, region: us-east-1, max: 20 }}
metrics:
  work:
    cloudwatch: {{ namespace: Shop, metric: {metric}, dimensions: {{ Site: north }}, statistic: {statistic}, period: 60s }}
rules:
  - name: work
    target_tracking: {{ metric: work, per_instance: 10 }}
"""


class World:
    def __init__(self, env, client, windlass, folder):
        self.env, self.windlass, self.folder = env, windlass, folder
        self.cloudwatch, self.asg = client("cloudwatch"), client("autoscaling")
        self.asg.create_launch_configuration(LaunchConfigurationName="lc", ImageId="ami-12c6146b", InstanceType="t2.micro",
                                             UserData="sleep 1000")
        for group in ("one", "two"):
            self.asg.create_auto_scaling_group(AutoScalingGroupName=group, LaunchConfigurationName="lc", MinSize=0, MaxSize=20,
                                               DesiredCapacity=3, AvailabilityZones=["us-east-1a"])

    def put(self, metric, *values, minutes_ago=2):
        """Values of one whole minute."""
        at = datetime.datetime.now(datetime.timezone.utc).replace(second=5, microsecond=0) - datetime.timedelta(minutes=minutes_ago)
        self.cloudwatch.put_metric_data(Namespace="Shop", MetricData=[
            {"MetricName": metric, "Dimensions": [{"Name": "Site", "Value": "north"}], "Timestamp": at, "Value": value}
            for value in values])

    def policy(self, name="one", metric="Orders", statistic="Sum"):
        folder = self.folder / "policies"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(POLICY.format(name=name, group=name, metric=metric, statistic=statistic))
        return folder

    def plan(self, folder):
        done = self.windlass("plan", folder, "--journal", self.folder / "j.db", "--output", "json", env=self.env)
        return done, {p["policy"]: p for p in json.loads(done.stdout)}


@pytest.fixture(params=["moto", "embedded"])
def world(request, moto_server, windlass, programs, keys, client_of, tmp_path):
    if request.param == "moto":
        moto = request.getfixturevalue("moto")
        return World({**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s), windlass, tmp_path)
    cloud = Cloud(programs, tmp_path).start()
    return World(dict(cloud.environment), cloud.client, windlass, tmp_path)


@pytest.mark.parametrize("statistic,value,desired", [("Sum", 75, 8), ("Maximum", 45, 5), ("Average", 37.5, 4), ("SampleCount", 2, 3)])
def test_the_fleet_follows_the_newest_whole_minute(world, statistic, value, desired):
    world.put("Orders", 200, minutes_ago=4)
    world.put("Orders", 30, 45)
    done, plans = world.plan(world.policy(statistic=statistic))
    assert done.returncode == (3 if desired > 3 else 0), done.stdout + done.stderr  # 1 by the metric, held by what was
    assert plans["one"]["facts"]["metrics"]["work"]["value_milli"] == value * 1000
    assert plans["one"]["plan"]["desired"] == desired, plans


def test_the_fleet_follows_a_percentile(programs, windlass, tmp_path):
    """On the embedded cloud alone: moto knows no percentiles."""
    cloud = Cloud(programs, tmp_path).start()
    world = World(dict(cloud.environment), cloud.client, windlass, tmp_path)
    world.put("Orders", *[10] * 9, 75)
    _, plans = world.plan(world.policy(statistic="p99"))
    value = plans["one"]["facts"]["metrics"]["work"]["value_milli"] / 1000
    assert 60 < value <= 75 and plans["one"]["plan"]["desired"] == -(-value // 10)


def test_a_metric_without_values_holds_its_fleet_and_no_other(world):
    world.put("Orders", 75)
    world.policy("two", metric="Nothing")
    done, plans = world.plan(world.policy("one"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert plans["one"]["plan"]["desired"] == 8
    assert plans["two"]["change"] is False and plans["two"]["plan"]["desired"] in (None, 3)
    assert "policy two" in done.stderr and "CloudWatch has no value of Shop Nothing" in done.stderr, done.stderr
    assert "policy one" not in done.stderr


def test_values_that_are_old_hold_the_fleet(world):
    world.put("Orders", 75, minutes_ago=9)
    done, plans = world.plan(world.policy())
    assert plans["one"]["change"] is False, plans
    assert "stale" in json.dumps(plans["one"]["plan"]) or "old" in json.dumps(plans["one"]["plan"]), plans
