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


MATH = """\
    cloudwatch:
      expression: "{expression}"
      queries:
        m1: {{ namespace: Shop, metric: Orders, dimensions: {{ Site: north }}, statistic: Sum }}
        m2: {{ namespace: Shop, metric: Slots, dimensions: {{ Site: north }}, statistic: Maximum }}
      period: 60s
"""


def test_the_fleet_follows_metric_math(programs, windlass, tmp_path):
    """On the embedded cloud alone: moto does little math. Both name m1 and m2, and go into one call."""
    cloud = Cloud(programs, tmp_path).start()
    world = World(dict(cloud.environment), cloud.client, windlass, tmp_path)
    world.put("Orders", 100, 60)
    world.put("Slots", 2)
    for name, expression in (("one", "m1 / m2"), ("two", "MAX([m1 / 4, m2])")):
        file = world.policy(name) / f"{name}.yaml"
        lines = file.read_text().splitlines(keepends=True)
        lines[5:6] = [MATH.format(expression=expression)]
        file.write_text("".join(lines))
    done, plans = world.plan(tmp_path / "policies")
    assert done.returncode == 3, done.stdout + done.stderr
    assert {name: plan["facts"]["metrics"]["work"]["value_milli"] for name, plan in plans.items()} == {"one": 80000, "two": 40000}
    assert (plans["one"]["plan"]["desired"], plans["two"]["plan"]["desired"]) == (8, 4), plans
    costs = world.windlass("plan", tmp_path / "policies", "--cost", "--journal", tmp_path / "j.db", env=world.env)
    assert costs.returncode in (0, 3), costs.stderr


def test_a_bad_expression_holds_its_own_fleet_only(programs, windlass, tmp_path):
    cloud = Cloud(programs, tmp_path).start()
    world = World(dict(cloud.environment), cloud.client, windlass, tmp_path)
    world.put("Orders", 75)
    file = world.policy("two") / "two.yaml"
    lines = file.read_text().splitlines(keepends=True)
    lines[5:6] = [MATH.format(expression="NOTHING(m1) / m2")]
    file.write_text("".join(lines))
    done, plans = world.plan(world.policy("one"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert plans["one"]["plan"]["desired"] == 8 and plans["two"]["change"] is False, plans
    assert "policy two" in done.stderr and "policy one" not in done.stderr, done.stderr


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
