"""What a worker says of itself at --listen."""

import datetime
import json
import re
import urllib.error
import urllib.request

from conftest import wait_for
from videos import around, clips

__all__ = ["around", "clips"]


def get(base, path, method="GET"):
    try:
        with urllib.request.urlopen(urllib.request.Request(base + path, method=method), timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def metric(base, name):
    status, text = get(base, "/metrics")
    assert status == 200
    return float(re.search(rf"^windlass_worker_{re.escape(name)} (\S+)$", text, re.M).group(1))


def test_jobs_metrics_and_health_can_be_seen(around, clips):
    gate = around.gate()
    worker = around.worker("--wait-time", "1", "--slots", "2", "--listen", "127.0.0.1:0", "--event-command", "true",
                           PATH=gate.path)
    worker.wait_log("worker ready")
    base = "http://127.0.0.1:" + re.search(r"listening.*port=(\d+)", worker.text()).group(1)
    wait_for(lambda: get(base, "/readyz") == (200, "ready\n"), "ready", 20)
    assert get(base, "/healthz")[0] == 200 and json.loads(get(base, "/jobs")[1])["jobs"] == []
    job, = around.send(clips["tiny"])
    gate.wait_started()
    wait_for(lambda: metric(base, "slots_busy") == 1, "a busy slot")
    seen, = json.loads(get(base, "/jobs?x=1")[1])["jobs"]
    assert seen["video_id"] == job["video_id"] and seen["state"] == "working" and seen["receives"] == 1
    assert 0 < seen["lease_left_ms"] <= 300000 and seen["slot"] in (0, 1) and seen["stage"] == "transcode"
    at = base.removeprefix("http://")
    top = around.call("windlass-worker", "top", at).stdout.splitlines()
    assert "1 of 2 slots busy" in top[0] and around.url in top[0]
    row = top[2].split()
    assert row[1:3] == [job["video_id"], "transcode"] and re.fullmatch(r"[0-4]:\d\d", row[-2]) and row[-1] == "1", top
    said = around.programs.call("windlass-worker", "top", "--output", "json", env={"WINDLASS_WORKER_LISTEN": at}).stdout
    assert json.loads(said)["jobs"][0]["video_id"] == job["video_id"]
    away = around.programs.call("windlass-worker", "top", "127.0.0.1:1")
    assert away.returncode == 1 and "127.0.0.1:1" in away.stderr
    gate.open()
    worker.wait_log("job done")
    wait_for(lambda: metric(base, 'jobs_total{result="stored"}') == 1, "a stored job")
    assert metric(base, "output_bytes_total") > 0 and metric(base, "job_seconds_total") > 0
    assert metric(base, "input_bytes_total") == clips["tiny"].stat().st_size
    assert metric(base, "transcoded_seconds_total") > 0.5 and metric(base, "queue_wait_seconds_count") == 1
    for stage in ("fetch", "probe", "transcode", "verify", "store"):
        assert metric(base, f'stage_seconds_count{{stage="{stage}"}}') == 1
    assert metric(base, 'stage_seconds_sum{stage="transcode"}') > 0
    assert metric(base, "received_total") == 1 and metric(base, "poll_age_seconds") < 30
    assert metric(base, 'events_total{result="told"}') == 1 and metric(base, 'events_total{result="failed"}') == 0
    assert get(base, "/nothing")[0] == 404 and get(base, "/jobs", "POST")[0] == 405
    assert worker.stop() == 0


def test_the_seconds_of_jobs_are_put_into_cloudwatch(around, clips, windlass):
    """Those that were worked on: what was done before took no time that says anything."""
    jobs = around.send(clips["tiny"], clips["tiny"])
    assert around.worker("--until-empty", "--publish", "Anb").wait_end(60) == 0
    around.put_message({k: jobs[0][k] for k in ("video_id", "video_path", "task_id", "created_at")})
    again = around.worker("--until-empty", "--publish", "Anb")
    assert again.wait_end(60) == 0 and "already=true" in again.text()
    now = datetime.datetime.now(datetime.timezone.utc)
    minute = datetime.timedelta(minutes=1)
    points = around.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="Anb", MetricName="JobSeconds", Dimensions=[{"Name": "QueueName", "Value": around.url.rsplit("/", 1)[1]}],
        StartTime=now - 10 * minute, EndTime=now + minute, Period=60,
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum"], Unit="Seconds")["Datapoints"]
    assert sum(p["SampleCount"] for p in points) == 2
    assert 0 < points[0]["Minimum"] <= points[0]["Maximum"] < 60
    printed = windlass("iam-policy", "worker", "--bucket", "b", env={**around.environment, "WINDLASS_PUBLISH": "Anb"})
    statement, = [s for s in json.loads(printed.stdout)["Statement"] if s["Action"] == ["cloudwatch:PutMetricData"]]
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": ["Anb"]}}


def test_an_address_that_cannot_be_listened_at_is_an_error(around):
    for where, says in (("9100", "give ADDRESS:PORT"), ("127.0.0.1:x", "give ADDRESS:PORT"), ("192.0.2.1:0", "--listen")):
        worker = around.worker("--listen", where)
        assert worker.wait_end(20) in (1, 2)
        assert says in worker.text(), worker.text()
