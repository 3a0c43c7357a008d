"""How soon EC2's own target tracking follows a backlog, seen in a second: windlass-local plays its alarms minute by minute.

    pip install pytest boto3; pytest examples/local        (windlass-local and windlass are on the PATH)
"""

import subprocess
import time

import boto3
import pytest


@pytest.fixture
def aws(monkeypatch):
    with subprocess.Popen(["windlass-local", "--memory", "--stop-grace", "1s"], stdout=subprocess.PIPE, text=True) as local:
        for _ in range(4):
            for word in local.stdout.readline().split():
                name, _, value = word.partition("=")
                if value:
                    monkeypatch.setenv(name, value)
        yield boto3.Session()
        local.terminate()


def metric(id, namespace, name, dimension, value):
    return {"Id": id, "ReturnData": False, "MetricStat": {"Stat": "Average", "Metric": {
        "Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": dimension, "Value": value}]}}}


def test_native_target_tracking_takes_its_minutes(aws):
    group, sqs = aws.client("autoscaling"), aws.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    group.create_launch_configuration(LaunchConfigurationName="worker", ImageId="ami-1", InstanceType="t3.small", UserData="exec sleep 1000")
    group.create_auto_scaling_group(AutoScalingGroupName="workers", LaunchConfigurationName="worker", MinSize=1, MaxSize=5,
                                    AvailabilityZones=["us-east-1a"])
    group.enable_metrics_collection(AutoScalingGroupName="workers", Granularity="1Minute")
    group.put_scaling_policy(
        AutoScalingGroupName="workers", PolicyName="backlog", PolicyType="TargetTrackingScaling", TargetTrackingConfiguration={
            "TargetValue": 10, "CustomizedMetricSpecification": {"Metrics": [
                metric("visible", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "jobs"),
                metric("workers", "AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", "workers"),
                {"Id": "backlog", "Expression": "visible / workers"}]}})

    def state():
        found = group.describe_auto_scaling_groups()["AutoScalingGroups"][0]
        return found["DesiredCapacity"], [i["LifecycleState"] for i in found["Instances"]].count("InService")
    while state() != (1, 1):
        time.sleep(0.05)
    for _ in range(30):
        sqs.send_message(QueueUrl=url, MessageBody="transcode this")
    minutes = 0
    while state()[0] == 1:
        subprocess.run(["windlass", "local", "advance", "1m"], check=True)
        minutes += 1
        assert minutes < 10
    # Three minutes above the target, and one that CloudWatch is late.
    assert minutes in (4, 5) and state()[0] == 3
