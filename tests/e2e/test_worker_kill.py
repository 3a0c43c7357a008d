"""kill -9 at each step of a job, before the step's call is done and after it was, with its answer lost."""

import json
import os
import signal

from conftest import wait_for
from test_worker_events import put_record, record_of
from test_worker_last_receive import front
from videos import BUCKET, around, clips, slots_of

__all__ = ["around", "clips", "front"]


def target(handler):
    return (handler.headers["X-Amz-Target"] or "").removeprefix("AmazonSQS.")


def queue(body):
    return json.loads(body)["QueueUrl"]


STEPS = {  # how its call is known; each is of a job that is good, but where it is parked
    "fetch": lambda h, body: h.command == "GET" and "/uploads/" in h.path,
    "store": lambda h, body: h.command == "PUT" and "/processed_videos/" in h.path,
    "record": lambda h, body: h.command == "PUT" and "/jobs/" in h.path and (b'"done"' in body or b'"parked"' in body),
    "event": lambda h, body: target(h).startswith("SendMessage") and queue(body).endswith("/results"),
    "delete": lambda h, body: target(h).startswith("DeleteMessage"),
    "park": lambda h, body: target(h).startswith("SendMessage") and queue(body).endswith("-dlq"),
}
KILLS = [(step, when, "worker") for step in STEPS for when in ("before", "after")] + \
    [(step, when, "slot") for step in ("fetch", "store") for when in ("before", "after")]


def test_killed_at_any_step_of_a_job_nothing_is_lost_or_made_twice(around, clips, front):
    around.make_queue("--max-receives", "50", "--visibility-timeout", "4", "--update")
    results = around.sqs.create_queue(QueueName="results")["QueueUrl"]
    now = {"armed": None, "worker": None}

    def kill():
        now["armed"] = None
        for pid in slots_of(now["worker"]) if now["who"] == "slot" else [now["worker"].pid]:
            os.kill(pid, signal.SIGKILL)

    def watch(handler, body):
        if not now["armed"] or not STEPS[now["armed"]](handler, body):
            return None
        if now["when"] == "after":
            handler.pass_on(body)
        kill()
        return 500, "text/plain", "nobody hears this"

    def start(*more):
        now["worker"] = around.worker("--wait-time", "1", *more, AWS_ENDPOINT_URL=url, WINDLASS_EVENT_QUEUE_URL=results)

    def give(name, clip):
        key = f"uploads/{name}.mp4"
        around.s3.upload_file(str(clips[clip]), BUCKET, key)
        job = around.job(f"s3://{BUCKET}/{key}")
        put_record(around, job)
        around.put_message(job)
        return job

    url, good, bad = front(watch), [], []
    for step, when, who in KILLS:
        to, clip = (bad, "text") if step == "park" else (good, "tiny")
        to.append(give(f"{step}-{when}-{who}", clip))
        now.update(armed=step, when=when, who=who)
        start()
        wait_for(lambda: now["armed"] is None, f"{step}, {when}: the call at which the {who} is killed", 60)
        if who == "slot":
            now["worker"].wait_log("message returned.*its slot was killed by signal 9")
        now["worker"].kill()
    start()
    around.wait_drained(90)
    assert now["worker"].stop() == 0 and around.clean()
    for job in good:
        assert len(around.outputs(job["video_id"])) == 1
        assert record_of(around, job)["state"] == "done"
    ids = {json.loads(m["Body"])["id"] for m in around.take_all(results)}
    assert ids == {j["task_id"] + ".done" for j in good} | {j["task_id"] + ".parked" for j in bad}
    dead = around.take_all(around.dead)
    assert {json.loads(m["Body"])["task_id"] for m in dead} == {j["task_id"] for j in bad}
    assert all("windlass-parked" in m["MessageAttributes"] for m in dead)
    assert {record_of(around, job)["state"] for job in bad} == {"parked"}
