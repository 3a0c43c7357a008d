"""Standby, detaching, warm pools, refreshes and mixed types of the embedded Auto Scaling, by boto3."""

import json

import pytest
from conftest import wait_for
from fleet import SLEEPER, Cloud, Group, processes_of, refused, wait_gone

# Tells, in its log, where its group takes it: as a worker reads it.
TELLS = """
base=$AWS_EC2_METADATA_SERVICE_ENDPOINT
trap 'echo ending; exit 0' TERM
while :; do
    token=$(curl -s -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $base/latest/api/token)
    curl -s -H "X-aws-ec2-metadata-token: $token" $base/latest/meta-data/autoscaling/target-lifecycle-state
    echo
    sleep 0.1
done
"""


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "20s")


@pytest.fixture
def group(cloud):
    return Group(cloud)


def pool(group):
    return group.api.describe_warm_pool(AutoScalingGroupName=group.name)


def waiting(group, state):
    return [i["InstanceId"] for i in pool(group)["Instances"] if i["LifecycleState"] == state]


def wait_pool(group, count, state):
    wait_for(lambda: len(waiting(group, state)) == count, f"{count} instances {state}")
    return waiting(group, state)


def advance(cloud, time):
    done = cloud.programs.call("windlass", "local", "advance", time, env=cloud.environment)
    assert done.returncode == 0, done.stderr


def refresh(group, **preferences):
    return group.api.start_instance_refresh(AutoScalingGroupName=group.name, Preferences=preferences)["InstanceRefreshId"]


def refreshed(group, identity=None):
    return group.api.describe_instance_refreshes(
        AutoScalingGroupName=group.name, InstanceRefreshIds=[identity] if identity else [])["InstanceRefreshes"][0]


def wait_refreshed(group, status="Successful"):
    wait_for(lambda: refreshed(group)["Status"] == status, f"refresh {status}", 60)
    return refreshed(group)


def test_standby(cloud, group):
    group.create(least=1, most=3, desired=2)
    first, second = group.wait(2)
    enter, leave = group.api.enter_standby, group.api.exit_standby
    done = enter(AutoScalingGroupName="workers", InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    activity = done["Activities"][0]
    assert activity["Description"] == f"Moving EC2 instance to Standby: {first}"
    assert activity["Cause"].endswith(f"instance {first} was moved to standby in response to a user request, "
                                      "shrinking the capacity from 2 to 1.")
    assert (activity["StatusCode"], activity["Progress"]) == ("InProgress", 50)
    assert group.ids("Standby") == [first] and group.describe()["DesiredCapacity"] == 1
    assert processes_of(first), "it runs on"
    group.protect([first])  # allowed in standby
    assert refused(enter, AutoScalingGroupName="workers", InstanceIds=[second], ShouldDecrementDesiredCapacity=True) == (
        "ValidationError", "AutoScalingGroup workers has min-size=1, max-size=3, and desired-size=1. To place into "
                           "standby 1 instance, please update the AutoScalingGroup sizes appropriately.")
    assert refused(enter, AutoScalingGroupName="workers", InstanceIds=[first], ShouldDecrementDesiredCapacity=False) == (
        "ValidationError", f"The instance {first} is not in InService.")
    assert refused(leave, AutoScalingGroupName="workers", InstanceIds=[second]) == (
        "ValidationError", f"The instance {second} is not in Standby.")
    # Without decrement its place is filled, and its return makes one more.
    enter(AutoScalingGroupName="workers", InstanceIds=[second], ShouldDecrementDesiredCapacity=False)
    (third,) = group.wait(1)
    assert third not in (first, second)
    pid = list(processes_of(first))
    back = leave(AutoScalingGroupName="workers", InstanceIds=[first])["Activities"][0]
    assert back["Description"] == f"Moving EC2 instance out of Standby: {first}"
    assert (back["StatusCode"], back["Progress"]) == ("PreInService", 30)
    assert set(group.wait(2)) == {first, third} and group.describe()["DesiredCapacity"] == 2
    assert list(processes_of(first)) == pid, "the same process"
    ended = [a for a in group.activities() if a["ActivityId"] == back["ActivityId"]][0]
    assert ended["StatusCode"] == "Successful"


def test_detach_and_attach(cloud, group):
    group.create(least=0, most=2, desired=2)
    first, second = group.wait(2)
    api = group.api
    api.detach_instances(AutoScalingGroupName="workers", InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    assert group.ids() == [second] and group.describe()["DesiredCapacity"] == 1
    assert [i["InstanceId"] for i in api.describe_auto_scaling_instances()["AutoScalingInstances"]] == [second]
    assert processes_of(first), "a machine of its own"
    cloud.program.kill()
    cloud.start("--stop-grace", "20s")
    assert processes_of(first)
    other = Group(cloud, "others").create(most=1, desired=0)
    assert refused(other.api.attach_instances, AutoScalingGroupName="others", InstanceIds=[second]) == (
        "ValidationError", f"Instance {second} is already part of AutoScalingGroup:workers")
    assert refused(other.api.attach_instances, AutoScalingGroupName="others", InstanceIds=["i-0123456789abcdef0"]) == (
        "ValidationError", "Invalid Instance ID(s): [i-0123456789abcdef0]")
    other.api.attach_instances(AutoScalingGroupName="others", InstanceIds=[first])
    assert other.wait(1) == [first] and other.describe()["DesiredCapacity"] == 1
    full = Group(cloud, "full").create(most=0)
    api.detach_instances(AutoScalingGroupName="others", InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    assert refused(api.attach_instances, AutoScalingGroupName="full", InstanceIds=[first]) == (
        "ValidationError", "AutoScalingGroup full has min-size=0, max-size=0, and desired-size=0. To attach 1 "
                           "instance, please update the AutoScalingGroup sizes appropriately.")
    full.api.update_auto_scaling_group(AutoScalingGroupName="others", DesiredCapacity=0)
    other.api.attach_instances(AutoScalingGroupName="others", InstanceIds=[first])
    other.wait(1)
    other.desire(0)
    wait_gone(first)


@pytest.mark.parametrize("state", ["Stopped", "Running", "Hibernated"])
def test_a_warm_pool(cloud, group, state):
    group.create(TELLS, least=0, most=3, desired=1)
    (first,) = group.wait(1)
    put = {"AutoScalingGroupName": "workers", "PoolState": state, "MinSize": 1, "MaxGroupPreparedCapacity": 2,
           "InstanceReusePolicy": {"ReuseOnScaleIn": True}}
    group.api.put_warm_pool(**put)
    (warm,) = wait_pool(group, 1, f"Warmed:{state}")
    assert pool(group)["WarmPoolConfiguration"] == {k: v for k, v in put.items() if k != "AutoScalingGroupName"}
    seen = group.describe()
    assert seen["WarmPoolSize"] == 1 and seen["WarmPoolConfiguration"]["PoolState"] == state
    assert [i["InstanceId"] for i in seen["Instances"]] == [first], "those of the pool are no capacity"
    alone = group.api.describe_auto_scaling_instances(InstanceIds=[warm])["AutoScalingInstances"][0]
    assert alone["LifecycleState"] == f"Warmed:{state}"
    assert bool(processes_of(warm)) == (state != "Stopped")
    if state == "Running":
        wait_for(lambda: "Warmed:Running" in cloud.log(warm), "its target")
    group.desire(2)  # the ready one is taken, and another comes for it
    assert set(group.wait(2)) == {first, warm}
    wait_for(lambda: cloud.log(warm).endswith("InService\n"), "its new target")
    taken = [a for a in group.activities() if a["Description"].startswith("Launching a new EC2 instance from warm pool")]
    assert [a["Description"].split(": ")[1] for a in taken] == [warm]
    (other,) = wait_pool(group, 1, f"Warmed:{state}")
    assert other != warm
    group.api.put_warm_pool(AutoScalingGroupName="workers", MaxGroupPreparedCapacity=3)
    group.desire(1)  # one goes back
    group.wait(1)
    waits = wait_pool(group, 2, f"Warmed:{state}")
    assert set(waits) >= {other} and len({first, warm} & set(waits)) == 1
    group.api.delete_warm_pool(AutoScalingGroupName="workers", ForceDelete=True)
    wait_for(lambda: "WarmPoolConfiguration" not in pool(group), "end of the pool")
    for one in waits:
        wait_gone(one)
    assert refused(group.api.delete_warm_pool, AutoScalingGroupName="workers")[0] == "ValidationError"


def test_a_warm_pool_waits_for_hooks(cloud, group):
    group.create(TELLS, least=0, most=1, desired=0, LifecycleHookSpecificationList=[
        {"LifecycleHookName": "boot", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}])
    group.api.put_warm_pool(AutoScalingGroupName="workers")
    (warm,) = wait_pool(group, 1, "Warmed:Pending:Wait")
    wait_for(lambda: "Warmed:Stopped" in cloud.log(warm), "where it is taken")

    def go_on():
        group.api.complete_lifecycle_action(AutoScalingGroupName="workers", LifecycleHookName="boot", InstanceId=warm,
                                            LifecycleActionResult="CONTINUE")
    go_on()
    wait_pool(group, 1, "Warmed:Stopped")
    assert "ending" in cloud.log(warm) and not processes_of(warm)
    cloud.program.kill()
    cloud.start("--stop-grace", "20s")
    group = Group(cloud)
    group.desire(1)
    group.wait(1, "Pending:Wait")
    assert processes_of(warm)
    go_on()
    assert group.wait(1) == [warm]
    group.api.delete_auto_scaling_group(AutoScalingGroupName="workers", ForceDelete=True)
    wait_gone(warm)


def test_a_refresh_replaces_all(cloud, group):
    group.create(least=0, most=8, desired=4)
    old = group.wait(4)
    identity = refresh(group, MinHealthyPercentage=50, InstanceWarmup=0)
    assert refused(group.api.start_instance_refresh, AutoScalingGroupName="workers") == (
        "InstanceRefreshInProgress",
        "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
    least = 4
    while refreshed(group, identity)["Status"] in ("Pending", "InProgress"):
        least = min(least, len(group.ids("InService")))
    seen = wait_refreshed(group)
    assert least >= 2, "half of them at any time"
    assert (seen["PercentageComplete"], seen["InstancesToUpdate"]) == (100, 0) and seen["EndTime"]
    assert seen["Preferences"]["ScaleInProtectedInstances"] == "Wait"
    new = group.wait_settled(4)
    assert not set(new) & set(old)
    assert any("in response to an instance refresh." in a["Cause"] for a in group.activities())
    assert refused(group.api.cancel_instance_refresh, AutoScalingGroupName="workers") == (
        "ActiveInstanceRefreshNotFound",
        "No in progress or pending Instance Refresh found for Auto Scaling group workers")


def test_a_refresh_heeds_protection_warm_up_and_cancel(cloud, group):
    group.create(least=0, most=8, desired=2, LifecycleHookSpecificationList=[
        {"LifecycleHookName": "end", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}])
    busy, idle = group.wait(2)
    group.protect([busy])
    refresh(group, MinHealthyPercentage=100, MaxHealthyPercentage=150, InstanceWarmup=600)
    group.wait(3)  # the new one first
    assert set(group.ids("InService")) > {busy, idle}
    advance(cloud, "10m")
    group.wait(1, "Terminating:Wait")
    assert group.ids("Terminating:Wait") == [idle]
    group.api.complete_lifecycle_action(AutoScalingGroupName="workers", LifecycleHookName="end", InstanceId=idle,
                                        LifecycleActionResult="CONTINUE")
    wait_gone(idle)
    seen = refreshed(group)
    assert seen["Status"] == "InProgress" and "protected from scale-in" in seen["StatusReason"]
    assert busy in group.ids("InService")
    group.api.cancel_instance_refresh(AutoScalingGroupName="workers")
    wait_refreshed(group, "Cancelled")
    assert busy in group.wait(2)
    refresh(group, ScaleInProtectedInstances="Ignore", MinHealthyPercentage=0, InstanceWarmup=0, SkipMatching=True)
    assert wait_refreshed(group)["PercentageComplete"] == 100, "all match"
    refresh(group, MinHealthyPercentage=0, InstanceWarmup=0)
    advance(cloud, "61m")
    assert wait_refreshed(group, "Failed")["StatusReason"].endswith("did not make progress for an hour.")
    assert busy in group.ids("InService")


def test_a_refresh_takes_a_template_and_goes_back(cloud, group):
    group.create(least=0, most=8, desired=0)
    for name in ("one", "two"):
        group.api.create_launch_configuration(LaunchConfigurationName=name, ImageId="ami-1", InstanceType="t3.small",
                                              UserData=f"echo this is {name}\n{SLEEPER}")
    one, two = ({"LaunchTemplateName": name, "Version": "1"} for name in ("one", "two"))
    group.api.update_auto_scaling_group(AutoScalingGroupName="workers", LaunchTemplate=one, DesiredCapacity=2)
    old = group.wait(2)
    start = {"AutoScalingGroupName": "workers", "DesiredConfiguration": {"LaunchTemplate": two}}
    group.api.start_instance_refresh(**start, Preferences={
        "MinHealthyPercentage": 50, "InstanceWarmup": 0, "CheckpointPercentages": [50, 100], "CheckpointDelay": 600})
    wait_for(lambda: refreshed(group)["InstancesToUpdate"] == 1 and len(group.ids("InService")) == 2, "the checkpoint")
    (new,) = set(group.ids("InService")) - set(old)
    assert "this is two" in cloud.log(new)
    assert group.describe()["LaunchTemplate"] == one, "until it has succeeded"
    group.api.rollback_instance_refresh(AutoScalingGroupName="workers")
    seen = wait_refreshed(group, "RollbackSuccessful")
    assert seen["RollbackDetails"]["PercentageCompleteOnRollback"] == 50
    last = group.wait(2)
    assert new not in last and all("this is one" in cloud.log(i) for i in last)
    group.api.start_instance_refresh(**start, Preferences={"MinHealthyPercentage": 0, "InstanceWarmup": 0})
    wait_refreshed(group)
    assert group.describe()["LaunchTemplate"] == two
    assert all("this is two" in cloud.log(i) for i in group.wait_settled(2))
    group.api.update_auto_scaling_group(AutoScalingGroupName="workers", DesiredCapacity=0)


def test_mixed_types_have_weights(cloud, group):
    group.create()
    group.api.create_auto_scaling_group(
        AutoScalingGroupName="mixed", MinSize=0, MaxSize=12, DesiredCapacity=5, AvailabilityZones=["us-east-1a"],
        MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": {"LaunchTemplateName": "workers-launch", "Version": "1"},
                               "Overrides": [{"InstanceType": "c5.large", "WeightedCapacity": "2"},
                                             {"InstanceType": "c5.xlarge", "WeightedCapacity": "4"}]},
            "InstancesDistribution": {"OnDemandBaseCapacity": 2, "OnDemandPercentageAboveBaseCapacity": 0}})
    mixed = Group(cloud, "mixed")
    mixed.wait(3)  # 5 units of two each
    seen = mixed.describe()
    assert {(i["InstanceType"], i["WeightedCapacity"]) for i in seen["Instances"]} == {("c5.large", "2")}
    assert seen["MixedInstancesPolicy"]["InstancesDistribution"]["OnDemandBaseCapacity"] == 2
    assert seen["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"][1] == {"InstanceType": "c5.xlarge",
                                                                             "WeightedCapacity": "4"}
    mixed.desire(4)
    mixed.wait_settled(2)
    mixed.desire(3)
    mixed.wait_settled(2)  # to take two would leave too little
    assert refused(group.api.put_warm_pool, AutoScalingGroupName="mixed")[0] == "ValidationError"
    assert refused(group.api.update_auto_scaling_group, AutoScalingGroupName="mixed", MaxInstanceLifetime=60)[1] == \
        "Maximum instance lifetime must be 0, or between 86400 and 31536000 seconds."
    before = set(mixed.ids())
    group.api.update_auto_scaling_group(AutoScalingGroupName="mixed", MaxInstanceLifetime=86400)
    advance(cloud, "25h")
    wait_for(lambda: len(mixed.ids("InService")) == 2 and not before & set(mixed.ids()), "younger ones")


def test_lists_that_never_change(cloud):
    text = cloud.aws("autoscaling", "describe-termination-policy-types")
    assert "OldestLaunchTemplate" in json.loads(text)["TerminationPolicyTypes"]
    assert len(json.loads(cloud.aws("autoscaling", "describe-lifecycle-hook-types"))["LifecycleHookTypes"]) == 2
    kinds = json.loads(cloud.aws("autoscaling", "describe-auto-scaling-notification-types"))
    assert "autoscaling:EC2_INSTANCE_LAUNCH" in kinds["AutoScalingNotificationTypes"]
    assert json.loads(cloud.aws("autoscaling", "describe-notification-configurations")) == {
        "NotificationConfigurations": []}
