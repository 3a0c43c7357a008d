"""windlass-worker on a queue of Celery: real Redis, real Celery beside it, real videos."""

import base64
import json
import os
import select
import signal
import socket
import threading
import uuid

import pytest
from celery_redis import SEPARATOR, TASK, Celery, redis
from conftest import wait_for
from videos import BUCKET, PROFILE, around, clips

__all__ = ["around", "clips", "redis"]
VISIBILITY = 6


class Old:
    """The queue before the migration: what its senders see, and workers on it."""

    def __init__(self, around, redis, clips, *options, db=0):
        self.around, self.redis, self.db = around, redis, db
        self.options = ("--broker", redis.url(db), "--celery-visibility-timeout", f"{VISIBILITY}s", *options)
        around.s3.upload_file(str(clips["tiny"]), BUCKET, "uploads/tiny.mp4")

    def worker(self, *options, **more):
        return self.around.worker(*self.options, *options, SQS_QUEUE_URL=None, **more)

    def drain(self, *options, seconds=120):
        worker = self.worker("--until-empty", *options)
        assert worker.wait_end(seconds) == 0, worker.text()
        return worker

    def send(self, count=1, path=f"s3://{BUCKET}/uploads/tiny.mp4"):
        env = {**self.around.environment, "SQS_QUEUE_URL": None, "CELERY_BROKER_URL": self.redis.url(self.db)}
        done = self.around.programs.call("windlass", "send", "--output", "json", *[path] * count, env=env)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def held(self):
        return self.redis.call("HLEN", "unacked", db=self.db), self.redis.call("ZCARD", "unacked_index", db=self.db)

    def waiting(self):
        return sum(self.redis.call("LLEN", key, db=self.db)
                   for key in ("celery", *(f"celery{SEPARATOR}{step}" for step in (3, 6, 9))))

    def empty(self):
        return self.waiting() == 0 and self.held() == (0, 0)

    def parked(self):
        """[(message, note)] of what was parked."""
        return [(m, json.loads(m["headers"]["windlass-parked"])) for m in self.redis.messages("celery.parked", self.db)]

    def leavings(self):
        return [k for k in self.redis.call("KEYS", "*windlass*", db=self.db)]


@pytest.fixture
def old(around, redis, clips):
    return Old(around, redis, clips)


def test_tasks_of_celery_are_done_acked_and_answered(old, programs, tmp_path):
    celery = Celery(programs, tmp_path, old.redis.url())
    by_keyword, by_position, unanswered = celery.python(f"""
path = "s3://{BUCKET}/uploads/tiny.mp4"
sent = [transcode.apply_async(kwargs={{"video_id": "v-kw", "video_path": path}}, priority=9),
        transcode.apply_async(args=["v-pos", path], priority=0),
        transcode.apply_async(args=["v-none", path], ignore_result=True)]
print(json.dumps([s.id for s in sent]))
""")
    ours, = old.send()
    worker = old.drain()
    for video in ("v-kw", "v-pos", "v-none", ours["video_id"]):
        assert len(old.around.outputs(video)) == 1, video
    assert old.around.output("v-kw")[1]["Metadata"]["task-id"] == by_keyword
    assert worker.text().index("v-pos") < worker.text().index("v-kw"), "the urgent one goes first"
    got = celery.python(f"print(json.dumps([app.AsyncResult(i).get(timeout=30) for i in "
                        f"{[by_keyword, by_position, ours['task_id']]}]))")
    assert [g["video_id"] for g in got] == ["v-kw", "v-pos", ours["video_id"]]
    assert got[0]["output"] == f"s3://{BUCKET}/{old.around.outputs('v-kw')[0]}"
    assert old.redis.call("EXISTS", f"celery-task-meta-{unanswered}") == 0
    assert 0 < old.redis.call("TTL", f"celery-task-meta-{by_keyword}") <= 86400
    assert old.empty() and not old.leavings() and not old.parked()


def test_a_sender_that_waits_is_answered(old, programs, tmp_path):
    """get() subscribes before the job is done, in another database than the queue's."""
    celery = Celery(programs, tmp_path, old.redis.url(), result_backend=old.redis.url(5))
    worker = old.worker("--result-backend", old.redis.url(5))
    got = celery.python(f"""
good = transcode.apply_async(args=["v-1", "s3://{BUCKET}/uploads/tiny.mp4"])
bad = transcode.apply_async(args=["v-2", "s3://{BUCKET}/uploads/none.mp4"])
answer = [good.get(timeout=60)]
try:
    bad.get(timeout=60)
except RuntimeError as e:
    answer.append(str(e))
print(json.dumps(answer))
""")
    assert got[0]["video_id"] == "v-1" and "none.mp4" in got[1]
    wait_for(old.empty, "empty queue")
    assert len(old.parked()) == 1
    assert worker.stop() == 0


def message(body=None, headers=None, properties=None, **more):
    body = [[], {"video_id": "v", "video_path": f"s3://{BUCKET}/uploads/tiny.mp4"}, None] if body is None else body
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return {"body": base64.b64encode(text).decode(), "content-type": "application/json", "content-encoding": "utf-8",
            "headers": {"id": str(uuid.uuid4()), "task": TASK, **(headers or {})},
            "properties": {"body_encoding": "base64", "delivery_tag": str(uuid.uuid4()),
                           "delivery_info": {"exchange": "", "routing_key": "celery"}, **(properties or {})}, **more}


def bad_messages():
    path = f"s3://{BUCKET}/uploads/tiny.mp4"
    yield "protocol 1", message({"task": TASK, "id": "old-1", "args": ["v", path], "kwargs": {}, "retries": 0},
                                headers={"id": None, "task": None}), "protocol 1"
    yield "garbage in base64", message(body=b"\x00\xff garbage"), "body"
    yield "no base64", message() | {"body": "!!!"}, "base64"
    yield "pickle", message() | {"content-type": "application/x-python-serialize"}, "task_serializer"
    yield "compressed", message(headers={"compression": "application/x-gzip"}), "compress"
    yield "another task", message(headers={"task": "mail.send"}), "mail.send"
    yield "no id", message(headers={"id": None}), "id"
    yield "an object for a body", message({"video_id": "v"}), "[args, kwargs, embed]"
    yield "a chain", message([[], {"video_id": "v", "video_path": path}, {"chain": [{"task": "next"}]}]), "chain"
    yield "expired", message(headers={"expires": "2024-01-01T00:00:00.000001+00:00"}), "expired"
    yield "no time", message(headers={"eta": "soon"}), "eta"
    yield "a number for an id", message([[7, path], {}, None]), "video_id"
    yield "no path", message([["v"], {}, None]), "video_path"
    yield "another scheme", message([["v", "http://example.com/x.mp4"], {}, None]), "s3"
    yield "no JSON", "hello", "JSON"
    yield "not UTF-8", b'{"body": "\xff\xfe"}', ""
    yield "a list", [1, 2], ""
    yield "nothing of a message", {"video_id": "v"}, ""
    yield "an empty text", "", "JSON"
    yield "deep", "[" * 5000 + "]" * 5000, ""
    yield "too large", json.dumps(message(headers={"x": "y" * 3_000_000})), ""


def test_bad_messages_are_parked_with_their_reason(old, clips):
    cases = list(bad_messages())
    for _, raw, _ in cases:
        old.redis.call("LPUSH", "celery", raw if isinstance(raw, (bytes, str)) else json.dumps(raw))
    good, = old.send()
    worker = old.drain()
    assert len(old.around.outputs()) == 1 == len(old.around.outputs(good["video_id"]))
    assert old.empty() and not old.leavings()
    kept = [json.loads(m) for m in reversed(old.redis.call("LRANGE", "celery.parked", 0, -1)) if len(m) < 1_000_000]
    assert old.redis.call("LLEN", "celery.parked") == len(cases)
    notes = [json.loads(m["headers"]["windlass-parked"])["reason"] for m in kept]
    for name, raw, says in cases:
        plain = raw if isinstance(raw, bytes) else raw.encode() if isinstance(raw, str) else json.dumps(raw).encode()
        if len(plain) > 1_000_000:
            assert "is larger than" in worker.text(), "the reason is in the log, the message as it was"
            assert plain in old.redis.call("LRANGE", "celery.parked", 0, -1)
            continue
        mine = [n for m, n in zip(kept, notes) if (m["headers"].get("id"), m["body"]) ==
                (raw["headers"].get("id"), raw["body"])] if isinstance(raw, dict) and "body" in raw else \
            [n for m, n in zip(kept, notes) if base64.b64decode(m["body"] or "") in (plain, b"") or
             m["body"] == base64.b64encode(plain).decode()]
        assert mine and any(says in n for n in mine), (name, mine)


def test_a_task_with_a_time_waits_for_it(old, programs, tmp_path):
    celery = Celery(programs, tmp_path, old.redis.url())
    celery.python(f"transcode.apply_async(args=['v-eta', 's3://{BUCKET}/uploads/tiny.mp4'], countdown=4)")
    worker = old.worker()
    wait_for(lambda: old.held()[0] == 1, "task that is put off")
    assert not old.around.outputs("v-eta")
    wait_for(lambda: old.around.outputs("v-eta"), "output", 60)
    assert "receives=1" in worker.text() and "receives=2" not in worker.text(), "to put it off was no receive"
    wait_for(old.empty, "empty queue")
    assert worker.stop() == 0


def test_a_killed_worker_leaves_its_message_and_celery_restores_it(old, clips, programs, tmp_path):
    """The other side is a real Celery worker: it finds in unacked what windlass left, and runs it."""
    gate = old.around.gate()
    job, = old.send()
    worker = old.worker("--no-instance", PATH=gate.path)
    gate.wait_started()
    worker.kill()
    assert old.held() == (1, 1) and old.waiting() == 0
    tag, score = old.redis.call("ZRANGE", "unacked_index", 0, 0, "WITHSCORES")
    # Celery looks at its start and then each 100 s: by its start the time shall be over.
    old.redis.call("ZADD", "unacked_index", float(score) - VISIBILITY, tag)
    celery = Celery(programs, tmp_path, old.redis.url(), broker_transport_options={"visibility_timeout": VISIBILITY})
    celery.worker()
    ran, = celery.wait_ran(1)
    assert (ran["id"], ran["video_path"], ran["redelivered"]) == (job["task_id"], job["video_path"], True)
    wait_for(old.empty, "empty queue")


def test_what_a_killed_celery_worker_held_is_restored_and_done(old, programs, tmp_path):
    celery = Celery(programs, tmp_path, old.redis.url(), task_acks_late=True,
                    broker_transport_options={"visibility_timeout": VISIBILITY})
    celery.open_file.unlink()
    job, = old.send()
    dying = celery.worker()
    celery.wait_ran(1)
    dying.kill()
    tag, score = old.redis.call("ZRANGE", "unacked_index", 0, 0, "WITHSCORES")
    old.redis.call("ZADD", "unacked_index", float(score) - VISIBILITY, tag)  # as if the time were over
    assert old.held() == (1, 1)
    old.redis.call("HSET", "unacked", "other", json.dumps([message(), "", "another"]))
    old.redis.call("ZADD", "unacked_index", 1, "other")
    worker = old.worker()
    wait_for(lambda: old.around.outputs(job["video_id"]), "output", 60)
    wait_for(lambda: old.held() == (1, 1) and old.waiting() == 0, "ack")
    assert old.redis.call("HEXISTS", "unacked", "other") == 1, "another queue's is not ours to restore"
    assert worker.stop() == 0


def test_a_job_longer_than_the_visibility_timeout_stays_ours(old, clips):
    gate = old.around.gate()
    job, = old.send()
    worker = old.worker("--no-instance", PATH=gate.path)
    gate.wait_started()
    first = float(old.redis.call("ZRANGE", "unacked_index", 0, 0, "WITHSCORES")[1])
    def renewed():
        scores = old.redis.call("ZRANGE", "unacked_index", 0, 0, "WITHSCORES")
        return len(scores) == 2 and float(scores[1]) > first + VISIBILITY
    wait_for(renewed, "renewal past the timeout", 60)
    second = old.worker("--until-empty", "--work-dir", old.around.folder / "second")
    assert second.wait_end(60) == 0 and "job started" not in second.text(), "nobody else gets it"
    gate.open()
    wait_for(old.empty, "ack", 60)
    assert len(old.around.outputs(job["video_id"])) == 1
    assert worker.stop() == 0


def test_a_drain_gives_the_message_back_at_once(old, clips):
    gate = old.around.gate()
    job, = old.send()
    worker = old.worker("--no-instance", PATH=gate.path)
    gate.wait_started()
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    worker.signal(signal.SIGTERM)
    assert worker.wait_end(60) == 0
    back, = old.redis.messages()
    assert back["headers"]["id"] == job["task_id"] and back["headers"]["redelivered"] is True
    assert back["properties"]["delivery_info"]["redelivered"] is True and old.held() == (0, 0)


def test_a_job_that_kills_its_slot_is_parked_at_its_third_receive(old, clips):
    folder = old.around.folder / "killer"
    folder.mkdir()
    script = folder / "ffmpeg"
    script.write_text('#!/bin/sh\n[ "$2" != -encoders ] || exec /usr/bin/ffmpeg "$@"\nkill -9 $PPID\nsleep 60\n')
    script.chmod(0o755)
    job, = old.send()
    worker = old.worker("--no-instance", PATH=f"{folder}:{os.environ['PATH']}")
    wait_for(lambda: old.parked(), "parked message", 120)
    (parked, note), = old.parked()
    assert parked["headers"]["id"] == job["task_id"] and note["attempt"] == 3
    wait_for(lambda: old.empty() and not old.leavings(), "clean queue")
    assert worker.stop() == 0
    result = json.loads(old.redis.call("GET", f"celery-task-meta-{job['task_id']}"))
    assert result["status"] == "FAILURE" and "slot" in result["result"]["exc_message"][0]


class Proxy(threading.Thread):
    """Stands between worker and Redis; cut(of_redis, data) true: the connection ends there, and data is not passed on."""

    def __init__(self, port, cut):
        super().__init__(daemon=True)
        self.server, self.port, self.cut = socket.create_server(("127.0.0.1", 0)), port, cut
        self.url = f"redis://127.0.0.1:{self.server.getsockname()[1]}/0"
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self.port)) as redis:
                try:
                    self.pass_on(client, redis)
                except ConnectionError:
                    pass

    def pass_on(self, client, redis):
        while True:
            for ready in select.select([client, redis], [], [])[0]:
                data = ready.recv(1 << 20)
                if not data or self.cut(ready is redis, data):
                    return
                (redis if ready is client else client).sendall(data)

    def end(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def test_an_answer_that_is_lost_loses_no_message(old, clips):
    """Redis has given the message, and the worker has not got it: it asks for the same again, long before the timeout."""
    jobs = old.send(2)
    lost = []
    proxy = Proxy(old.redis.port, lambda of_redis, data: of_redis and b"delivery_tag" in data and len(lost) < 2
                  and not lost.append(data))
    try:
        old.options = ("--broker", proxy.url, "--celery-visibility-timeout", "1h")
        worker = old.worker()
        wait_for(lambda: all(old.around.outputs(j["video_id"]) for j in jobs), "outputs", 60)
        wait_for(old.empty, "empty queue", 60)
        assert len(lost) == 2 and "receives=1" in worker.text() and not old.leavings()
        assert worker.stop() == 0
    finally:
        proxy.end()


ACK = b"store(KEYS[4]"
MOMENTS = {  # when the worker dies, and what is left: waiting, held, output
    "before it asks for a message": (lambda of_redis, data, seen: not of_redis and b"RPOP" in data, 1, 0, 0),
    "before it gets the message": (lambda of_redis, data, seen: of_redis and b"delivery_tag" in data, 0, 1, 0),
    "before its ack": (lambda of_redis, data, seen: not of_redis and ACK in data, 0, 1, 1),
    "before the answer to its ack": (lambda of_redis, data, seen: of_redis and any(ACK in d for d in seen), 0, 0, 1),
}


def test_a_worker_killed_at_any_moment_loses_nothing(old, clips):
    jobs, seen = [], []
    for name, (moment, waiting, held, outputs) in MOMENTS.items():
        dying = []

        def cut(of_redis, data):
            seen.append(data)
            if moment(of_redis, data, seen[:-1]):
                wait_for(lambda: dying, "process")
                dying[0].signal(signal.SIGKILL)
                return True
            return False
        seen.clear()
        jobs += old.send()
        before = old.held()[0]
        proxy = Proxy(old.redis.port, cut)
        try:
            dying.append(old.around.worker("--broker", proxy.url, "--celery-visibility-timeout", "1h",
                                           SQS_QUEUE_URL=None))
            assert dying[0].wait_end(90) == -signal.SIGKILL, name
        finally:
            proxy.end()
        # What it had asked for is in the server by now or never: the connection is gone.
        wait_for(lambda: (old.waiting(), old.held()[0] - before, len(old.around.outputs(jobs[-1]["video_id"]))) ==
                 (waiting, held, outputs), f"what is left of a worker killed {name}")
        if waiting:
            old.drain()
    for tag in old.redis.call("ZRANGE", "unacked_index", 0, -1):
        old.redis.call("ZADD", "unacked_index", 1, tag)  # as if the time were over
    old.drain()
    for job in jobs:
        assert len(old.around.outputs(job["video_id"])) == 1
    assert old.empty() and not old.parked()


def test_redis_that_restarts_loses_nothing(old, clips):
    gate = old.around.gate()
    job, = old.send()
    worker = old.worker("--no-instance", "--celery-visibility-timeout", "1h", PATH=gate.path)
    gate.wait_started()
    old.redis.program.kill()
    gate.open()
    worker.wait_log("output stored", 60)
    old.redis.start()
    wait_for(old.empty, "ack after the restart", 60)
    assert len(old.around.outputs(job["video_id"])) == 1
    assert worker.stop() == 0


def test_both_queues_are_served_by_one_worker(old, clips):
    legacy = old.send(3)
    new = old.around.send(*[clips["tiny"]] * 3)
    bad = old.around.job(f"s3://{BUCKET}/uploads/none.mp4")
    old.around.put_message(bad)
    old.redis.call("LPUSH", "celery", json.dumps(message([["v", "nowhere"], {}, None])))
    worker = old.around.worker(*old.options, "--until-empty")
    assert worker.wait_end(180) == 0
    for job in legacy + new:
        assert len(old.around.outputs(job["video_id"])) == 1
    assert old.empty() and old.around.depth() == (0, 0)
    assert len(old.parked()) == 1 and old.around.depth(old.around.dead) == (1, 0)
    assert "broker=several" in worker.text()


def test_a_broker_that_cannot_be_used_is_told(old):
    def told(status, says, *options, **env):
        done = old.around.programs.call("windlass-worker", "--profile", "/dev/null", *options, seconds=60,
                                        env={**old.around.environment, "SQS_QUEUE_URL": None, **env})
        assert done.returncode == status and says in done.stdout + done.stderr, done.stdout + done.stderr
    told(2, "--broker")
    profile = ("--profile", str(PROFILE))
    told(2, "redis://", *profile, "--broker", "amqp://h")
    told(2, "list of processes", *profile, "--broker", old.redis.url(user="x:wrong@"))
    told(2, "WRONGPASS", *profile, WINDLASS_BROKER=old.redis.url(user="x:wrong@"))
    old.redis.call("SET", "text", "x")
    told(2, "WRONGTYPE", *profile, "--broker", old.redis.url(), "--celery-queue", "text")
    told(1, "refused", *profile, "--until-empty", "--broker", old.redis.url(port=1))
