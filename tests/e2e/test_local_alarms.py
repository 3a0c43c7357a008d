"""The embedded CloudWatch's alarms, and the scaling policies and scheduled actions of Auto Scaling."""

import datetime
import json
import os
import signal

import pytest
from cloud import code_of
from conftest import wait_for
from fleet import Cloud, Group
from test_local_cloudwatch import PROTOCOLS, clock, client, local, minutes

UTC = datetime.timezone.utc


@pytest.fixture
def cloud(programs, tmp_path):
    """A minute of its clock has just begun, so that none ends but when a test says so."""
    made = Cloud(programs, tmp_path).start("--metrics-lag", "0s", "--stop-grace", "2s")
    local(made, "advance", f"{61 - datetime.datetime.now().second}s")
    return made


def put(cloud, *values, name="depth"):
    """A value for each of the last minutes, the newest last; None is none."""
    end = clock(cloud)
    data = [{"MetricName": name, "Value": float(v), "Timestamp": end - minutes(len(values) - n)} for n, v in enumerate(values) if v is not None]
    cloud.client("cloudwatch").put_metric_data(Namespace="App", MetricData=data)


ALARM = {"AlarmName": "deep", "Namespace": "App", "MetricName": "depth", "Statistic": "Average", "Period": 60, "EvaluationPeriods": 3,
         "DatapointsToAlarm": 2, "Threshold": 10.0, "ComparisonOperator": "GreaterThanThreshold",
         "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:told"]}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_alarms_in_each_protocol(cloud, protocol, monkeypatch):
    cloudwatch = client(cloud, protocol, monkeypatch)
    cloudwatch.put_metric_alarm(**ALARM, AlarmDescription="it is deep", TreatMissingData="notBreaching",
                                Dimensions=[{"Name": "Queue", "Value": "jobs"}], Unit="Count")
    metrics = [{"Id": "m1", "MetricStat": {"Metric": {"Namespace": "App", "MetricName": "depth"}, "Period": 60, "Stat": "p90"}, "ReturnData": False},
               {"Id": "e1", "Expression": "m1 * 2", "Label": "double", "ReturnData": True}]
    cloudwatch.put_metric_alarm(AlarmName="math", Metrics=metrics, EvaluationPeriods=1, Threshold=5, ComparisonOperator="LessThanOrEqualToThreshold")
    one, two = cloudwatch.describe_alarms()["MetricAlarms"]
    assert {k: one[k] for k in ALARM} == ALARM
    assert one["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:123456789012:alarm:deep" and one["StateValue"] == "INSUFFICIENT_DATA"
    assert one["ActionsEnabled"] is True and one["Unit"] == "Count" and one["AlarmDescription"] == "it is deep"
    assert [m["Id"] for m in two["Metrics"]] == ["m1", "e1"] and two["Metrics"][0]["MetricStat"]["Stat"] == "p90" and "MetricName" not in two

    cloudwatch.set_alarm_state(AlarmName="deep", StateValue="ALARM", StateReason="by hand", StateReasonData='{"a": 1}')
    assert [a["AlarmName"] for a in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]] == ["deep"]
    assert [a["AlarmName"] for a in cloudwatch.describe_alarms(AlarmNamePrefix="ma")["MetricAlarms"]] == ["math"]
    assert [a["AlarmName"] for a in cloudwatch.describe_alarms(AlarmNames=["math"])["MetricAlarms"]] == ["math"]
    assert [a["AlarmName"] for a in cloudwatch.describe_alarms(ActionPrefix="arn:aws:sns")["MetricAlarms"]] == ["deep"]
    page = cloudwatch.describe_alarms(MaxRecords=1)
    assert [a["AlarmName"] for a in cloudwatch.describe_alarms(MaxRecords=1, NextToken=page["NextToken"])["MetricAlarms"]] == ["math"]
    found = cloudwatch.describe_alarms_for_metric(Namespace="App", MetricName="depth", Dimensions=[{"Name": "Queue", "Value": "jobs"}])
    assert [a["AlarmName"] for a in found["MetricAlarms"]] == ["deep"]

    history = cloudwatch.describe_alarm_history(AlarmName="deep")["AlarmHistoryItems"]
    assert [h["HistoryItemType"] for h in history] == ["Action", "StateUpdate", "ConfigurationUpdate"]
    assert history[1]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    assert len(cloudwatch.describe_alarm_history(AlarmName="deep", MaxRecords=2)["AlarmHistoryItems"]) == 2

    cloudwatch.tag_resource(ResourceARN=one["AlarmArn"], Tags=[{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}])
    cloudwatch.tag_resource(ResourceARN=one["AlarmArn"], Tags=[{"Key": "team", "Value": "b"}])
    cloudwatch.untag_resource(ResourceARN=one["AlarmArn"], TagKeys=["cost"])
    cloudwatch.put_metric_alarm(**ALARM, Unit="Count", Dimensions=[{"Name": "Queue", "Value": "jobs"}])
    assert cloudwatch.list_tags_for_resource(ResourceARN=one["AlarmArn"])["Tags"] == [{"Key": "team", "Value": "b"}]
    assert code_of(cloudwatch.list_tags_for_resource, ResourceARN=one["AlarmArn"] + "x") == "ResourceNotFoundException"

    cloudwatch.disable_alarm_actions(AlarmNames=["deep"])
    assert cloudwatch.describe_alarms(AlarmNames=["deep"])["MetricAlarms"][0]["ActionsEnabled"] is False
    cloudwatch.enable_alarm_actions(AlarmNames=["deep", "nobody"])
    assert cloudwatch.describe_alarms(AlarmNames=["deep"])["MetricAlarms"][0]["ActionsEnabled"] is True

    refused = lambda **change: code_of(
        cloudwatch.put_metric_alarm, **{k: v for k, v in {**ALARM, **change}.items() if v is not None})  # noqa: E731
    assert refused(ComparisonOperator="Above") == "ValidationError"
    assert refused(DatapointsToAlarm=4) == "ValidationError"
    assert refused(TreatMissingData="badly") == "ValidationError"
    assert refused(Statistic="Median") == "ValidationError"
    assert refused(ExtendedStatistic="p90") == "InvalidParameterCombination"
    assert refused(Statistic=None, ExtendedStatistic="90") == "InvalidParameterValue"
    assert refused(EvaluateLowSampleCountPercentile="perhaps") == "ValidationError"
    assert refused(Metrics=metrics) == "InvalidParameterCombination"
    assert refused(Period=86400 * 30) == "ValidationError"
    assert refused(AlarmActions=["sns"]) == "ValidationError"
    assert code_of(cloudwatch.set_alarm_state, AlarmName="nobody", StateValue="OK", StateReason="x") == "ResourceNotFound"
    assert code_of(cloudwatch.set_alarm_state, AlarmName="deep", StateValue="FINE", StateReason="x") == "ValidationError"
    assert code_of(cloudwatch.set_alarm_state, AlarmName="deep", StateValue="OK", StateReason="x", StateReasonData="{") == "InvalidFormat"
    assert code_of(cloudwatch.describe_alarms, NextToken="?") == "InvalidNextToken"
    assert code_of(cloudwatch.delete_alarms, AlarmNames=["deep", "nobody"]) == "ResourceNotFound"
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 2, "all or none"
    cloudwatch.delete_alarms(AlarmNames=["deep", "math"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_alarms_follow_their_metric(cloud):
    cloudwatch = cloud.client("cloudwatch")
    for name, treat in (("missing", "missing"), ("quiet", "notBreaching"), ("strict", "breaching"), ("same", "ignore")):
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": name, "TreatMissingData": treat})
    states = lambda: {a["AlarmName"]: a["StateValue"] for a in cloudwatch.describe_alarms()["MetricAlarms"]}  # noqa: E731
    local(cloud, "advance", "1m")
    assert states() == {"missing": "INSUFFICIENT_DATA", "quiet": "OK", "strict": "ALARM", "same": "INSUFFICIENT_DATA"}
    local(cloud, "advance", "10m")
    put(cloud, 5, 20, 20)
    local(cloud, "advance", "1m")
    assert states() == {name: "ALARM" for name in states()}
    reason = cloudwatch.describe_alarms(AlarmNames=["missing"])["MetricAlarms"][0]["StateReason"]
    assert reason.startswith("Threshold Crossed: 2 out of the last 3 datapoints [20 (") and "greater than the threshold (10)" in reason
    local(cloud, "advance", "2m")
    put(cloud, 1, 1)
    local(cloud, "advance", "1m")
    assert states() == {name: "OK" for name in states()}
    # They outlive a kill, and go on.
    os.kill(cloud.program.pid, signal.SIGKILL)
    cloud.program.wait_end()
    cloud.start("--metrics-lag", "0s", "--stop-grace", "2s")
    cloudwatch = cloud.client("cloudwatch")
    assert {a["StateValue"] for a in cloudwatch.describe_alarms()["MetricAlarms"]} == {"OK"}
    local(cloud, "advance", "10m")
    got = {a["AlarmName"]: a["StateValue"] for a in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert got == {"missing": "INSUFFICIENT_DATA", "quiet": "OK", "strict": "ALARM", "same": "OK"}


def metric(namespace, name, dimension, value, id, stat):
    return {"Id": id, "MetricStat": {"Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": dimension, "Value": value}]},
                                     "Stat": stat}, "ReturnData": False}


def test_target_tracking_follows_the_backlog_per_instance(cloud):
    sqs, cloudwatch, group = cloud.client("sqs"), cloud.client("cloudwatch"), Group(cloud).create(desired=1, least=1, most=5, DefaultInstanceWarmup=60)
    asg = group.api
    group.wait(1)
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    asg.enable_metrics_collection(AutoScalingGroupName=group.name, Granularity="1Minute")
    assert {m["Metric"] for m in group.describe()["EnabledMetrics"]} >= {"GroupInServiceInstances", "GroupDesiredCapacity"}
    tracking = {"TargetValue": 10.0, "CustomizedMetricSpecification": {"Metrics": [
        metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "jobs", "m1", "Sum"),
        metric("AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", group.name, "m2", "Average"),
        {"Id": "e1", "Expression": "m1 / m2", "Label": "backlog", "ReturnData": True}]}}
    made = asg.put_scaling_policy(AutoScalingGroupName=group.name, PolicyName="backlog", PolicyType="TargetTrackingScaling",
                                  TargetTrackingConfiguration=tracking)
    high, low = sorted(a["AlarmName"] for a in made["Alarms"])
    assert high.startswith(f"TargetTracking-{group.name}-AlarmHigh-") and low.startswith(f"TargetTracking-{group.name}-AlarmLow-")
    alarms = {a["AlarmName"]: a for a in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert (alarms[high]["EvaluationPeriods"], alarms[high]["Threshold"], alarms[high]["ComparisonOperator"]) == (3, 10.0, "GreaterThanThreshold")
    assert (alarms[low]["EvaluationPeriods"], alarms[low]["Threshold"], alarms[low]["ComparisonOperator"]) == (15, 9.0, "LessThanThreshold")
    assert alarms[high]["AlarmActions"] == alarms[low]["AlarmActions"] == [made["PolicyARN"]]
    told = asg.describe_policies(AutoScalingGroupName=group.name)["ScalingPolicies"]
    assert told[0]["TargetTrackingConfiguration"] == tracking and told[0]["Alarms"] == made["Alarms"]

    for _ in range(32):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    local(cloud, "advance", "2m")
    assert group.describe()["DesiredCapacity"] == 1
    local(cloud, "advance", "1m")
    wait_for(lambda: group.describe()["DesiredCapacity"] == 4, "a capacity of 4")
    group.wait(4)
    causes = [a["Cause"] for a in asg.describe_scaling_activities(AutoScalingGroupName=group.name)["Activities"]]
    assert any(f"a monitor alarm {high} in state ALARM triggered policy backlog changing the desired capacity from 1 to 4." in c for c in causes)
    sqs.purge_queue(QueueUrl=url)
    local(cloud, "advance", "14m")
    assert group.describe()["DesiredCapacity"] == 4, "fifteen minutes below it, not less"
    local(cloud, "advance", "3m")
    group.wait_settled(1)

    asg.put_scaling_policy(AutoScalingGroupName=group.name, PolicyName="backlog", PolicyType="TargetTrackingScaling",
                           TargetTrackingConfiguration={**tracking, "DisableScaleIn": True})
    assert [a["AlarmName"] for a in cloudwatch.describe_alarms()["MetricAlarms"]] == [high]
    asg.delete_policy(AutoScalingGroupName=group.name, PolicyName="backlog")
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_step_and_simple_policies_act(cloud):
    cloudwatch, group = cloud.client("cloudwatch"), Group(cloud).create(desired=1, most=8, DefaultCooldown=300)
    asg, name = group.api, group.name
    group.wait(1)
    step = asg.put_scaling_policy(AutoScalingGroupName=name, PolicyName="steps", PolicyType="StepScaling", AdjustmentType="ChangeInCapacity",
                                  EstimatedInstanceWarmup=120, StepAdjustments=[
                                      {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
                                      {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 3}])["PolicyARN"]
    cloudwatch.put_metric_alarm(**{**ALARM, "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "AlarmActions": [step]})
    put(cloud, 15)
    local(cloud, "advance", "1m")
    group.wait(2)
    put(cloud, 15)
    local(cloud, "advance", "1m")
    assert group.describe()["DesiredCapacity"] == 2, "what warms up is not added twice"
    put(cloud, 30)
    local(cloud, "advance", "1m")
    wait_for(lambda: group.describe()["DesiredCapacity"] == 4, "a capacity of 4: three more than what is warm")
    group.wait(4)
    asg.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["AlarmNotification"])
    local(cloud, "advance", "5m")
    put(cloud, 30)
    local(cloud, "advance", "1m")
    assert group.describe()["DesiredCapacity"] == 4
    cloudwatch.disable_alarm_actions(AlarmNames=["deep"])
    asg.resume_processes(AutoScalingGroupName=name)
    assert [a["AlarmName"] for a in asg.describe_policies(PolicyNames=["steps"], AutoScalingGroupName=name)["ScalingPolicies"][0]["Alarms"]] == ["deep"]

    asg.put_scaling_policy(AutoScalingGroupName=name, PolicyName="more", AdjustmentType="PercentChangeInCapacity", ScalingAdjustment=50)
    asg.execute_policy(AutoScalingGroupName=name, PolicyName="more")
    wait_for(lambda: group.describe()["DesiredCapacity"] == 6, "a capacity of 6")
    group.wait(6)
    execute = lambda **more: code_of(asg.execute_policy, AutoScalingGroupName=name, **more)  # noqa: E731
    assert execute(PolicyName="more", HonorCooldown=True) == "ScalingActivityInProgress"
    local(cloud, "advance", "6m")
    asg.execute_policy(AutoScalingGroupName=name, PolicyName="more", HonorCooldown=True)
    assert group.describe()["DesiredCapacity"] == 8, "no more than its maximum"
    asg.execute_policy(AutoScalingGroupName=name, PolicyName="steps", MetricValue=12.0, BreachThreshold=10.0)
    assert execute(PolicyName="steps") == execute(PolicyName="nobody") == execute(PolicyName="more", MetricValue=1.0, BreachThreshold=1.0) == "ValidationError"

    refused = lambda **policy: code_of(asg.put_scaling_policy, AutoScalingGroupName=name, PolicyName="p", **policy)  # noqa: E731
    assert refused(AdjustmentType="Sideways", ScalingAdjustment=1) == "ValidationError"
    assert refused(AdjustmentType="ChangeInCapacity") == "ValidationError"
    assert refused(PolicyType="StepScaling", AdjustmentType="ChangeInCapacity", StepAdjustments=[
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 3}]) == "ValidationError"
    assert refused(PolicyType="TargetTrackingScaling", TargetTrackingConfiguration={
        "TargetValue": 5, "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"}}) == "ValidationError"
    assert refused(PolicyType="TargetTrackingScaling", TargetTrackingConfiguration={"TargetValue": 5, "CustomizedMetricSpecification": {
        "Metrics": [{"Id": "e1", "Expression": "1 +"}]}}) == "ValidationError"
    assert code_of(asg.put_scaling_policy, AutoScalingGroupName="nobody", PolicyName="p", AdjustmentType="ExactCapacity", ScalingAdjustment=1) == "ValidationError"
    assert len(asg.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]) == 2
    asg.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    wait_for(lambda: asg.describe_policies()["ScalingPolicies"] == [], "an end of the policies")


def test_scheduled_actions_follow_their_zone(cloud):
    group = Group(cloud).create(desired=0, most=5)
    asg, name = group.api, group.name
    now = clock(cloud)
    # The next eight o'clock of Bogota, which has no summer time, is 13:00 UTC.
    asg.put_scheduled_update_group_action(AutoScalingGroupName=name, ScheduledActionName="morning", Recurrence="0 8 * * *",
                                          TimeZone="America/Bogota", MinSize=2)
    asg.put_scheduled_update_group_action(AutoScalingGroupName=name, ScheduledActionName="once", StartTime=now + minutes(5), DesiredCapacity=1)
    told = {a["ScheduledActionName"]: a for a in asg.describe_scheduled_actions(AutoScalingGroupName=name)["ScheduledUpdateGroupActions"]}
    morning = told["morning"]["StartTime"].astimezone(UTC)
    assert (morning.hour, morning.minute) == (13, 0) and now < morning <= now + minutes(24 * 60)
    assert told["morning"]["TimeZone"] == "America/Bogota" and told["once"]["StartTime"] == now + minutes(5)
    local(cloud, "advance", "6m")
    wait_for(lambda: group.describe()["DesiredCapacity"] == 1, "a capacity of 1")
    assert [a["ScheduledActionName"] for a in asg.describe_scheduled_actions()["ScheduledUpdateGroupActions"]] == ["morning"]
    asg.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["ScheduledActions"])
    local(cloud, "advance", "24h")
    assert group.describe()["MinSize"] == 0
    asg.resume_processes(AutoScalingGroupName=name)
    # The clock is kept over a restart, and so are the actions.
    os.kill(cloud.program.pid, signal.SIGKILL)
    cloud.program.wait_end()
    cloud.start("--metrics-lag", "0s", "--stop-grace", "2s")
    local(cloud, "advance", "24h")
    wait_for(lambda: (group.describe()["MinSize"], group.describe()["DesiredCapacity"]) == (2, 2), "two instances in the morning")
    causes = [a["Cause"] for a in asg.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]]
    assert any("a scheduled action update of AutoScalingGroup constraints to min: 2, max: 5, desired: 2" in c for c in causes)

    failed = asg.batch_put_scheduled_update_group_action(AutoScalingGroupName=name, ScheduledUpdateGroupActions=[
        {"ScheduledActionName": "a", "Recurrence": "*/5 * * * *", "MaxSize": 4},
        {"ScheduledActionName": "b", "Recurrence": "every day", "MaxSize": 4},
        {"ScheduledActionName": "c", "Recurrence": "0 0 * * *", "TimeZone": "Mars/Phobos", "MaxSize": 4},
        {"ScheduledActionName": "d", "Recurrence": "0 0 * * *"}])["FailedScheduledUpdateGroupActions"]
    assert [f["ScheduledActionName"] for f in failed] == ["b", "c", "d"] and {f["ErrorCode"] for f in failed} == {"ValidationError"}
    past = code_of(asg.put_scheduled_update_group_action, AutoScalingGroupName=name, ScheduledActionName="e", StartTime=now, MinSize=1)
    assert past == code_of(asg.delete_scheduled_action, AutoScalingGroupName=name, ScheduledActionName="nobody") == "ValidationError"
    gone = asg.batch_delete_scheduled_action(AutoScalingGroupName=name, ScheduledActionNames=["a", "nobody"])["FailedScheduledActions"]
    assert [f["ScheduledActionName"] for f in gone] == ["nobody"]
    listed = json.loads(cloud.aws("autoscaling", "describe-scheduled-actions"))["ScheduledUpdateGroupActions"]
    assert [a["ScheduledActionName"] for a in listed] == ["morning"]


def test_composite_alarms(cloud):
    cloudwatch = cloud.client("cloudwatch")
    for name in ("deep", "slow"):
        cloudwatch.put_metric_alarm(**{**ALARM, "AlarmName": name})
    told = "arn:aws:sns:us-east-1:123456789012:told"
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM(deep) AND ALARM("slow")', AlarmActions=[told], AlarmDescription="all bad")
    cloudwatch.put_composite_alarm(AlarmName="over", AlarmRule="ALARM(both) OR INSUFFICIENT_DATA(both)")

    def states():
        return {a["AlarmName"]: a["StateValue"] for a in cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]}
    assert states() == {"both": "OK", "over": "OK"}
    assert "CompositeAlarms" not in cloudwatch.describe_alarms() or cloudwatch.describe_alarms()["CompositeAlarms"] == []
    cloudwatch.set_alarm_state(AlarmName="deep", StateValue="ALARM", StateReason="x")
    assert states() == {"both": "OK", "over": "OK"}
    cloudwatch.set_alarm_state(AlarmName="slow", StateValue="ALARM", StateReason="x")
    assert states() == {"both": "ALARM", "over": "ALARM"}
    both = cloudwatch.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm", "MetricAlarm"])["CompositeAlarms"][0]
    assert both["AlarmRule"] == 'ALARM(deep) AND ALARM("slow")' and both["AlarmDescription"] == "all bad"
    assert both["StateReason"].startswith("arn:aws:cloudwatch:us-east-1:123456789012:alarm:slow transitioned to ALARM at ")
    history = cloudwatch.describe_alarm_history(AlarmName="both")["AlarmHistoryItems"]
    assert {h["AlarmType"] for h in history} == {"CompositeAlarm"}
    assert [h["HistoryItemType"] for h in history][:2] == ["Action", "StateUpdate"]
    page = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm", "MetricAlarm"], MaxRecords=3)
    rest = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm", "MetricAlarm"], MaxRecords=3, NextToken=page["NextToken"])
    assert [len(page["CompositeAlarms"]), len(page["MetricAlarms"])] == [2, 1] and len(rest["MetricAlarms"]) == 1
    cloudwatch.set_alarm_state(AlarmName="slow", StateValue="OK", StateReason="x")
    assert states() == {"both": "OK", "over": "OK"}
    refuse = cloudwatch.put_composite_alarm
    assert code_of(refuse, AlarmName="bad", AlarmRule="ALARM(nobody)") == "ValidationError"
    assert code_of(refuse, AlarmName="bad", AlarmRule="ALARM(deep") == "ValidationError"
    assert code_of(refuse, AlarmName="bad", AlarmRule="ALARM(bad)") == "ValidationError"
    assert code_of(refuse, AlarmName="bad", AlarmRule="TRUE", AlarmActions=["arn:aws:autoscaling:us-east-1:1:x"]) == "ValidationError"
    # Alarms in a circle change a bounded number of times.
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="NOT ALARM(over)")
    cloudwatch.put_composite_alarm(AlarmName="over", AlarmRule="ALARM(both)")
    cloudwatch.delete_alarms(AlarmNames=["over"])
    assert states() == {"both": states()["both"]}


def test_searches(cloud):
    cloudwatch = cloud.client("cloudwatch")
    end = clock(cloud)
    for queue, value in (("one", 3), ("two", 7)):
        cloudwatch.put_metric_data(Namespace="App", MetricData=[
            {"MetricName": "lag", "Dimensions": [{"Name": "Queue", "Value": queue}], "Value": value, "Timestamp": end - minutes(1)}])
    put(cloud, 100)

    def ask(expression, **more):
        got = cloudwatch.get_metric_data(StartTime=end - minutes(10), EndTime=end + minutes(1), MetricDataQueries=[
            {"Id": "e1", "Expression": expression, **more}])["MetricDataResults"]
        return {r["Label"]: sum(r["Values"]) for r in got}
    assert ask("SEARCH('{App,Queue} MetricName=\"lag\"', 'Sum', 60)") == {"one lag": 3, "two lag": 7}
    assert ask("SEARCH('{App,Queue} two', 'Sum', 300)") == {"two lag": 7}
    assert ask("SUM(SEARCH('{App,Queue} lag', 'Maximum', 60))", Label="all") == {"all": 10}
    assert ask("SEARCH('{Other} x', 'Sum', 60)") == {}
    with pytest.raises(Exception, match="search expression"):
        ask("SEARCH('{App', 'Sum', 60)")
    assert code_of(cloudwatch.put_metric_alarm, AlarmName="s", EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
                   Metrics=[{"Id": "e1", "Expression": "SUM(SEARCH('{App,Queue} lag', 'Sum', 60))", "ReturnData": True}]) == "ValidationError"
