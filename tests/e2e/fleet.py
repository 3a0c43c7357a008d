"""An embedded cloud for one test, with its Auto Scaling client and what its instances left behind."""

import pathlib

import cloud
import pytest
from conftest import processes, wait_for

GROUP = "workers"
SLEEPER = "exec sleep 1000\n"


class Cloud(cloud.Cloud):
    """The embedded cloud, and what its instances left behind."""

    def folder(self, instance):
        return pathlib.Path(self.state, "instances", instance)

    def log(self, instance):
        path = self.folder(instance) / "log"
        return path.read_text(errors="replace") if path.exists() else ""


class Group:
    """One group of a cloud, and waits for what becomes of it."""

    def __init__(self, cloud, name=GROUP):
        self.cloud, self.name = cloud, name
        self.api = cloud.client("autoscaling")

    def create(self, script=SLEEPER, least=0, most=10, desired=0, **options):
        self.api.create_launch_configuration(LaunchConfigurationName=self.name + "-launch", ImageId="ami-12345678",
                                             InstanceType="t3.small", UserData=script)
        self.api.create_auto_scaling_group(AutoScalingGroupName=self.name, MinSize=least, MaxSize=most,
                                           LaunchConfigurationName=self.name + "-launch", DesiredCapacity=desired,
                                           AvailabilityZones=["us-east-1a"], **options)
        return self

    def describe(self):
        return self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"][0]

    def instances(self, state=None):
        return [i for i in self.describe()["Instances"] if state in (None, i["LifecycleState"])]

    def ids(self, state=None):
        return [i["InstanceId"] for i in self.instances(state)]

    def wait(self, count, state="InService", seconds=30):
        """The ids of the instances in that state, once there are just so many."""
        wait_for(lambda: len(self.ids(state)) == count, f"{count} instances {state}", seconds)
        return self.ids(state)

    def wait_settled(self, count, seconds=30):
        """As wait, and nothing else is left of the group."""
        wait_for(lambda: len(self.ids("InService")) == count == len(self.ids()), f"{count} instances alone", seconds)
        return self.ids()

    def desire(self, count, **options):
        self.api.set_desired_capacity(AutoScalingGroupName=self.name, DesiredCapacity=count, **options)

    def protect(self, instances, on=True):
        self.api.set_instance_protection(AutoScalingGroupName=self.name, InstanceIds=instances,
                                         ProtectedFromScaleIn=on)

    def activities(self):
        return self.api.describe_scaling_activities(AutoScalingGroupName=self.name)["Activities"]


def refused(call, **arguments):
    """(code, message) with which a call is refused."""
    botocore = pytest.importorskip("botocore.exceptions", reason="needs: boto3")
    with pytest.raises(botocore.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def carrying(*marks):
    """{pid: command line} of all that lives and has these in its environment."""
    wanted = {mark.encode() for mark in marks}
    found = {}
    for pid, (_, state, command) in processes().items():
        try:
            if state != "Z" and wanted <= set(pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")):
                found[pid] = command
        except OSError:
            pass
    return found


def processes_of(instance):
    """Everything that the instance runs."""
    return carrying(f"WINDLASS_INSTANCE_ID={instance}")


def marked(cloud):
    """Everything that any instance of the cloud runs; other tests may run beside this one."""
    return carrying(f"AWS_ENDPOINT_URL={cloud.url}", "AWS_REGION=us-east-1")


def wait_gone(instance, seconds=30):
    wait_for(lambda: not processes_of(instance), f"end of all that {instance} runs", seconds)

