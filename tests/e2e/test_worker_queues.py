"""A worker on several queues."""

import json
import re

from videos import around, clips

__all__ = ["around", "clips"]


def make(around, name, receives):
    return json.loads(around.call("windlass", "queue", "create", name, "--max-receives", str(receives), "--output",
                                  "json").stdout)


def test_queues_have_turns_by_weight_and_each_its_own_dead_letters(around):
    other = make(around, "other", 5)
    queue_of = {}
    for n in range(12):
        for url in (around.url, other["queue_url"]):
            sent = around.sqs.send_message(QueueUrl=url, MessageBody=f"no job {n}")
            queue_of[sent["MessageId"]] = url
    worker = around.worker("--until-empty", "--queue-url", f"{around.url}=3", "--queue-url", other["queue_url"])
    assert worker.wait_end(60) == 0
    order = [queue_of[i] for i in re.findall(r"message parked.*message=(\S+)", worker.text())]
    assert len(order) == 24
    assert order[:8].count(around.url) == 6, "three turns to one"
    assert order[:16].count(around.url) == 12, order
    assert len(around.take_all(around.dead)) == 12 and len(around.take_all(other["dead_letter_url"])) == 12


def test_a_queue_that_is_never_empty_lets_another_have_its_turn_and_its_own_last_receive(around, clips):
    other = make(around, "other", 5)
    job, = around.send(clips["tiny"])
    body = {k: job[k] for k in ("video_id", "video_path", "task_id", "created_at")}
    around.sqs.purge_queue(QueueUrl=around.url)
    around.sqs.send_message(QueueUrl=other["queue_url"], MessageBody=json.dumps(body))
    for n in range(30):
        around.put_message(f"no job {n}")
    worker = around.worker("--slots", "2", SQS_QUEUE_URL=f"{around.url}=9,{other['queue_url']}")
    worker.wait_log("job done", 60)
    assert around.outputs(job["video_id"])
    around.wait_drained()
    assert worker.stop() == 0


def test_a_queue_that_is_away_does_not_stop_the_others(around, clips):
    job, = around.send(clips["tiny"])
    other = make(around, "other", 5)
    worker = around.worker("--queue-url", other["queue_url"], "--queue-url", around.url, "--wait-time", "2")
    worker.wait_log("worker ready")
    around.sqs.delete_queue(QueueUrl=other["queue_url"])
    worker.wait_log("job done", 60)
    more, = around.send(clips["tiny"])
    worker.wait_log(f"job done.*{more['video_id']}", 60)
    worker.wait_log("receiving failed.*queue 1", 60)
    assert worker.stop() == 0
    assert around.outputs(job["video_id"]) and around.outputs(more["video_id"])


def test_a_weight_that_is_none_is_an_error(around):
    for weight in ("0", "101", "x"):
        worker = around.worker("--queue-url", f"{around.url}={weight}")
        assert worker.wait_end(20) == 2
        assert "a weight is a whole number from 1 to 100" in worker.text()
