"""Auto Scaling of the embedded cloud, by boto3 and Debian's aws: groups of real processes."""

import base64
import json
import os
import pathlib
import re
import signal

import pytest
from conftest import wait_for
from fleet import SLEEPER, Cloud, Group, marked, processes_of, refused, wait_gone


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "20s")


@pytest.fixture
def group(cloud):
    return Group(cloud)


def test_a_group_lives(cloud, group):
    group.create(script="#windlass: boot-delay=300ms\necho hello from $WINDLASS_INSTANCE_ID\nexec sleep 1000\n",
                 least=1, most=4, desired=2, DefaultInstanceWarmup=30, HealthCheckGracePeriod=7,
                 Tags=[{"Key": "team", "Value": "video", "PropagateAtLaunch": True}])
    seen = group.describe()
    assert (seen["MinSize"], seen["MaxSize"], seen["DesiredCapacity"]) == (1, 4, 2)
    assert seen["LaunchConfigurationName"] == "workers-launch"
    assert seen["DefaultInstanceWarmup"] == 30 and seen["HealthCheckGracePeriod"] == 7
    assert seen["DefaultCooldown"] == 300 and seen["HealthCheckType"] == "EC2"
    assert seen["AvailabilityZones"] == ["us-east-1a"] and seen["TerminationPolicies"] == ["Default"]
    assert seen["Tags"] == [{"ResourceId": "workers", "ResourceType": "auto-scaling-group", "Key": "team",
                             "Value": "video", "PropagateAtLaunch": True}]
    assert seen["AutoScalingGroupARN"].startswith("arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:")
    group.wait(2, "Pending")
    first, second = group.wait(2)
    for one in (first, second):
        assert re.fullmatch("i-[0-9a-f]{17}", one)
        wait_for(lambda one=one: f"hello from {one}" in cloud.log(one), "line in the log")
        assert list(processes_of(one).values()) == ["sleep 1000"]
    alone = group.api.describe_auto_scaling_instances(InstanceIds=[second])["AutoScalingInstances"]
    assert [(i["InstanceId"], i["AutoScalingGroupName"], i["LifecycleState"], i["HealthStatus"], i["InstanceType"],
             i["ProtectedFromScaleIn"]) for i in alone] == [(second, "workers", "InService", "HEALTHY", "t3.small",
                                                            False)]
    group.desire(1)
    assert group.describe()["DesiredCapacity"] == 1
    assert group.wait_settled(1) == [second]  # the oldest goes
    assert not processes_of(first)
    newest = group.activities()[0]
    assert newest["StatusCode"] == "Successful" and newest["Progress"] == 100 and newest["EndTime"]
    assert newest["Description"] == f"Terminating EC2 instance: {first}"
    assert "a user request explicitly set group desired capacity changing the desired capacity from 2 to 1." \
        in newest["Cause"]
    assert "shrinking the capacity from 2 to 1." in newest["Cause"]
    assert f"instance {first} was selected for termination." in newest["Cause"]
    oldest = group.activities()[-1]
    assert "increasing the capacity from 0 to 1." in oldest["Cause"]
    assert oldest["Description"].startswith("Launching a new EC2 instance: i-")
    assert refused(group.api.delete_auto_scaling_group, AutoScalingGroupName="workers")[0] == "ResourceInUse"
    group.api.delete_auto_scaling_group(AutoScalingGroupName="workers", ForceDelete=True)
    wait_for(lambda: not group.api.describe_auto_scaling_groups()["AutoScalingGroups"], "end of the group")
    wait_gone(second)
    assert not marked(cloud)
    old = group.api.describe_scaling_activities(AutoScalingGroupName="workers", IncludeDeletedGroups=True)
    assert old["Activities"][0]["AutoScalingGroupState"] == "Deleted"


def test_bounds(group):
    group.create(least=1, most=3, desired=1)
    group.wait(1)
    assert refused(group.desire, count=4) == (
        "ValidationError", "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.")
    assert refused(group.desire, count=0) == (
        "ValidationError", "New SetDesiredCapacity value 0 is below min value 1 for the AutoScalingGroup.")
    update = group.api.update_auto_scaling_group
    assert refused(update, AutoScalingGroupName="workers", MinSize=5) == (
        "ValidationError", "Max bound, 3, must be greater than or equal to min bound, 5")
    assert refused(update, AutoScalingGroupName="workers", DesiredCapacity=9) == (
        "ValidationError", "Desired capacity:9 must be between the specified min size:1 and max size:3")
    update(AutoScalingGroupName="workers", MinSize=2)
    assert group.describe()["DesiredCapacity"] == 2
    group.wait(2)
    update(AutoScalingGroupName="workers", MinSize=0, MaxSize=1)
    assert group.describe()["DesiredCapacity"] == 1
    group.wait_settled(1)
    assert "update of AutoScalingGroup constraints to min: 0, max: 1, desired: 1 changing the desired capacity " \
        "from 2 to 1." in group.activities()[0]["Cause"]
    group.desire(0)
    group.wait_settled(0)
    code, message = refused(group.desire, count=1, HonorCooldown=True)
    assert code == "ScalingActivityInProgress"
    assert message == f"Scaling activity {group.activities()[0]['ActivityId']} is in progress and blocks this action"


def test_what_does_not_exist(group):
    api = group.api
    missing = "AutoScalingGroup name not found - AutoScalingGroup: nobody not found"
    for call in (api.set_desired_capacity, api.update_auto_scaling_group, api.delete_auto_scaling_group,
                 api.describe_lifecycle_hooks, api.suspend_processes, api.describe_scaling_activities):
        extra = {"DesiredCapacity": 1} if call == api.set_desired_capacity else {}
        assert refused(call, AutoScalingGroupName="nobody", **extra) == ("ValidationError", missing)
    assert api.describe_auto_scaling_groups(AutoScalingGroupNames=["nobody"])["AutoScalingGroups"] == []
    assert refused(api.terminate_instance_in_auto_scaling_group, InstanceId="i-0123456789abcdef0",
                   ShouldDecrementDesiredCapacity=True) == (
        "ValidationError", "Instance Id not found - No managed instance found for instance ID: i-0123456789abcdef0")
    base = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1}
    assert refused(api.create_auto_scaling_group, **base, AvailabilityZones=["us-east-1a"])[1].startswith(
        "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId")
    assert refused(api.create_auto_scaling_group, **base, LaunchConfigurationName="x",
                   AvailabilityZones=["us-east-1a"]) == (
        "ValidationError", "Launch configuration name not found - Launch configuration x not found")
    assert "does not exist" in refused(api.create_auto_scaling_group, **base, AvailabilityZones=["us-east-1a"],
                                       LaunchTemplate={"LaunchTemplateName": "abc"})[1]
    group.create()
    assert refused(api.create_auto_scaling_group, **{**base, "AutoScalingGroupName": "workers"},
                   LaunchConfigurationName="workers-launch", AvailabilityZones=["us-east-1a"])[0] == "AlreadyExists"
    assert refused(api.create_auto_scaling_group, **base, LaunchConfigurationName="workers-launch")[1] == \
        "At least one Availability Zone or VPC Subnet is required."
    assert refused(api.create_auto_scaling_group, **base, LaunchConfigurationName="workers-launch",
                   AvailabilityZones=["eu-west-1a"])[1] == "Invalid availability zones: [eu-west-1a]"
    assert refused(api.delete_launch_configuration, LaunchConfigurationName="workers-launch") == (
        "ResourceInUse", "Cannot delete launch configuration workers-launch because it is attached to "
                         "AutoScalingGroup workers")
    assert refused(api.create_launch_configuration, LaunchConfigurationName="workers-launch")[0] == "AlreadyExists"
    assert refused(api.create_launch_configuration, LaunchConfigurationName="late",
                   UserData="#windlass: boot-delay=soon\n")[0] == "ValidationError"
    api.create_auto_scaling_group(**base, LaunchTemplate={"LaunchTemplateName": "workers-launch", "Version": "3"},
                                  VPCZoneIdentifier="subnet-1,subnet-2")
    shown = api.describe_auto_scaling_groups(AutoScalingGroupNames=["g"])["AutoScalingGroups"][0]
    assert shown["LaunchTemplate"] == {"LaunchTemplateName": "workers-launch", "Version": "3"}
    assert shown["VPCZoneIdentifier"] == "subnet-1,subnet-2" and shown["AvailabilityZones"] == ["us-east-1a"]


def test_what_no_client_of_good_will_sends(cloud, group):
    """Each is refused with a 400, and the service goes on."""
    import boto3
    from botocore.config import Config
    group.create(desired=1)
    one, = group.wait(1)
    raw = boto3.client("autoscaling", endpoint_url=cloud.url, region_name="us-east-1", **cloud.keys,
                       config=Config(parameter_validation=False, retries={"max_attempts": 1}))
    good = {"AutoScalingGroupName": "g", "MinSize": 0, "MaxSize": 1, "LaunchConfigurationName": "workers-launch",
            "AvailabilityZones": ["us-east-1a"]}
    for wrong in ({"MinSize": "many"}, {"MinSize": -1}, {"MaxSize": 10 ** 30}, {"MaxSize": ""}, {"MinSize": None},
                  {"DesiredCapacity": 2}, {"DesiredCapacity": "1.5"}, {"AutoScalingGroupName": ""},
                  {"AutoScalingGroupName": "x" * 256}, {"AutoScalingGroupName": "a\x01b"},
                  {"AutoScalingGroupName": "a:b"}, {"AutoScalingGroupName": None}, {"DefaultCooldown": -5},
                  {"HealthCheckType": "MAYBE"}, {"TerminationPolicies": ["Luck"]},
                  {"AvailabilityZones": [f"us-east-1{z}" for z in "abcdefghijklmnopqrstuvwxyz"]},
                  {"AvailabilityZones": ["us-east-1a,us-east-1b"]},
                  {"MixedInstancesPolicy": {"LaunchTemplate": {"LaunchTemplateSpecification": {
                      "LaunchTemplateName": "workers-launch"}}}},
                  {"LaunchTemplate": {"LaunchTemplateName": "workers-launch"}},
                  {"Tags": [{"Key": "aws:mine", "Value": "x"}]}, {"Tags": [{"Value": "x"}]},
                  {"Tags": [{"Key": "k", "Value": "v" * 257}]},
                  {"LifecycleHookSpecificationList": [{"LifecycleHookName": "h"}]},
                  {"LifecycleHookSpecificationList": [{"LifecycleHookName": "h", "LifecycleTransition": "sideways"}]}):
        given = {key: value for key, value in {**good, **wrong}.items() if value is not None}
        assert refused(raw.create_auto_scaling_group, **given)[0] in ("ValidationError", "InvalidParameterValue"), wrong
    assert [g["AutoScalingGroupName"] for g in raw.describe_auto_scaling_groups()["AutoScalingGroups"]] == ["workers"]
    of_group = {"AutoScalingGroupName": "workers"}
    for call, wrong in ((raw.set_desired_capacity, {}), (raw.set_desired_capacity, {"DesiredCapacity": "x"}),
                        (raw.set_desired_capacity, {"DesiredCapacity": -1}),
                        (raw.set_desired_capacity, {"DesiredCapacity": 10 ** 25}),
                        (raw.set_instance_protection, {"ProtectedFromScaleIn": True}),
                        (raw.set_instance_protection, {"InstanceIds": [one]}),
                        (raw.set_instance_protection, {"InstanceIds": [""], "ProtectedFromScaleIn": True}),
                        (raw.complete_lifecycle_action, {"LifecycleHookName": "h", "LifecycleActionResult": "CONTINUE"}),
                        (raw.complete_lifecycle_action, {"LifecycleHookName": "h", "InstanceId": one,
                                                         "LifecycleActionResult": "PERHAPS"}),
                        (raw.put_lifecycle_hook, {"LifecycleHookName": "h", "HeartbeatTimeout": 7201}),
                        (raw.put_lifecycle_hook, {"LifecycleHookName": "h", "DefaultResult": "PERHAPS"})):
        assert refused(call, **of_group, **wrong)[0] in ("ValidationError", "InvalidParameterValue"), (call, wrong)
    for data in ("A" * 30000, "\x00 in the middle"):
        assert refused(raw.create_launch_configuration, LaunchConfigurationName="bad", ImageId="ami-1",
                       InstanceType="t3.small", UserData=data)[0] == "ValidationError"
    assert group.ids("InService") == [one] and len(marked(cloud)) == 1


def test_nothing_runs_that_the_rows_do_not_know(cloud, group):
    """Where its pid cannot be stored, an instance's process never gets further than its gate."""
    import sqlite3
    group.create(script="echo ran\nexec sleep 1000\n")
    cloud.program.stop()
    with sqlite3.connect(cloud.state / "local.db") as db:
        db.execute("CREATE TRIGGER broken BEFORE UPDATE ON fleet_instance WHEN new.pid > 0"
                   " BEGIN SELECT raise(abort, 'the disk is full'); END")
    db.close()
    cloud.start("--stop-grace", "5s")
    group.desire(1)
    cloud.program.wait_log("instances cannot be looked after(.|\n)*instances cannot be looked after")
    one, = group.ids("Pending")
    wait_for(lambda: not marked(cloud), "end of what stood at the gate")
    assert "ran" not in cloud.log(one)
    cloud.program.stop()
    with sqlite3.connect(cloud.state / "local.db") as db:
        db.execute("DROP TRIGGER broken")
    db.close()
    cloud.start("--stop-grace", "5s")
    assert len(group.wait_settled(1)) == 1
    assert len(marked(cloud)) == 1


def test_launch_configurations_show_what_they_were_given(group):
    group.create(script="exec sleep 5\n")
    shown = group.api.describe_launch_configurations()["LaunchConfigurations"]
    assert len(shown) == 1 and base64.b64decode(shown[0]["UserData"]) == b"exec sleep 5\n"
    assert (shown[0]["ImageId"], shown[0]["InstanceType"]) == ("ami-12345678", "t3.small")
    group.api.delete_auto_scaling_group(AutoScalingGroupName="workers")
    group.api.delete_launch_configuration(LaunchConfigurationName="workers-launch")
    assert group.api.describe_launch_configurations()["LaunchConfigurations"] == []


def test_protected_instances_outlive_desired(group):
    group.create(desired=3)
    ids = group.wait(3)
    group.protect(ids[:2])
    group.desire(0)
    assert group.describe()["DesiredCapacity"] == 0
    assert group.wait_settled(2) == ids[:2]
    wait_for(lambda: "Could not scale to desired capacity because all remaining instances are protected from scale-in."
             in [a["Description"] for a in group.activities()], "activity that says so")
    group.protect([ids[0]], on=False)
    assert group.wait_settled(1) == [ids[1]]
    group.desire(1)
    group.protect([ids[1]], on=False)
    group.desire(2)
    both = group.wait_settled(2)
    assert ids[1] in both
    assert not processes_of(ids[0])


def test_new_instances_are_protected_when_the_group_says_so(group):
    group.create(desired=1, NewInstancesProtectedFromScaleIn=True)
    ids = group.wait(1)
    assert group.instances()[0]["ProtectedFromScaleIn"] is True
    group.desire(0)
    wait_for(lambda: any(a["StatusCode"] == "Cancelled" for a in group.activities()), "activity that was cancelled")
    assert group.ids("InService") == ids
    activity = group.api.terminate_instance_in_auto_scaling_group(InstanceId=ids[0],
                                                                  ShouldDecrementDesiredCapacity=False)["Activity"]
    assert activity["StatusCode"] == "InProgress"
    assert f"instance {ids[0]} was taken out of service in response to a user request." in activity["Cause"]
    group.wait_settled(0)


def test_protection_is_for_instances_in_service_only(group):
    group.create(script="#windlass: boot-delay=30s\n" + SLEEPER, desired=1)
    pending = group.wait(1, "Pending")
    assert refused(group.protect, instances=pending) == (
        "ValidationError", f"The instance {pending[0]} is not in InService or EnteringStandby or Standby.")
    assert refused(group.protect, instances=["i-0123456789abcdef0"]) == (
        "ValidationError", "The instance i-0123456789abcdef0 is not part of Auto Scaling group workers.")
    assert refused(group.protect, instances=[f"i-{n:017x}" for n in range(51)])[0] == "LimitExceeded"
    group.desire(0)  # nothing has booted, so nothing is waited for
    group.wait_settled(0, seconds=5)
    assert sorted(a["StatusCode"] for a in group.activities()) == ["Cancelled", "Successful"]


def test_terminating_one_by_name(group):
    group.create(least=1, desired=2)
    first, second = group.wait(2)
    terminate = group.api.terminate_instance_in_auto_scaling_group
    terminate(InstanceId=second, ShouldDecrementDesiredCapacity=True)
    assert group.wait_settled(1) == [first]
    assert group.describe()["DesiredCapacity"] == 1
    assert refused(terminate, InstanceId=first, ShouldDecrementDesiredCapacity=True) == (
        "ValidationError",
        "Currently, desiredSize equals minSize (1). Terminating instance without replacement will violate group's min "
        "size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.")
    terminate(InstanceId=first, ShouldDecrementDesiredCapacity=False)
    wait_for(lambda: group.ids() and first not in group.ids(), "replacement")
    assert group.wait_settled(1) != [first]


def test_one_that_dies_is_replaced(cloud, group):
    group.create(script="setsid sleep 1001 &\nexec sleep 1000\n", desired=1)
    one, = group.wait(1)
    wait_for(lambda: len(processes_of(one)) == 2, "child of the instance")
    leader, = [pid for pid, command in processes_of(one).items() if command == "sleep 1000"]
    os.kill(leader, signal.SIGKILL)
    wait_for(lambda: group.ids("InService") not in ([], [one]), "replacement")
    wait_gone(one)  # what it left behind goes too
    causes = [a["Cause"] for a in group.activities()]
    assert any("taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
               in c for c in causes)
    assert any("an instance was launched in response to an unhealthy instance needing to be replaced." in c
               for c in causes)


def test_a_command_that_always_fails_does_not_spin(cloud, group):
    group.create(script="echo went wrong; exit 3\n", desired=1)
    wait_for(lambda: len([a for a in group.activities() if a["Description"].startswith("Launching")]) >= 3,
             "third launch")
    assert len(group.activities()) <= 8
    group.desire(0)
    group.wait_settled(0)
    logs = [path.read_text() for path in (cloud.state / "instances").glob("*/log")]
    assert "went wrong\n" in logs


def test_one_that_will_not_stop_is_killed(programs, tmp_path):
    cloud = Cloud(programs, tmp_path).start("--stop-grace", "500ms")
    group = Group(cloud)
    group.create(script="trap '' TERM\necho deaf\nwhile :; do sleep 1000; done\n", desired=1)
    one, = group.wait(1)
    wait_for(lambda: "deaf" in cloud.log(one), "line of the script")
    group.desire(0)
    group.wait_settled(0)
    assert not processes_of(one)


def test_sigterm_comes_first_and_the_end_is_waited_for(cloud, group):
    group.create(script="trap 'echo told; sleep 0.5; echo done; exit 0' TERM\necho up\nwhile :; do sleep 0.05; done\n",
                 desired=1)
    one, = group.wait(1)
    wait_for(lambda: "up" in cloud.log(one), "line of the script")
    group.desire(0)
    group.wait(1, "Terminating")
    group.wait_settled(0)
    lines = [line for line in cloud.log(one).splitlines() if line != "Terminated"]  # sh's word on its sleep
    assert lines == ["up", "told", "done"]


def test_a_hook_waits(cloud, group):
    group.create(script="trap 'echo told; exit 0' TERM\necho up\nwhile :; do sleep 0.05; done\n", desired=1,
                 LifecycleHookSpecificationList=[{"LifecycleHookName": "drain", "HeartbeatTimeout": 60,
                                                  "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}])
    hooks = group.api.describe_lifecycle_hooks(AutoScalingGroupName="workers")["LifecycleHooks"]
    assert [(h["LifecycleHookName"], h["HeartbeatTimeout"], h["GlobalTimeout"], h["DefaultResult"]) for h in hooks] == \
        [("drain", 60, 6000, "ABANDON")]
    one, = group.wait(1)
    wait_for(lambda: "up" in cloud.log(one), "line of the script")
    of_one = {"LifecycleHookName": "drain", "AutoScalingGroupName": "workers", "InstanceId": one}
    assert refused(group.api.record_lifecycle_action_heartbeat, **of_one) == (
        "ValidationError", f"No active Lifecycle Action found with instance ID {one}")
    group.desire(0)
    assert group.wait(1, "Terminating:Wait") == [one]
    assert group.activities()[0]["StatusCode"] == "MidLifecycleAction"
    group.api.record_lifecycle_action_heartbeat(**of_one)
    group.desire(1)  # one that is on its way out is no supply, and cannot be called back
    other, = group.wait(1)
    assert other != one and processes_of(one) and "told" not in cloud.log(one)
    cloud.program.kill()  # hooks outlive the program
    cloud.start()
    assert one in group.ids("Terminating:Wait")
    group.api.complete_lifecycle_action(**of_one, LifecycleActionResult="CONTINUE")
    wait_gone(one)
    assert "told" in cloud.log(one)
    assert group.wait_settled(1) == [other]


def test_a_hook_that_nobody_answers_ends(group):
    group.create(desired=1)
    put = group.api.put_lifecycle_hook
    of_hook = {"LifecycleHookName": "drain", "AutoScalingGroupName": "workers"}
    assert refused(put, **of_hook)[0] == "ValidationError"  # without a transition
    assert refused(put, **of_hook, HeartbeatTimeout=29,
                   LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING")[0] == "ValidationError"
    put(**of_hook, HeartbeatTimeout=30, LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        DefaultResult="CONTINUE")
    group.wait(1)
    group.desire(0)
    group.wait(1, "Terminating:Wait")
    group.wait_settled(0, seconds=45)
    group.api.delete_lifecycle_hook(**of_hook)
    assert refused(group.api.delete_lifecycle_hook, **of_hook)[0] == "ValidationError"


def test_a_launching_hook_lets_in_or_not(group):
    group.create(least=0, desired=0)
    group.api.put_lifecycle_hook(LifecycleHookName="warm", AutoScalingGroupName="workers",
                                 LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING")
    group.desire(1)
    one, = group.wait(1, "Pending:Wait")
    done = {"LifecycleHookName": "warm", "AutoScalingGroupName": "workers"}
    group.api.complete_lifecycle_action(**done, InstanceId=one, LifecycleActionResult="ABANDON")
    wait_for(lambda: group.ids("Pending:Wait") not in ([], [one]), "another instance")
    other, = group.ids("Pending:Wait")
    group.api.complete_lifecycle_action(**done, InstanceId=other, LifecycleActionResult="CONTINUE")
    assert group.wait_settled(1) == [other]


def test_suspended_processes(group):
    group.create(desired=1)
    one, = group.wait(1)
    group.api.suspend_processes(AutoScalingGroupName="workers", ScalingProcesses=["Launch", "Terminate"])
    assert [p["ProcessName"] for p in group.describe()["SuspendedProcesses"]] == ["Launch", "Terminate"]
    assert group.describe()["SuspendedProcesses"][0]["SuspensionReason"].startswith("User suspended at 20")
    group.desire(2)
    group.desire(0)
    group.api.set_instance_health(InstanceId=one, HealthStatus="Unhealthy")
    assert group.instances()[0]["HealthStatus"] == "Unhealthy"
    assert group.ids() == [one]
    assert refused(group.api.suspend_processes, AutoScalingGroupName="workers",
                   ScalingProcesses=["Dream"])[0] == "ValidationError"
    group.api.resume_processes(AutoScalingGroupName="workers", ScalingProcesses=["Terminate"])
    group.wait_settled(0)
    group.desire(1)
    assert not group.ids()
    group.api.resume_processes(AutoScalingGroupName="workers")
    group.wait_settled(1)


def test_an_unhealthy_one_is_replaced(group):
    group.create(desired=1)
    one, = group.wait(1)
    group.api.set_instance_health(InstanceId=one, HealthStatus="Unhealthy")
    wait_for(lambda: group.ids() and one not in group.ids(), "replacement")
    assert any("in response to a user health-check." in a["Cause"] for a in group.activities())


def test_more_than_the_machine_may_run(programs, tmp_path):
    cloud = Cloud(programs, tmp_path).start("--instance-limit", "2", "--stop-grace", "5s")
    group = Group(cloud)
    group.create(desired=4)
    group.wait(2)
    failed = wait_for(lambda: [a for a in group.activities() if a["StatusCode"] == "Failed"], "failed launch")
    assert "instance limit of 2" in failed[0]["StatusMessage"] and "Launching EC2 instance failed" in \
        failed[0]["StatusMessage"]
    assert len(group.ids()) == 2


def test_pages(group):
    group.create()
    for n in range(52):
        group.api.create_auto_scaling_group(AutoScalingGroupName=f"g{n:02}", MinSize=0, MaxSize=1,
                                            LaunchConfigurationName="workers-launch",
                                            AvailabilityZones=["us-east-1a"],
                                            Tags=[{"Key": "odd", "Value": str(n % 2)}])
    first = group.api.describe_auto_scaling_groups()
    assert len(first["AutoScalingGroups"]) == 50
    second = group.api.describe_auto_scaling_groups(NextToken=first["NextToken"])
    names = [g["AutoScalingGroupName"] for g in first["AutoScalingGroups"] + second["AutoScalingGroups"]]
    assert names == sorted(f"g{n:02}" for n in range(52)) + ["workers"] and "NextToken" not in second
    assert len(group.api.describe_auto_scaling_groups(MaxRecords=100)["AutoScalingGroups"]) == 53
    odd = group.api.describe_auto_scaling_groups(Filters=[{"Name": "tag:odd", "Values": ["1"]}])["AutoScalingGroups"]
    assert len(odd) == 26
    assert refused(group.api.describe_auto_scaling_groups, MaxRecords=101)[0] == "ValidationError"
    assert refused(group.api.describe_auto_scaling_groups, NextToken="no token")[0] == "InvalidNextToken"
    group.desire(3)
    group.wait(3)
    pages = group.api.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName="workers", PaginationConfig={"PageSize": 1})
    assert len([a for page in pages for a in page["Activities"]]) == 3
    pages = group.api.get_paginator("describe_auto_scaling_instances").paginate(PaginationConfig={"PageSize": 2})
    assert sorted(i["InstanceId"] for page in pages for i in page["AutoScalingInstances"]) == sorted(group.ids())


def test_kill_9_loses_no_instance(cloud, group):
    group.create(script="echo started\nexec sleep 1000\n", desired=3)
    ids = group.wait(3)
    group.protect(ids[:1])
    before = {one: processes_of(one) for one in ids}
    cloud.program.kill()
    # One goes while nobody looks, with what it left behind.
    os.kill(next(iter(before[ids[2]])), signal.SIGKILL)
    cloud.start("--stop-grace", "20s")
    wait_for(lambda: ids[2] not in group.ids() and len(group.ids("InService")) == 3, "replacement of the dead one")
    assert set(ids[:2]) < set(group.ids())
    for one in ids[:2]:
        assert processes_of(one) == before[one] and cloud.log(one) == "started\n"
    assert [i["ProtectedFromScaleIn"] for i in group.instances() if i["InstanceId"] == ids[0]] == [True]
    # An adopted one is watched like any other.
    os.kill(next(iter(before[ids[1]])), signal.SIGKILL)
    wait_for(lambda: ids[1] not in group.ids() and len(group.ids("InService")) == 3, "replacement of an adopted one")
    assert len(marked(cloud)) == 3


def test_kill_9_at_any_moment_leaves_no_orphan(cloud, group):
    """Killed again and again amid launches and ends, it never loses or doubles an instance."""
    group.create(desired=0, most=20)
    for n in range(12):
        group.desire(6 if n % 2 else 1)
        group.desire(5 if n % 2 else 2)
        cloud.program.kill()
        cloud.start("--stop-grace", "5s")
    group.desire(4)
    ids = group.wait_settled(4)
    assert sorted(pid for one in ids for pid in processes_of(one)) == sorted(marked(cloud))
    assert len(marked(cloud)) == 4


def test_sigterm_ends_the_instances_and_the_next_start_launches_anew(cloud, group):
    group.create(script="trap 'echo told; exit 0' TERM\necho up\nwhile :; do sleep 0.05; done\n", desired=2)
    ids = group.wait(2)
    wait_for(lambda: all("up" in cloud.log(one) for one in ids), "lines of the scripts")
    assert cloud.program.stop() == 0
    assert not marked(cloud)
    assert all("told" in cloud.log(one) for one in ids)
    cloud.start()
    assert not set(group.wait(2)) & set(ids)


def test_sigterm_keeps_them_when_told_to(cloud, group):
    group.create(desired=2)
    ids = group.wait(2)
    assert cloud.program.stop() == 0
    cloud.start("--keep-instances")
    kept = group.wait(2)
    assert kept != ids
    assert cloud.program.stop() == 0
    assert len(marked(cloud)) == 2
    cloud.start("--keep-instances")
    assert group.wait(2) == kept


def test_a_second_signal_has_no_patience(cloud, group):
    group.create(script="trap '' TERM\necho deaf\nwhile :; do sleep 1000; done\n", desired=1)
    one, = group.wait(1)
    wait_for(lambda: "deaf" in cloud.log(one), "line of the script")
    cloud.program.signal(signal.SIGTERM)
    wait_for(lambda: group.ids("Terminating"), "instance that is stopped")
    cloud.program.signal(signal.SIGTERM)
    assert cloud.program.wait_end(10) == 0
    assert not marked(cloud)


def test_instances_know_their_place(programs, tmp_path):
    cloud = Cloud(programs, tmp_path).start("--instance-env", "COLOUR=red", "--instance-env", "TZ")
    group = Group(cloud)
    group.create(script="#!/usr/bin/env python3\nimport os, json\nprint(json.dumps(dict(os.environ)), flush=True)\n"
                        "import time\ntime.sleep(1000)\n", desired=1)
    one, = group.wait(1)
    env = json.loads(wait_for(lambda: cloud.log(one).endswith("\n") and cloud.log(one), "environment"))
    assert env["COLOUR"] == "red" and env["TZ"] == "UTC" and env["AWS_ENDPOINT_URL"] == cloud.url
    assert env["HOME"] == os.path.abspath(cloud.folder(one)) and env["AWS_REGION"] == "us-east-1"
    assert env["WINDLASS_INSTANCE_ID"] == one
    assert not [name for name in env if "SECRET" in name or "ACCESS_KEY" in name]
    assert not set(cloud.keys.values()) & set(env.values())


def test_debians_aws_drives_it(cloud, programs, tmp_path):
    if not os.path.exists("/usr/bin/aws"):
        pytest.fail("/usr/bin/aws is missing: apt-get install awscli")
    script = tmp_path / "user-data"
    script.write_text(SLEEPER)

    def aws(*arguments):
        done = programs.call("/usr/bin/aws", "--endpoint-url", cloud.url, "autoscaling", *arguments,
                             env={**cloud.environment, "AWS_EC2_METADATA_DISABLED": "true"})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    aws("create-launch-configuration", "--launch-configuration-name", "l", "--image-id", "ami-1", "--instance-type",
        "t3.micro", "--user-data", f"file://{script}")
    aws("create-auto-scaling-group", "--auto-scaling-group-name", "g", "--launch-configuration-name", "l",
        "--min-size", "0", "--max-size", "3", "--availability-zones", "us-east-1a", "us-east-1b",
        "--tags", "Key=a,Value=b,PropagateAtLaunch=true")
    aws("set-desired-capacity", "--auto-scaling-group-name", "g", "--desired-capacity", "2")

    def in_service():
        found = aws("describe-auto-scaling-groups", "--auto-scaling-group-names", "g")["AutoScalingGroups"][0]
        return [i for i in found["Instances"] if i["LifecycleState"] == "InService"]

    wait_for(lambda: len(in_service()) == 2, "two instances")
    assert sorted(i["AvailabilityZone"] for i in in_service()) == ["us-east-1a", "us-east-1b"]
    aws("set-instance-protection", "--auto-scaling-group-name", "g", "--protected-from-scale-in", "--instance-ids",
        in_service()[0]["InstanceId"])
    assert [i["ProtectedFromScaleIn"] for i in in_service()] == [True, False]
    aws("delete-auto-scaling-group", "--auto-scaling-group-name", "g", "--force-delete")
    wait_for(lambda: not aws("describe-auto-scaling-groups")["AutoScalingGroups"], "end of the group")
    assert not marked(cloud)


def test_a_state_named_from_where_it_was_started(programs, tmp_path):
    cloud = Cloud(programs, tmp_path)
    cloud.state = "state"
    cloud.start("--stop-grace", "5s")
    cloud.state = tmp_path / "state"
    group = Group(cloud)
    group.create(script="cd /\necho home $HOME $TMPDIR\nexec sleep 1000\n", desired=1)
    one, = group.wait(1)
    home = os.path.realpath(cloud.folder(one))
    wait_for(lambda: cloud.log(one) == f"home {home} {home}/tmp\n", "home in full")
    group.desire(0)
    group.wait_settled(0)
    wait_for(lambda: not os.path.exists(f"{home}/tmp"), "end of its temporary folder")
    assert cloud.log(one)


def test_old_logs_do_not_fill_the_disk(cloud, group):
    group.create()
    folder = cloud.state / "instances"
    for n in range(150):
        (folder / f"i-{n:017x}").mkdir(parents=True)
        os.utime(folder / f"i-{n:017x}", (n, n))
    group.desire(1)
    one, = group.wait(1)
    group.desire(0)
    group.wait_settled(0)
    wait_for(lambda: len(list(folder.iterdir())) == 100, "hundred folders")
    assert {one, f"i-{149:017x}"} < {path.name for path in folder.iterdir()}


def test_state_is_for_its_owner(cloud, group):
    group.create(desired=1)
    one, = group.wait(1)
    assert pathlib.Path(cloud.folder(one)).stat().st_mode & 0o077 == 0
    assert (cloud.folder(one) / "log").stat().st_mode & 0o077 == 0
