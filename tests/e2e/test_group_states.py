"""What the controller and the doctor make of warm pools, standby, refreshes and weights, seen on the embedded cloud."""

import json

import pytest
from conftest import wait_for
from fleet import Cloud, Group

POLICY = """\
version: 1
name: anb
fleet: {{ auto_scaling_group: {group}, region: us-east-1, max: {most} }}
metrics:
  backlog:
    sqs: {{ queue_url: "{queue}", count: [visible, in_flight] }}
rules:
  - name: backlog
    target_tracking: {{ metric: backlog, per_instance: 1 }}
"""


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "20s")


@pytest.fixture
def group(cloud):
    return Group(cloud)


@pytest.fixture
def look(cloud, windlass, tmp_path):
    """look(group): the facts of its group, and the stairs by reason, as plan has them; look.doctor(): the findings by check."""
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    path = tmp_path / "policy.yaml"

    def run(group="workers", most=10):
        path.write_text(POLICY.format(group=group, queue=queue, most=most))
        done = windlass("plan", path, "--journal", tmp_path / "j.db", "--output", "json", env=cloud.environment)
        assert done.returncode in (0, 3), done.stderr
        (plan,) = json.loads(done.stdout)
        run.plan = plan["plan"]
        return plan["facts"]["group"], {s["reason"]: s for s in plan["plan"]["stairs"]}

    def doctor():
        done = windlass("doctor", path, "--output", "json", env=cloud.environment)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return {f["check"]: f for f in json.loads(done.stdout)["findings"]}
    run.doctor, run.send = doctor, lambda n: [sqs.send_message(QueueUrl=queue, MessageBody="{}") for _ in range(n)]
    return run


def test_a_warm_pool_and_standby_are_no_supply(cloud, group, look):
    group.create(most=4, desired=2)
    first, _ = group.wait(2)
    group.api.put_warm_pool(AutoScalingGroupName="workers", MaxGroupPreparedCapacity=4, PoolState="Running")
    wait_for(lambda: len(group.api.describe_warm_pool(AutoScalingGroupName="workers")["Instances"]) == 2, "a pool of two")
    group.api.enter_standby(AutoScalingGroupName="workers", InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    look.send(3)
    seen, _ = look()
    assert (seen["desired"], seen["in_service"], seen["ready"], seen["standby"]) == (1, 1, 1, 1), seen
    assert seen["warmed"] >= 2 and look.plan["desired"] == 3
    assert "launches begin with them" in look.doctor()["warm-pool"]["text"]


def test_a_refresh_under_way_is_said_and_shrinks_nothing(cloud, group, look):
    group.create(most=4, desired=2, LifecycleHookSpecificationList=[
        {"LifecycleHookName": "end", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}])
    group.wait(2)
    look.send(2)
    group.api.start_instance_refresh(AutoScalingGroupName="workers", Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 30})
    leaving = group.wait(2, "Terminating:Wait")
    seen, stairs = look()
    assert stairs.get("refresh", {}).get("step") == 7 and seen["draining"] == 2, (seen, stairs)
    assert look.plan["desired"] == 2
    assert "an instance refresh is InProgress" in look.doctor()["refresh"]["text"]
    for instance in leaving:
        group.api.complete_lifecycle_action(AutoScalingGroupName="workers", LifecycleHookName="end", InstanceId=instance,
                                            LifecycleActionResult="CONTINUE")


def test_weights_are_units_of_capacity(cloud, group, look):
    group.create()  # whose launch configuration becomes a template, too
    group.api.create_auto_scaling_group(
        AutoScalingGroupName="mixed", MinSize=0, MaxSize=12, DesiredCapacity=8, AvailabilityZones=["us-east-1a"], MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "workers-launch", "Version": "1"},
                               "Overrides": [{"InstanceType": "c5.xlarge", "WeightedCapacity": "4"}]}})
    mixed = Group(cloud, "mixed")
    mixed.wait(2)
    look.send(11)
    seen, stairs = look("mixed", most=12)
    assert (seen["desired"], seen["in_service"], seen["heaviest"]) == (8, 8, 4), seen
    assert stairs["units"]["args"][0] == 4 and look.plan["desired"] == 11, stairs
    assert "weigh up to 4 units" in look.doctor()["units"]["text"]
