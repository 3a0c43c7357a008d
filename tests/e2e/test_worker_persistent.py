"""Commands that stay: started once a slot, given jobs line by line; and the deletes of many small jobs, which go together."""

import collections
import http.client
import http.server
import json
import os
import signal
import threading
import urllib.parse

import pytest
from conftest import wait_for
from videos import BUCKET, alive, around

__all__ = ["around"]

COMMAND = """\
import json, os, signal, sys, time
seen = sys.stderr if sys.argv[1] == "-" else open(sys.argv[1], "a", buffering=1)
print('{"hello":1}', flush=True)
for line in sys.stdin:
    job = json.loads(line)
    body, first = job["body"], job["receives"] == 1
    say = lambda state, **more: print(json.dumps({"job": job["job"], "state": state, **more}), flush=True)
    if body.startswith("die") and first:
        os.kill(os.getpid(), signal.SIGKILL)
    if body.startswith("rubbish") and first:
        print("Traceback (most recent call last):", flush=True)
        time.sleep(60)
    if body.startswith("stay") and first:
        open(sys.argv[1] + ".pid", "w").write(str(os.getpid()))
        say("working", progress=0.5)
        time.sleep(600)
    if body.startswith("bad"):
        print("no good: " + body, file=sys.stderr, flush=True)
        say("failed", reason="it is bad", permanent=True)
        continue
    if body.startswith("again") and first:
        say("failed", reason="not yet")
        continue
    if body.startswith("store"):
        open(job["out"] + "/made", "w").write(body if os.getcwd() == job["folder"] else "?")
    seen.write(json.dumps({**job, "pid": os.getpid()}) + "\\n")
    say("done")
    if body.startswith("twice") and first:
        say("done")
"""


class Mates:
    def __init__(self, around):
        self.around, self.log, self.script = around, around.folder / "seen", around.folder / "mate.py"
        self.script.write_text(COMMAND)

    def profile(self, more="", log=None, **exec_keys):
        keys = "".join(f"  {k}: {v}\n" for k, v in exec_keys.items())
        path = self.around.folder / "persistent.yaml"
        path.write_text("version: 1\nname: any\nprocessor: exec\nexec:\n  persistent: true\n  command: [/usr/bin/python3, "
                        f"-u, {self.script}, {log or self.log}]\n{keys}{more}")
        return path

    def worker(self, *options, profile=None, **more):
        return self.around.worker("--wait-time", "1", *options, profile=profile or self.profile(), **more)

    def seen(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def bodies(self):
        return collections.Counter(job["body"] for job in self.seen())


@pytest.fixture
def mates(around):
    return Mates(around)


def test_one_process_does_many_jobs_and_its_faults_cost_no_message(around, mates):
    bodies = [f"ok {i}" for i in range(12)] + ["die", "rubbish", "again", "twice", "\u00fcml\u00e4ut \u2713\n\"x\"", "y" * 300000]
    for body in [*bodies, "bad \u2620"]:
        around.put_message(body, kept={"DataType": "String", "StringValue": "yes"},
                           bytes={"DataType": "Binary", "BinaryValue": b"\0\1"})
    worker = mates.worker("--slots", "2", "--max-jobs", str(len(bodies) + 4))
    assert worker.wait_end(90) == 0
    seen = mates.seen()
    assert mates.bodies() == collections.Counter(bodies), worker.text()
    assert seen[0]["attributes"] == {"kept": {"type": "String", "value": "yes"},
                                     "bytes": {"type": "Binary", "base64": "AAE="}}
    assert all(job["deadline_ms"] > 0 and job["message_id"] for job in seen)
    assert len({job["pid"] for job in seen}) <= 5, "two, and one for each of three faults"
    parked, = around.take_all(around.dead)
    note = json.loads(parked["MessageAttributes"]["windlass-parked"]["StringValue"])
    assert parked["Body"] == "bad \u2620" and note["reason"] == "it is bad" and "no good: bad" in note["stderr"]
    text = worker.text()
    for why in ("ended by signal 9", "is no JSON object", "not yet", "spoke while it had no job"):
        assert why in text, why
    assert around.depth() == (0, 0) and around.clean()


def test_kill_9_of_the_command_returns_its_job_and_another_does_it(around, mates):
    around.put_message("stay")
    worker = mates.worker("--max-jobs", "2")
    pid = around.folder / "seen.pid"
    wait_for(lambda: pid.exists() and pid.read_text(), "a job under way", 60)
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert worker.wait_end(60) == 0
    job, = mates.seen()
    assert job["receives"] == 2 and job["pid"] != int(pid.read_text())
    assert around.depth() == (0, 0) and around.depth(around.dead) == (0, 0)


def test_a_lost_lease_kills_the_command(around, mates):
    """By the deadman: nothing that it would still say counts."""
    around.put_message("stay")
    worker = mates.worker("--visibility-timeout", "3", "--max-jobs", "2")
    pid = around.folder / "seen.pid"
    wait_for(lambda: pid.exists() and pid.read_text(), "a job under way", 60)
    around.sqs.purge_queue(QueueUrl=around.url)
    wait_for(lambda: not alive(int(pid.read_text())), "its end", 30)
    around.put_message("after")
    assert worker.wait_end(60) == 0 and mates.bodies() == {"after": 1}


def test_kill_9_of_the_worker_among_many_small_jobs_loses_none(around, mates):
    bodies = [f"ok {i}" for i in range(200)]
    for i in range(0, len(bodies), 10):
        around.sqs.send_message_batch(QueueUrl=around.url, Entries=[
            {"Id": str(k), "MessageBody": body} for k, body in enumerate(bodies[i:i + 10])])
    options = ("--slots", "4", "--visibility-timeout", "5", "--log-level", "info")
    for killed_at in (20, 80):
        worker = mates.worker(*options)
        wait_for(lambda killed_at=killed_at: len(mates.seen()) >= killed_at, f"{killed_at} jobs", 60)
        pids = {job["pid"] for job in mates.seen()}
        worker.process.kill()
        worker.process.wait()
        wait_for(lambda pids=pids: not any(alive(pid) for pid in pids), "end of the commands", 30)
    worker = mates.worker(*options)
    around.wait_drained(60)
    assert worker.stop() == 0
    assert set(mates.bodies()) == set(bodies)
    assert sum(mates.bodies().values()) <= len(bodies) + 2 * 24, "four slots and two calls of deletes, twice"
    assert around.depth(around.dead) == (0, 0)


def test_what_it_leaves_is_stored_in_a_sandbox_and_it_is_replaced_in_time(around, mates):
    for i in range(5):
        around.put_message(f"store {i}")
    profile = mates.profile(f"outputs:\n  - {{ name: made, file: made, bucket: {BUCKET}, key: \"made/{{digest}}\" }}\n",
                            log='"-"', max_jobs=2, sandbox="files", read=f"[{around.folder}]")
    worker = mates.worker("--until-empty", profile=profile)
    assert worker.wait_end(90) == 0
    got = around.s3.list_objects_v2(Bucket=BUCKET, Prefix="made/")["Contents"]
    made = [around.s3.get_object(Bucket=BUCKET, Key=o["Key"])["Body"].read().decode() for o in got]
    assert sorted(made) == [f"store {i}" for i in range(5)], worker.text()
    assert around.depth() == (0, 0) and around.depth(around.dead) == (0, 0) and around.clean()


def test_one_that_cannot_start_is_said_and_takes_no_message(around, mates):
    around.put_message("x")
    mates.script.write_text("import sys\nsys.exit('no such model')\n")
    worker = mates.worker("--until-empty")
    assert worker.wait_end(60) == 1
    assert "no such model" in worker.text() and "times in a row" in worker.text()
    assert around.depth() == (1, 0), "not received"


class Partial(http.server.BaseHTTPRequestHandler):
    """Hands calls on; of each of the first batches of deletes it says that the last one failed."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers.get("X-Amz-Target", "")
        far = http.client.HTTPConnection(*self.server.far, timeout=60)
        far.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            far.putheader(name, value)
        far.endheaders(body)
        reply = far.getresponse()
        status, kind, answer = reply.status, reply.headers["Content-Type"], reply.read()
        far.close()
        if target.endswith(".DeleteMessageBatch"):
            asked = json.loads(body)["Entries"]
            self.server.sizes.append(len(asked))
            if sum(n > 1 for n in self.server.sizes) <= 3:
                told = json.loads(answer)
                failed = told["Successful"].pop()
                told.setdefault("Failed", []).append({"Id": failed["Id"], "Code": "InternalError", "Message": "as told",
                                                      "SenderFault": False})
                answer = json.dumps(told).encode()
        elif target.endswith(".DeleteMessage"):
            self.server.sizes.append(1)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def test_deletes_go_together_and_one_that_fails_is_tried_again_alone(around, mates):
    far = urllib.parse.urlsplit(around.environment["AWS_ENDPOINT_URL"])
    front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Partial)
    front.far, front.sizes, front.daemon_threads = (far.hostname, far.port), [], True
    threading.Thread(target=front.serve_forever, daemon=True).start()
    for i in range(120):
        around.put_message(f"ok {i}")
    try:
        worker = mates.worker("--slots", "10", "--until-empty",
                              AWS_ENDPOINT_URL=f"http://127.0.0.1:{front.server_port}")
        assert worker.wait_end(90) == 0
    finally:
        front.shutdown()
        front.server_close()
    assert mates.bodies() == collections.Counter(f"ok {i}" for i in range(120)), "none done twice"
    assert sum(front.sizes) == 123 and len(front.sizes) < 70 and max(front.sizes) > 3, front.sizes
    assert "trying again" in worker.text() and around.depth() == (0, 0) and around.depth(around.dead) == (0, 0)
