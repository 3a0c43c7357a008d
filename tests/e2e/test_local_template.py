"""EC2's launch templates on the embedded cloud, and groups that launch from their versions."""

import base64

import pytest
from cloud import code_of
from conftest import wait_for
from fleet import Cloud, Group

TEMPLATE = "workers-template"


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start("--stop-grace", "1s")


def data(word, **more):
    script = f"echo this is {word}\nexec sleep 1000\n"
    return {"ImageId": "ami-12345678", "InstanceType": "t3.small",
            "UserData": base64.b64encode(script.encode()).decode(), **more}


def test_templates_are_made_changed_and_told(cloud):
    ec2 = cloud.client("ec2")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "video"}]}]
    made = ec2.create_launch_template(LaunchTemplateName=TEMPLATE, VersionDescription="first",
                                      LaunchTemplateData=data("one", TagSpecifications=tags))["LaunchTemplate"]
    by_id = {"LaunchTemplateId": made["LaunchTemplateId"]}
    assert made["LaunchTemplateId"].startswith("lt-0") and len(made["LaunchTemplateId"]) == 20
    assert (made["DefaultVersionNumber"], made["LatestVersionNumber"]) == (1, 1)
    second = ec2.create_launch_template_version(**by_id, SourceVersion="1",
                                                LaunchTemplateData={"InstanceType": "c5.large"})["LaunchTemplateVersion"]
    assert second["VersionNumber"] == 2 and second["DefaultVersion"] is False
    assert second["LaunchTemplateData"] == data("one", InstanceType="c5.large", TagSpecifications=tags)
    assert ec2.modify_launch_template(**by_id, DefaultVersion="2")["LaunchTemplate"]["DefaultVersionNumber"] == 2

    def numbers(**asked):
        got = ec2.describe_launch_template_versions(LaunchTemplateName=TEMPLATE, **asked)["LaunchTemplateVersions"]
        return [(v["VersionNumber"], v["DefaultVersion"], v.get("VersionDescription")) for v in got]
    assert numbers() == [(2, True, None), (1, False, "first")]
    assert numbers(Versions=["1"]) == [(1, False, "first")] and numbers(Versions=["$Latest"]) == [(2, True, None)]
    ec2.create_launch_template(LaunchTemplateName="other", LaunchTemplateData={"ImageId": "ami-1"})
    named = lambda **asked: [t["LaunchTemplateName"] for t in ec2.describe_launch_templates(**asked)["LaunchTemplates"]]  # noqa: E731
    assert named() == ["other", TEMPLATE] and named(LaunchTemplateNames=["other"]) == ["other"]
    assert named(LaunchTemplateIds=[made["LaunchTemplateId"]]) == [TEMPLATE]

    name = "InvalidLaunchTemplateName."
    assert code_of(ec2.create_launch_template, LaunchTemplateName="other", LaunchTemplateData=data("x")) == \
        name + "AlreadyExistsException"
    assert code_of(ec2.create_launch_template, LaunchTemplateName="a b c", LaunchTemplateData=data("x")) == \
        name + "MalformedException"
    assert code_of(ec2.describe_launch_templates, LaunchTemplateNames=["nobody"]) == name + "NotFoundException"
    assert code_of(ec2.delete_launch_template, LaunchTemplateId="lt-1") == "InvalidLaunchTemplateId.NotFound"
    assert code_of(numbers, Versions=["3"]) == "InvalidLaunchTemplateId.VersionNotFound"
    assert code_of(ec2.modify_launch_template, **by_id, DefaultVersion="3") == "InvalidLaunchTemplateId.VersionNotFound"
    assert code_of(ec2.create_launch_template_version, **by_id, SourceVersion="7", LaunchTemplateData={}) in (
        "InvalidLaunchTemplateId.VersionNotFound", "MissingParameter")
    assert ec2.delete_launch_template(LaunchTemplateName="other")["LaunchTemplate"]["LaunchTemplateName"] == "other"
    assert named() == [TEMPLATE]


def test_a_group_launches_from_a_version(cloud):
    """What $Default means is decided when an instance is launched, and a refresh takes those that it no longer means."""
    ec2, group = cloud.client("ec2"), Group(cloud)
    made = ec2.create_launch_template(LaunchTemplateName=TEMPLATE, LaunchTemplateData=data("one"))["LaunchTemplate"]
    base = {"AutoScalingGroupName": group.name, "MinSize": 0, "MaxSize": 4, "AvailabilityZones": ["us-east-1a"]}
    for wrong in ({"LaunchTemplateName": "nobody"}, {"LaunchTemplateId": "lt-1"},
                  {"LaunchTemplateName": TEMPLATE, "Version": "9"}):
        assert code_of(group.api.create_auto_scaling_group, **base, LaunchTemplate=wrong) == "ValidationError"
    group.api.create_auto_scaling_group(**base, DesiredCapacity=1,
                                        LaunchTemplate={"LaunchTemplateId": made["LaunchTemplateId"]})
    (first,) = group.wait(1)
    shown = {"LaunchTemplateId": made["LaunchTemplateId"], "LaunchTemplateName": TEMPLATE}
    assert group.describe()["LaunchTemplate"] == {**shown, "Version": "$Default"}
    assert group.instances()[0]["LaunchTemplate"] == {**shown, "Version": "1"}
    wait_for(lambda: "this is one" in cloud.log(first), "first version's script")

    ec2.create_launch_template_version(LaunchTemplateName=TEMPLATE, LaunchTemplateData=data("two"))
    ec2.modify_launch_template(LaunchTemplateName=TEMPLATE, DefaultVersion="2")
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=2)
    (second,) = set(group.wait(2)) - {first}
    wait_for(lambda: "this is two" in cloud.log(second), "second version's script")
    group.api.start_instance_refresh(AutoScalingGroupName=group.name, Preferences={
        "SkipMatching": True, "MinHealthyPercentage": 0, "InstanceWarmup": 0})
    wait_for(lambda: group.api.describe_instance_refreshes(AutoScalingGroupName=group.name)[
        "InstanceRefreshes"][0]["Status"] == "Successful", "refresh")
    now = group.wait(2)
    assert second in now and first not in now
    assert {i["LaunchTemplate"]["Version"] for i in group.instances()} == {"2"}

    ec2.delete_launch_template(LaunchTemplateName=TEMPLATE)
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=3)
    failed = wait_for(lambda: [a for a in group.activities() if a["StatusCode"] == "Failed"], "failed launch")[0]
    assert "does not exist" in failed["StatusMessage"]
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=0)


def test_a_launch_configuration_is_told_as_aws_tells_it(cloud):
    api = cloud.client("autoscaling")
    disks = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "DeleteOnTermination": True}}]
    api.create_launch_configuration(LaunchConfigurationName="plain", ImageId="ami-1", InstanceType="t3.small")
    api.create_launch_configuration(LaunchConfigurationName="rich", ImageId="ami-1", InstanceType="t3.small", KeyName="k",
                                    InstanceMonitoring={"Enabled": False}, EbsOptimized=True, BlockDeviceMappings=disks)
    plain, rich = api.describe_launch_configurations()["LaunchConfigurations"]
    assert (plain["UserData"], plain["KeyName"], plain["KernelId"], plain["RamdiskId"]) == ("", "", "", "")
    assert plain["InstanceMonitoring"] == {"Enabled": True} and plain["EbsOptimized"] is False
    assert plain["BlockDeviceMappings"] == []
    assert rich["InstanceMonitoring"] == {"Enabled": False} and rich["EbsOptimized"] is True and rich["KeyName"] == "k"
    assert rich["BlockDeviceMappings"] == disks
