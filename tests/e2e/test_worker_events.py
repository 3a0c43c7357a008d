"""What a worker tells of each job's end, by queue, webhook and command, and the record that it keeps: never lost."""

import hashlib
import hmac
import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import wait_for
from videos import BUCKET, around, clips

__all__ = ["around", "clips"]
SECRET = "not a word of any dictionary"


class Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.got.append((dict(self.headers), body))
            status = self.server.answers.pop(0) if self.server.answers else self.server.usual
        if status == "hang":
            self.server.release.wait(60)
            self.close_connection = True
            return
        self.send_response(status)
        if status == 204:  # which has no body: one would be taken for the next answer's beginning
            self.end_headers()
            return
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.daemon_threads = True
    server.lock, server.got, server.answers, server.usual = threading.Lock(), [], [], 204
    server.release = threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/events?who=worker"
    server.events = lambda: [json.loads(body) for _, body in list(server.got)]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.release.set()
    server.shutdown()
    server.server_close()


def put(around, clips, *names):
    """Jobs for clips that are in the store, each with its own key."""
    jobs = []
    for name in names:
        around.s3.upload_file(str(clips[name]), BUCKET, f"uploads/{name}.mp4")
        jobs.append(around.job(f"s3://{BUCKET}/uploads/{name}.mp4"))
        around.put_message(jobs[-1])
    return jobs


def record_of(around, job):
    try:
        return json.loads(around.s3.get_object(Bucket=BUCKET, Key=f"jobs/{job['video_id']}.json")["Body"].read())
    except around.s3.exceptions.NoSuchKey:
        return None


def put_record(around, job):
    bucket, key = job["video_path"][5:].split("/", 1)
    around.s3.put_object(Bucket=BUCKET, Key=f"jobs/{job['video_id']}.json", Body=json.dumps({
        "version": 1, "video_id": job["video_id"], "task_id": job["task_id"], "title": "A day", "bucket": bucket,
        "key": key, "state": "queued", "created_at": job["created_at"], "at": job["created_at"], "attempt": 0,
        "progress": 0, "reason": "", "outputs": []}))


def test_each_end_is_told_by_every_way_that_is_set(around, clips, hook):
    queue = around.sqs.create_queue(QueueName="results")["QueueUrl"]
    secret = around.folder / "secret"
    secret.write_text(SECRET + "\n")
    seen = around.folder / "seen"
    good, bad = put(around, clips, "tiny", "text")
    around.put_message("no job at all")
    put_record(around, good)
    worker = around.worker("--until-empty", WINDLASS_EVENT_QUEUE_URL=queue, WINDLASS_EVENT_WEBHOOK=hook.url,
                           WINDLASS_EVENT_SECRET_FILE=secret, WINDLASS_EVENT_COMMAND=f"cat >> {seen}; echo >> {seen}")
    assert worker.wait_end(120) == 0, worker.text()[-3000:]
    events = {e["id"]: e for e in hook.events()}
    assert len(hook.got) == 3 == len(events) and "could not be told" not in worker.text(), "each once"
    by_queue = {json.loads(m["Body"])["id"]: (json.loads(m["Body"]), m) for m in around.take_all(queue)}
    assert {i: e for i, (e, _) in by_queue.items()} == events
    assert {e["id"]: e for e in map(json.loads, seen.read_text().splitlines())} == events
    done, parked = events[good["task_id"] + ".done"], events[bad["task_id"] + ".parked"]
    output, = done["outputs"]
    head = around.s3.head_object(Bucket=BUCKET, Key=output["key"])
    assert output["bytes"] == head["ContentLength"] and output["etag"] == head["ETag"]
    assert output["type"] == "video/mp4" and output["probe"]["codec"] == "h264" and done["already"] is False
    assert (output["probe"]["width"], output["probe"]["height"]) == (1280, 720)
    assert 800 <= output["probe"]["duration_ms"] <= 1300 and output["probe"]["audio_streams"] == 0
    assert {k: done[k] for k in ("video_id", "task_id", "receives")} == \
        {"video_id": good["video_id"], "task_id": good["task_id"], "receives": 1}
    assert done["source"] == {"bucket": BUCKET, "key": "uploads/tiny.mp4"}
    assert parked["stage"] == "probe" and parked["reason"] and parked["video_id"] == bad["video_id"]
    stranger, = (e for e in events.values() if "video_id" not in e)
    assert stranger["event"] == "parked" and "JSON" in stranger["reason"]
    _, message = by_queue[done["id"]]
    assert message["MessageAttributes"]["event"]["StringValue"] == "done"
    for headers, body in hook.got:
        stamp, mac = (part.split("=")[1] for part in headers["X-Windlass-Signature"].split(","))
        assert hmac.compare_digest(mac, hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest())
        assert abs(time.time() - int(stamp)) < 120 and headers["X-Windlass-Event-Id"] == json.loads(body)["id"]
    assert SECRET not in worker.text() and around.depth() == (0, 0)
    record = record_of(around, good)
    assert record["state"] == "done" and record["title"] == "A day" and record["progress"] == 100
    assert [(o["key"], o["bytes"]) for o in record["outputs"]] == [(output["key"], output["bytes"])]
    assert record_of(around, bad) is None, "who had no record gets none"


def test_a_message_is_held_while_its_end_cannot_be_told(around, clips, hook):
    """Longer than it is hidden for: it is renewed, and comes to nobody else; other jobs go on."""
    hook.usual = 503
    first, = put(around, clips, "tiny")
    worker = around.worker("--visibility-timeout", "4", WINDLASS_EVENT_WEBHOOK=hook.url)
    wait_for(lambda: len(hook.got) >= 2, "second try", 60)
    second = around.job(first["video_path"])
    around.put_message(second)
    wait_for(lambda: {e["task_id"] for e in hook.events()} == {first["task_id"], second["task_id"]}, "the other job", 60)
    start = time.monotonic()
    wait_for(lambda: time.monotonic() - start > 6 and len(hook.got) >= 6, "six tries", 60)
    assert around.depth() == (0, 2), "both are held"
    hook.usual = 200
    around.wait_drained(60)
    assert worker.stop() == 0
    assert {(e["id"], e["receives"]) for e in hook.events()} == {(j["task_id"] + ".done", 1) for j in (first, second)}


@pytest.mark.parametrize("clip", ["tiny", "text"])
def test_killed_before_an_end_is_acknowledged_it_is_told_again(around, clips, hook, clip):
    hook.answers = ["hang"]
    job, = put(around, clips, clip)
    worker = around.worker("--visibility-timeout", "4", WINDLASS_EVENT_WEBHOOK=hook.url)
    wait_for(lambda: hook.got, "event", 60)
    worker.kill()
    again = around.worker("--visibility-timeout", "4", WINDLASS_EVENT_WEBHOOK=hook.url)
    wait_for(lambda: len(hook.got) >= 2, "event again", 60)
    around.wait_drained(60)
    assert again.stop() == 0
    one, two = hook.events()
    assert one["id"] == two["id"] and one["event"] == two["event"] and two["receives"] == 2
    if clip == "tiny":
        assert two["already"] and two["outputs"][0]["probe"] == one["outputs"][0]["probe"]
        assert len(around.outputs(job["video_id"])) == 1
    else:
        assert len(around.take_all(around.dead)) == 1, "what was not told is not parked yet"


def test_stopped_while_an_end_cannot_be_told_the_message_goes_back(around, clips, hook):
    hook.usual = 500
    job, = put(around, clips, "tiny")
    env = {"WINDLASS_EVENT_WEBHOOK": hook.url}
    worker = around.worker(**env)
    wait_for(lambda: hook.got, "event", 60)
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    worker.signal(signal.SIGTERM)
    assert worker.wait_end(60) == 0
    assert around.depth() == (1, 0), worker.text()[-2000:]
    hook.usual = 200
    again = around.worker("--until-empty", **env)
    assert again.wait_end(60) == 0
    last = hook.events()[-1]
    assert last["id"] == job["task_id"] + ".done" and last["already"] and around.depth() == (0, 0)


def test_a_command_that_fails_or_hangs_is_run_again(around, clips):
    count = around.folder / "count"
    script = around.folder / "tell"
    script.write_text(f"#!/bin/sh\necho x >> {count}\ncat > {around.folder}/event\n"
                      f"[ $(wc -l < {count}) -ge 3 ] || exit 7\n")
    script.chmod(0o755)
    job, = put(around, clips, "tiny")
    worker = around.worker("--until-empty", "--event-command", str(script))
    assert worker.wait_end(90) == 0, worker.text()[-2000:]
    assert count.read_text().count("x") == 3 and "ended with status 7" in worker.text()
    assert json.loads((around.folder / "event").read_text())["task_id"] == job["task_id"]
    assert around.depth() == (0, 0)


def test_the_record_follows_the_job(around, clips):
    gate = around.gate()
    good, bad = put(around, clips, "tiny", "text")
    for job in (good, bad):
        put_record(around, job)
    worker = around.worker("--slots", "2", PATH=gate.path)
    gate.wait_started()
    record = wait_for(lambda: record_of(around, good)["state"] == "processing" and record_of(around, good), "processing", 60)
    assert record["attempt"] == 1 and record["began_at"] and record["title"] == "A day"
    record = wait_for(lambda: record_of(around, bad)["state"] == "parked" and record_of(around, bad), "parked", 60)
    assert record["reason"] and not record["outputs"]
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    worker.signal(signal.SIGTERM)
    assert worker.wait_end(60) == 0
    assert record_of(around, good)["state"] in ("queued", "processing"), "the hurried do not wait for it"
    gate.open()
    again = around.worker("--until-empty", PATH=gate.path)
    assert again.wait_end(90) == 0
    record = record_of(around, good)
    assert record["state"] == "done" and record["attempt"] in (2, 3) and record["outputs"][0]["bytes"] > 0


@pytest.mark.parametrize("options, says", [
    (["--event-webhook", "ftp://x"], "no http:// or https:// URL"),
    (["--event-webhook", "http://127.0.0.1:1", "--event-secret-file", "/nowhere/secret"], "secret of the webhook"),
    (["--event-webhook", "http://127.0.0.1:1", "--event-secret-file", "/dev/null"], "is empty"),
])
def test_settings_that_cannot_work_end_it_at_once(around, options, says):
    worker = around.worker("--until-empty", *options)
    assert worker.wait_end(30) in (1, 2) and says in worker.text()
