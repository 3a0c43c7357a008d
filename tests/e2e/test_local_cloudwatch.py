"""The embedded CloudWatch, driven in its three protocols."""

import datetime
import gzip
import json
import os
import signal
import urllib.error
import urllib.request

import pytest
from cloud import Cloud, code_of, local
from conftest import wait_for

UTC = datetime.timezone.utc
PROTOCOLS = ("query", "json", "smithy-rpc-v2-cbor")


@pytest.fixture
def cloud(programs, tmp_path):
    """A minute of its clock has just begun, so that none ends but when a test says so."""
    made = Cloud(programs, tmp_path).start("--metrics-lag", "0s")
    local(made, "advance", f"{61 - datetime.datetime.now().second}s")
    return made


def client(cloud, protocol, monkeypatch):
    """Debian's boto3 for Query; the newest one, told which protocol to take, for the others."""
    if protocol == "query":
        return cloud.debian_client("cloudwatch")
    model = pytest.importorskip("botocore.model", reason="needs: boto3")
    if not hasattr(model, "PRIORITY_ORDERED_SUPPORTED_PROTOCOLS"):
        pytest.skip("needs: a boto3 that knows several protocols")
    monkeypatch.setattr(model, "PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", (protocol,))
    made = cloud.client("cloudwatch")
    assert made.meta.service_model.resolved_protocol == protocol
    return made


@pytest.fixture(params=PROTOCOLS)
def cloudwatch(request, cloud, monkeypatch):
    made = client(cloud, request.param, monkeypatch)
    yield made
    if request.param == "query":
        made.close()


def clock(cloud):
    """The cloud's time, at the start of its minute."""
    return datetime.datetime.fromisoformat(local(cloud, "clock").split()[0].replace("Z", "+00:00")).replace(second=0, microsecond=0)


def at(when):
    """Debian's client tells times as text."""
    return when if isinstance(when, datetime.datetime) else datetime.datetime.fromisoformat(when)


def minutes(n):
    return datetime.timedelta(minutes=n)


def text(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


DIMENSIONS = [{"Name": "Queue", "Value": "jobs"}, {"Name": "App", "Value": "x&y <z>"}]


def put(cloudwatch, when, name="latency", **what):
    cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": name, "Timestamp": text(when), "Dimensions": DIMENSIONS, **what}])


def statistics(cloudwatch, start, end, period=60, name="latency", **options):
    got = cloudwatch.get_metric_statistics(Namespace="App", MetricName=name, Dimensions=DIMENSIONS, StartTime=text(start),
                                           EndTime=text(end), Period=period, **options)
    assert got["Label"] == name
    return sorted(got["Datapoints"], key=lambda point: at(point["Timestamp"]))


def query(id, name="latency", stat="Sum", period=60, **more):
    return {"Id": id, "MetricStat": {"Metric": {"Namespace": "App", "MetricName": name, "Dimensions": DIMENSIONS}, "Stat": stat,
                                     "Period": period}, **more}


def test_values_are_put_and_told(cloud, cloudwatch):
    now = clock(cloud)
    start, end = now - minutes(5), now + minutes(1)
    put(cloudwatch, now - minutes(3), Value=4.5, Unit="Seconds")
    put(cloudwatch, now - minutes(3), Values=[1.0, 2.0], Counts=[3.0, 1.0], Unit="Seconds")
    put(cloudwatch, now - minutes(2), StatisticValues={"SampleCount": 10, "Sum": 100, "Minimum": 5, "Maximum": 20}, Unit="Seconds")
    first, second = statistics(cloudwatch, start, end, Statistics=["SampleCount", "Sum", "Average", "Minimum", "Maximum"])
    assert at(first.pop("Timestamp")) == now - minutes(3)
    assert first == {"SampleCount": 5.0, "Sum": 9.5, "Average": 1.9, "Minimum": 1.0, "Maximum": 4.5, "Unit": "Seconds"}
    assert second["Sum"] == 100.0 and second["Average"] == 10.0
    assert len(statistics(cloudwatch, start, end, period=300, Statistics=["Sum"])) == 1
    assert statistics(cloudwatch, start, end, Statistics=["Sum"], Unit="Count") == []

    # Percentiles are told where the values are known: not of what came as a statistic set.
    told = statistics(cloudwatch, start, end, ExtendedStatistics=["p50", "p100", "TM(1:3)"])
    assert [point["ExtendedStatistics"] for point in told] == [{"p50": 1.0, "p100": 4.5, "TM(1:3)": 2.0}]

    assert code_of(statistics, cloudwatch=cloudwatch, start=end, end=start, Statistics=["Sum"]) == "InvalidParameterValue"
    tenth = datetime.timedelta(milliseconds=100)  # no part of a second counts
    assert code_of(statistics, cloudwatch=cloudwatch, start=start, end=start + tenth, Statistics=["Sum"]) == "InvalidParameterValue"
    assert code_of(statistics, cloudwatch=cloudwatch, start=start, end=end) == "InvalidParameterCombination"
    assert code_of(statistics, cloudwatch=cloudwatch, start=start, end=end, Statistics=["Sum"], ExtendedStatistics=["p9"]) == "InvalidParameterCombination"
    assert code_of(statistics, cloudwatch=cloudwatch, start=start, end=end, ExtendedStatistics=["p900"]) == "InvalidParameterValue"
    assert code_of(statistics, cloudwatch=cloudwatch, start=start, end=end, period=61, Statistics=["Sum"]) == "InvalidParameterValue"
    assert code_of(statistics, cloudwatch=cloudwatch, start=start - minutes(3000), end=end, Statistics=["Sum"]) == "InvalidParameterCombination"


def test_what_is_wrong_with_values_is_told(cloud, cloudwatch):
    now = clock(cloud)
    refused = lambda **what: code_of(put, cloudwatch=cloudwatch, when=what.pop("when", now), **what)  # noqa: E731
    assert refused(Value=1, when=now - minutes(60 * 24 * 15)) == "InvalidParameterValue"
    assert refused(Value=1, when=now + minutes(180)) == "InvalidParameterValue"
    assert refused(Value=float("nan")) == "InvalidParameterValue"
    assert refused(Value=1e200) == "InvalidParameterValue"
    assert refused(Value=1, Values=[2.0]) == "InvalidParameterCombination"
    assert refused(Values=[1.0, 2.0], Counts=[1.0]) == "InvalidParameterValue"
    assert refused(Values=[float(n) for n in range(151)]) == "InvalidParameterValue"
    assert refused() == "MissingParameter"
    assert refused(Value=1, Unit="Bananas") == "InvalidParameterValue"
    assert refused(Value=1, StorageResolution=30) == "InvalidParameterValue"
    assert refused(StatisticValues={"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1}) == "InvalidParameterValue"
    one = [{"MetricName": "a", "Value": 1}]
    assert code_of(cloudwatch.put_metric_data, Namespace="AWS/Mine", MetricData=one) == "InvalidParameterValue"
    assert code_of(cloudwatch.put_metric_data, Namespace="App", MetricData=[]) == "MissingParameter"
    twice = [{"MetricName": "a", "Value": 1, "Dimensions": [{"Name": "n", "Value": "1"}, {"Name": "n", "Value": "2"}]}]
    assert code_of(cloudwatch.put_metric_data, Namespace="App", MetricData=twice) == "InvalidParameterValue"
    # A call is stored whole or not at all.
    assert code_of(cloudwatch.put_metric_data, Namespace="App", MetricData=one + twice) == "InvalidParameterValue"
    assert cloudwatch.list_metrics()["Metrics"] == []


def test_data_of_metrics_and_math(cloud, cloudwatch):
    now = clock(cloud)
    start = now - minutes(10)
    for n in (0, 1, 3, 4):
        put(cloudwatch, start + minutes(n), Value=float(n))
        put(cloudwatch, start + minutes(n), name="jobs", Value=10.0)
    asked = dict(StartTime=text(start), EndTime=text(start + minutes(5)))
    ask = lambda *queries, **more: cloudwatch.get_metric_data(MetricDataQueries=list(queries), **asked, **more)  # noqa: E731

    got = ask(query("m1", ReturnData=False), query("m2", "jobs", ReturnData=False),
              {"Id": "each", "Expression": "m1 / m2", "Label": "share ${MAX}"}, {"Id": "filled", "Expression": "FILL(m1, 9)"},
              {"Id": "all", "Expression": "METRICS() * 2"}, ScanBy="TimestampAscending")
    assert [(r["Id"], r["Label"], r["Values"], r["StatusCode"]) for r in got["MetricDataResults"]] == [
        ("each", "share 0.4", [0.0, 0.1, 0.3, 0.4], "Complete"),
        ("filled", "filled", [0.0, 1.0, 9.0, 3.0, 4.0], "Complete"),
        ("all", "latency", [0.0, 2.0, 6.0, 8.0], "Complete"),
        ("all", "jobs", [20.0] * 4, "Complete")]
    assert [at(t) for t in got["MetricDataResults"][0]["Timestamps"]] == [start + minutes(n) for n in (0, 1, 3, 4)]

    # Pages, the newest point first unless told otherwise.
    values, status, token, pages = {"m1": [], "m2": []}, [], {}, 0
    while pages == 0 or token:
        got = ask(query("m1"), query("m2", "jobs"), MaxDatapoints=3, **token)
        for result in got["MetricDataResults"]:
            values[result["Id"]] += result["Values"]
            status.append((result["Id"], result["StatusCode"]))
        token = {"NextToken": got["NextToken"]} if got.get("NextToken") else {}
        pages += 1
    assert values == {"m1": [4.0, 3.0, 1.0, 0.0], "m2": [10.0] * 4} and pages == 3
    assert status == [("m1", "PartialData"), ("m1", "Complete"), ("m2", "PartialData"), ("m2", "Complete")]

    labelled = ask(query("m1", stat="p50", Label="${PROP('Dim.Queue')} ${PROP('Stat')} ${LAST} ${NONSENSE}"))["MetricDataResults"]
    assert labelled[0]["Label"] == "jobs p50 4 ${NONSENSE}"
    assert ask(query("none", "nobody"))["MetricDataResults"][0]["Values"] == []

    refused = lambda *queries, **more: code_of(ask.__call__, **more) if not queries else code_of(lambda: ask(*queries, **more))  # noqa: E731
    assert refused({"Id": "e1", "Expression": "m9 + 1"}) == "ValidationError"
    assert refused({"Id": "e1", "Expression": "1 + 1"}) == "ValidationError"
    assert refused({"Id": "e1", "Expression": "e2 + 1"}, {"Id": "e2", "Expression": "e1 + 1"}) == "ValidationError"
    assert refused({"Id": "E1", "Expression": "METRICS()"}) == "ValidationError"
    assert refused(query("m1"), query("m1")) == "ValidationError"
    assert refused(query("m1", ReturnData=False)) == "ValidationError"
    assert refused(query("m1", stat="Median")) == "ValidationError"
    assert refused({"Id": "m1"}) == "ValidationError"
    assert refused(query("m1"), NextToken="bm9uc2Vuc2U=") == "InvalidNextToken"


def test_metrics_are_listed_by_page_and_filter(cloud, cloudwatch):
    for first in range(0, 520, 260):
        cloudwatch.put_metric_data(Namespace="Many", MetricData=[
            {"MetricName": f"m{n}", "Value": 1, "Dimensions": [{"Name": "Even", "Value": str(n % 2 == 0)}]} for n in range(first, first + 260)])
    cloudwatch.put_metric_data(Namespace="Other", MetricData=[{"MetricName": "m1", "Value": 1}])
    page = cloudwatch.list_metrics(Namespace="Many")
    rest = cloudwatch.list_metrics(Namespace="Many", NextToken=page["NextToken"])
    assert len(page["Metrics"]) == 500 and len(rest["Metrics"]) == 20 and not rest.get("NextToken")
    assert {m["MetricName"] for m in page["Metrics"] + rest["Metrics"]} == {f"m{n}" for n in range(520)}
    assert {m["Namespace"] for m in cloudwatch.list_metrics(MetricName="m1")["Metrics"]} == {"Many", "Other"}
    even = cloudwatch.list_metrics(Namespace="Many", Dimensions=[{"Name": "Even", "Value": "True"}])["Metrics"]
    assert len(even) == 260 and even[0]["Dimensions"] == [{"Name": "Even", "Value": "True"}]
    assert len(cloudwatch.list_metrics(Dimensions=[{"Name": "Even"}])["Metrics"]) == 500
    assert cloudwatch.list_metrics(Dimensions=[{"Name": "Odd"}])["Metrics"] == []
    assert code_of(cloudwatch.list_metrics, NextToken="?") == "InvalidNextToken"

    local(cloud, "advance", "4h")
    assert len(cloudwatch.list_metrics(Namespace="Other")["Metrics"]) == 1
    assert cloudwatch.list_metrics(Namespace="Other", RecentlyActive="PT3H")["Metrics"] == []
    local(cloud, "advance", "15d")
    assert cloudwatch.list_metrics(Namespace="Other")["Metrics"] == []


def test_the_queues_metrics(cloud):
    sqs, cloudwatch = cloud.client("sqs"), cloud.client("cloudwatch")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    url = sqs.create_queue(QueueName="jobs", Attributes={
        "VisibilityTimeout": "100", "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})})["QueueUrl"]
    begin = clock(cloud)

    def told(name, stat="Maximum", queue="jobs"):
        got = cloudwatch.get_metric_statistics(Namespace="AWS/SQS", MetricName=name, Dimensions=[{"Name": "QueueName", "Value": queue}],
                                               StartTime=begin, EndTime=begin + minutes(600), Period=60, Statistics=[stat])["Datapoints"]
        return [point[stat] for point in sorted(got, key=lambda point: point["Timestamp"])]

    for size in (1, 10, 100):
        sqs.send_message(QueueUrl=url, MessageBody="x" * size)
    sqs.send_message(QueueUrl=url, MessageBody="late", DelaySeconds=600)
    taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    for _ in range(4):
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        taken += got
    assert len(taken) == 3
    sqs.delete_message(QueueUrl=url, ReceiptHandle=taken[0]["ReceiptHandle"])
    # A kill -9 loses none of what was acknowledged; the counts are of the minute still.
    os.kill(cloud.program.pid, signal.SIGKILL)
    cloud.program.wait_end()
    cloud.start("--metrics-lag", "0s")
    local(cloud, "advance", "1m")
    assert told("NumberOfMessagesSent", "Sum")[0] == 4
    assert told("NumberOfMessagesReceived", "Sum")[0] == 3
    assert told("NumberOfMessagesDeleted", "Sum")[0] == 1
    assert told("SentMessageSize", "Sum")[0] == 115 and told("SentMessageSize", "SampleCount")[0] == 4
    assert told("ApproximateNumberOfMessagesNotVisible")[0] == 2
    assert told("ApproximateNumberOfMessagesDelayed")[0] == 1
    assert told("ApproximateNumberOfMessagesVisible")[0] == 0
    assert 0 < told("ApproximateAgeOfOldestMessage")[0] <= 120

    sent = len(told("NumberOfMessagesSent"))
    assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []
    local(cloud, "advance", "2m")
    assert told("NumberOfMessagesSent")[sent:] == [0, 0] and told("NumberOfEmptyReceives")[sent] == 1
    assert told("ApproximateNumberOfMessagesVisible")[-1] == 2, "their timeout is over"

    # What was received three times is passed over; what is dead is as old as its stay there.
    for _ in range(2):
        assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 2
        local(cloud, "advance", "2m")
    old = told("ApproximateAgeOfOldestMessage")
    assert old[-1] >= 300, "the late one is the oldest that counts"
    local(cloud, "advance", "10m")
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    local(cloud, "advance", "20m")
    for _ in range(5):
        assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    local(cloud, "advance", "1m")
    assert told("ApproximateAgeOfOldestMessage")[-1] == 0
    assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []
    local(cloud, "advance", "2m")
    age = told("ApproximateAgeOfOldestMessage", queue="dead")[-1]
    assert 60 <= age <= 200, "not the twenty minutes before"

    # A queue that nobody touches for six hours goes to sleep when it is empty.
    sqs.purge_queue(QueueUrl=dead)
    quiet = len(told("NumberOfMessagesSent", queue="dead"))
    local(cloud, "advance", "9h")
    assert quiet + 355 <= len(told("NumberOfMessagesSent", queue="dead")) <= quiet + 362


def test_own_metrics_come_late(programs, tmp_path):
    cloud = Cloud(programs, tmp_path).start()
    local(cloud, "advance", f"{61 - datetime.datetime.now().second}s")
    sqs, cloudwatch = cloud.client("sqs"), cloud.client("cloudwatch")
    sqs.create_queue(QueueName="jobs")

    def seen():
        now = clock(cloud)
        got = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m1", "MetricStat": {
                "Metric": {"Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible",
                           "Dimensions": [{"Name": "QueueName", "Value": "jobs"}]}, "Period": 60, "Stat": "Average"}}],
            StartTime=now - minutes(5), EndTime=now + minutes(1))["MetricDataResults"][0]["Timestamps"]
        return [(now - t).total_seconds() / 60 for t in got]
    local(cloud, "advance", "5m")
    assert seen()[0] == 2, "a minute is shown a minute after its end"
    local(cloud, "fault", "delay", "--value", "120000")
    assert seen()[0] == 4
    local(cloud, "heal")
    assert seen()[0] == 2


def test_metrics_outlive_a_kill_and_grow_coarse(cloud):
    cloudwatch = cloud.client("cloudwatch")
    now = clock(cloud)
    cloudwatch.put_metric_data(Namespace="App", MetricData=[
        {"MetricName": "fine", "Value": float(n), "Timestamp": now - datetime.timedelta(seconds=n), "StorageResolution": 1} for n in range(1, 61)])
    put(cloudwatch, now - minutes(1), Value=5.0)
    os.kill(cloud.program.pid, signal.SIGKILL)
    cloud.program.wait_end()
    cloud.start("--metrics-lag", "0s")

    def points(name, period, dimensions=()):
        return cloudwatch.get_metric_statistics(Namespace="App", MetricName=name, Dimensions=list(dimensions), StartTime=now - minutes(60),
                                                EndTime=now + minutes(60), Period=period, Statistics=["Sum"])["Datapoints"]
    cloudwatch = cloud.client("cloudwatch")
    assert [p["Sum"] for p in points("latency", 60, DIMENSIONS)] == [5.0]
    assert len(cloudwatch.get_metric_statistics(Namespace="App", MetricName="fine", StartTime=now - minutes(1), EndTime=now, Period=1,
                                                Statistics=["Sum"])["Datapoints"]) == 60
    assert sum(p["Sum"] for p in points("fine", 60)) == 1830
    local(cloud, "advance", "16d")
    # The sweep follows within seconds: minutes have become five minutes.
    wait_for(lambda: points("fine", 60) == [], "an end of the minutes", 60)
    assert sum(p["Sum"] for p in points("fine", 300)) == 1830


def test_debians_aws_and_big_bodies(cloud):
    now = clock(cloud)
    cloud.aws("cloudwatch", "put-metric-data", "--namespace", "App", "--metric-name", "cli", "--value", "3", "--unit", "Count")
    listed = json.loads(cloud.aws("cloudwatch", "list-metrics", "--namespace", "App"))
    assert listed["Metrics"] == [{"Namespace": "App", "MetricName": "cli", "Dimensions": []}]
    got = json.loads(cloud.aws("cloudwatch", "get-metric-statistics", "--namespace", "App", "--metric-name", "cli", "--period", "60", "--statistics",
                               "Sum", "--start-time", text(now - minutes(1)), "--end-time", text(now + minutes(3))))
    assert [p["Sum"] for p in got["Datapoints"]] == [3.0]
    # Newer clients compress what is past 10 KiB.
    cloud.client("cloudwatch").put_metric_data(Namespace="Big", MetricData=[
        {"MetricName": f"m{n}", "Values": [float(v) for v in range(150)]} for n in range(60)])
    assert len(cloud.client("cloudwatch").list_metrics(Namespace="Big")["Metrics"]) == 60


def signed(cloud, body, path="/", **headers):
    """(status, headers, body) of a request that is signed as it is."""
    pytest.importorskip("botocore", reason="needs: boto3")
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    keys = Credentials(cloud.keys["aws_access_key_id"], cloud.keys["aws_secret_access_key"])
    request = AWSRequest("POST", cloud.url + path, data=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
    SigV4Auth(keys, "monitoring", "us-east-1").add_auth(request)
    sent = urllib.request.Request(cloud.url + path, data=body, headers=dict(request.headers.items()), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=30) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


CBOR = {"smithy_protocol": "rpc-v2-cbor", "content_type": "application/cbor", "path": "/service/GraniteServiceVersion20100801/operation/ListMetrics"}
JSON = {"x_amz_target": "GraniteServiceVersion20100801.ListMetrics", "content_type": "application/x-amz-json-1.0"}


@pytest.mark.parametrize("protocol", (CBOR, JSON), ids=("cbor", "json"))
def test_malformed_bodies_are_refused(cloud, protocol):
    good = b"\xa0" if protocol is CBOR else b"{}"
    assert signed(cloud, good, **protocol)[0] == signed(cloud, gzip.compress(good), content_encoding="gzip", **protocol)[0] == 200
    bodies = [b"\xff", b"\x00", good + good, b"\xbb" + b"\xff" * 8, b"\x81" * 100 + b"\x00", b"{", b"\xbf"]
    answers = [signed(cloud, body, **protocol) for body in bodies]
    # A megabyte of zeros becomes a kilobyte; what unpacks to more than a body may be is refused.
    answers += [signed(cloud, gzip.compress(bytes(9 << 20)), content_encoding="gzip", **protocol),
                signed(cloud, gzip.compress(good)[:-4], content_encoding="gzip", **protocol),
                signed(cloud, b"plain", content_encoding="gzip", **protocol)]
    for status, headers, body in answers:
        assert status == 400 and b"SerializationException" in body, (status, body)
        assert headers["Content-Type"] == protocol["content_type"] and headers["x-amzn-query-error"].endswith(";Sender")
        assert headers["smithy-protocol"] == ("rpc-v2-cbor" if protocol is CBOR else None)


def test_unknown_actions_and_faults(cloud):
    status, headers, body = signed(cloud, b"\xa0", **{**CBOR, "path": CBOR["path"] + "Nicely"})
    assert status == 404 and b"UnknownOperationException" in body and headers["x-amzn-query-error"] == "InvalidAction;Sender"
    cloudwatch = cloud.client("cloudwatch")
    local(cloud, "fault", "throttle", "--service", "cloudwatch", "--action", "ListMetrics", "--count", "2")
    assert code_of(cloudwatch.list_metrics).startswith("Throttling")
    assert cloudwatch.list_metrics()["Metrics"] == []


def test_minutes_end_by_themselves(programs, tmp_path):
    """At three hundred times the speed a minute takes a fifth of a second; none is left out, and alarms are looked at."""
    cloud = Cloud(programs, tmp_path).start("--metrics-lag", "0s", "--clock-rate", "300")
    sqs, cloudwatch = cloud.client("sqs"), cloud.client("cloudwatch")
    begin = clock(cloud)
    sqs.send_message(QueueUrl=sqs.create_queue(QueueName="jobs")["QueueUrl"], MessageBody="x")
    depth = dict(Namespace="AWS/SQS", MetricName="ApproximateNumberOfMessagesVisible", Dimensions=[{"Name": "QueueName", "Value": "jobs"}], Period=60)
    cloudwatch.put_metric_alarm(AlarmName="deep", Statistic="Maximum", EvaluationPeriods=2, Threshold=0, ComparisonOperator="GreaterThanThreshold", **depth)

    def told():
        got = cloudwatch.get_metric_statistics(StartTime=begin, EndTime=begin + minutes(1000), Statistics=["Maximum"], **depth)["Datapoints"]
        return sorted(point["Timestamp"] for point in got)
    wait_for(lambda: len(told()) >= 5, "five minutes of a queue", 60)
    got = told()
    assert [b - a for a, b in zip(got, got[1:])] == [minutes(1)] * (len(got) - 1)
    wait_for(lambda: cloudwatch.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM", "an alarm", 60)
