"""windlass trace fetch and our CloudWatch client: against moto, which we did not write, and the embedded cloud."""

import datetime
import json

import pytest
from cloud import Cloud
from conftest import BUILD

POLICY = """\
version: 1
name: thumbs
fleet: { auto_scaling_group: g, region: us-east-1, min: 1, max: 3, jobs_per_instance: 1 }
metrics:
  backlog: { sqs: { queue_url: "http://h/1/q" } }
rules:
  - { name: backlog, target_tracking: { metric: backlog, per_instance: 5 } }
"""


def text(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def ago():
    """ago(minutes): so long before the minute in which the test begins."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    return lambda minutes: now - datetime.timedelta(minutes=minutes)


@pytest.fixture
def put(moto, client_of, ago):
    """put({minutes ago: count}): what CloudWatch knows of a queue."""
    api = client_of(moto, "cloudwatch")

    def run(counts, queue="jobs"):
        for minutes, count in counts.items():
            api.put_metric_data(Namespace="AWS/SQS", MetricData=[
                {"MetricName": "NumberOfMessagesSent", "Dimensions": [{"Name": "QueueName", "Value": queue}],
                 "Timestamp": ago(minutes), "Value": float(count)}])
    return run


@pytest.fixture
def trace(moto, keys, windlass):
    def run(*arguments, status=0, env=None):
        done = windlass("trace", "fetch", *arguments, env={**keys, "AWS_ENDPOINT_URL": moto, **(env or {})})
        assert done.returncode == status, done.stdout + done.stderr
        return done
    return run


def test_our_client_reads_what_boto3_put(put, ago, moto, keys, programs):
    put({10: 3, 9: 0, 5: 120})
    done = programs.call(str(BUILD / "tests" / "lib" / "aws_drive"), "cloudwatch-data", "AWS/SQS", "NumberOfMessagesSent",
                         "QueueName", "jobs", "60", text(ago(20)), text(ago(0)), env={**keys, "AWS_ENDPOINT_URL": moto})
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["points"] == [[int(ago(m).timestamp()), n] for m, n in ((10, 3.0), (9, 0.0), (5, 120.0))]
    assert found["whole"] and not found["more"]


def test_a_history_becomes_a_load(put, ago, trace, windlass, tmp_path):
    put({m: m % 3 for m in range(5, 200)})
    load, policy = tmp_path / "load.csv", tmp_path / "thumbs.yaml"
    policy.write_text(POLICY)
    done = trace("http://sqs.us-east-1.amazonaws.com/1/jobs", "--since", "4h", "--out", load)
    rows = load.read_text().splitlines()
    assert rows[0] == "timestamp,arrivals" and rows[1] == f"{text(ago(199))},{199 % 3}" and len(rows) == 1 + 195
    sent = sum(m % 3 for m in range(5, 200))
    assert f"{sent} messages in 3h15m" in done.stderr and "by periods of 1m" in done.stderr, done.stderr
    assert done.stdout.split()[:2] == ["windlass", "simulate"]
    found = windlass("simulate", policy, "--load", load, "-o", "json")
    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    assert report["results"][0]["jobs"] == sent and report["load"]["start"] == text(ago(199))
    tuned = windlass("tune", policy, "--load", load, "--promise", "p95 wait < 10m", "--seeds", "2", "-o", "json",
                     "--state", tmp_path / "state.json")
    assert tuned.returncode == 0 and json.loads(tuned.stdout)["best"]["kept"], tuned.stderr


def test_what_is_missing_is_not_zero(put, ago, trace):
    put({m: 8 for m in range(5, 60) if not 20 < m <= 30})
    done = trace("jobs", "--since", "2h", status=1)
    assert done.stdout == "" and "10 of 55 periods have no data, which is not zero" in done.stderr
    assert f"no data for 10m from {text(ago(30))}" in done.stderr and "--fill" in done.stderr
    for how, count in (("zero", 0), ("before", 8), ("day", 0)):  # of one day there is no other
        done = trace("jobs", "--since", "2h", "--fill", how)
        rows = dict(line.split(",") for line in done.stdout.splitlines()[1:])
        assert [rows[text(ago(m))] for m in (31, 25, 20)] == ["8", str(count), "8"]
        assert "10 of 55 periods were filled: " + how in done.stderr


def test_the_same_time_of_other_days_fills_a_gap(put, ago, trace):
    day = 24 * 60
    put({**{m: 4 for m in range(2 * day + 10, 2 * day + 20)}, **{m: 6 for m in range(day + 10, day + 20)},
         **{m: 9 for m in range(10, 13)}})
    done = trace("jobs", "--since", "3d", "--fill", "day")
    rows = dict(line.split(",") for line in done.stdout.splitlines()[1:])
    assert [rows[text(ago(m))] for m in (2 * day + 15, day + 15, 15, 12, 700)] == ["4", "6", "5", "9", "0"]


def test_the_period_is_what_retention_gives(put, trace):
    put({m: 1 for m in range(10, 200)})  # a whole hour at least, whenever in an hour this is run
    assert "by periods of 5m" in trace("jobs", "--since", "30d").stderr
    assert "by periods of 1h" in trace("jobs", "--since", "100d", "--fill", "zero").stderr
    assert "by periods of 10m" in trace("jobs", "--since", "2h", "--period", "10m").stderr
    assert "multiples" in trace("jobs", "--since", "30d", "--period", "60s", status=2).stderr
    assert "455 days" in trace("jobs", "--since", "500d", status=2).stderr


def test_mistakes_end_in_one_sentence(trace, put):
    put({10: 1}, queue="other")
    for arguments, status, says in [
        (("jobs",), 1, "CloudWatch has no NumberOfMessagesSent of queue 'jobs' in us-east-1"),
        (("jobs", "--since", "soon"), 2, "--since: 'soon' is neither a time"),
        (("jobs", "--since", "1h", "--until", "2h"), 2, "--since is not before --until"),
        (("jobs", "--period", "1s"), 2, "--period is not between"),
        (("",), 2, "name is empty"),
        ((), 2, "QUEUE|URL"),
    ]:
        done = trace(*arguments, status=status)
        assert done.stdout == "" and says in done.stderr and len(done.stderr.strip().splitlines()) == 1, done.stderr
    done = trace("other", status=1, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"})
    assert "CloudWatch GetMetricData" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_the_embedded_cloud_has_a_history_too(programs, ago, windlass, tmp_path):
    cloud = Cloud(programs, tmp_path).start()
    env = cloud.environment
    queue = cloud.client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
    for _ in range(2):
        for i in range(6):
            cloud.client("sqs").send_message(QueueUrl=queue, MessageBody=str(i))
        assert windlass("local", "advance", "5m", env=env).returncode == 0
    ours = windlass("trace", "fetch", queue, "--since", "1h", "--fill", "zero",
                    "--until", text(ago(-60)), env=env)  # its clock is ahead of ours
    assert ours.returncode == 0, ours.stderr
    counts = [int(line.split(",")[1]) for line in ours.stdout.splitlines()[1:]]
    assert sum(counts) == 12, ours.stdout
