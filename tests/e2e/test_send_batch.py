"""windlass send --batch: a file or a pipe of jobs, in batches of ten, to SQS or to Celery."""

import json
import os
import pathlib
import pty
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from celery_redis import Redis, redis
from cloud import cloud
from conftest import program_path

__all__ = ["cloud", "redis"]
QUEUE_KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": "us-east-1"}


def results(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def write(path, count, **more):
    with open(path, "w") as f:
        for i in range(count):
            f.write(json.dumps({"video_path": f"s3://anb-videos/uploads/{i}.mp4", "task_id": f"task-{i}", **more}) + "\n")
    return path


def drain(client, url):
    got = {}
    while True:
        found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        messages = found.get("Messages", [])
        if not messages:
            return got
        for m in messages:
            body = json.loads(m["Body"])
            assert m["MessageAttributes"]["video_path"]["StringValue"] == body["video_path"]
            assert m["MessageAttributes"]["video_id"]["StringValue"] == body["video_id"]
            assert body["task_id"] not in got, "twice"
            got[body["task_id"]] = m["MessageId"]


def test_a_file_goes_to_sqs_whole_and_bad_lines_are_told(windlass, cloud, tmp_path):
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    path = write(tmp_path / "jobs", 333)
    with open(path, "a") as f:
        f.write("\n  \ns3://anb-videos/plain.mp4\nclip.mp4\n" + "x" * 40000 + "\n{\"video_path\": 1}\ns3://anb-videos/last")
    done = windlass("send", "--batch", path, "--output", "json", env={**cloud.environment, "SQS_QUEUE_URL": url})
    assert done.returncode == 1
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == \
        ["line 337", "line 338", "line 339", "335 sent, 3 not"], done.stderr
    lines = results(done)
    sent = {r["task_id"]: r["message_id"] for r in lines if "error" not in r}
    assert [r["line"] for r in lines if "error" in r] == [337, 338, 339]
    assert {r["path"] for r in lines if "error" not in r} == {"sqs"}
    assert len(sent) == 335 and drain(sqs, url) == sent
    assert [r["task_id"] for r in lines if "error" not in r][:333] == [f"task-{i}" for i in range(333)], "told in their order"


class Moody(BaseHTTPRequestHandler):
    """Answers SendMessageBatch: of each batch, what the test's function says of each job."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.headers["X-Amz-Target"] == "AmazonSQS.SendMessageBatch"
        entries = [(entry["Id"], json.loads(entry["MessageBody"])["task_id"]) for entry in asked["Entries"]]
        with self.server.lock:
            status, answer = self.server.answer(entries)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def moody():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Moody)
    server.daemon_threads, server.lock, server.url = True, threading.Lock(), None
    server.environment = {**QUEUE_KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                          "SQS_QUEUE_URL": f"http://127.0.0.1:{server.server_port}/1/q"}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_what_a_batch_did_not_take_is_sent_again_under_its_id(windlass, moody, tmp_path):
    seen, batches = {}, []

    def answer(entries):
        batches.append(len(entries))
        good, bad = [], []
        for place, task in entries:
            seen[task] = seen.get(task, 0) + 1
            number = int(task.split("-")[1])
            if number == 13:
                bad.append({"Id": place, "SenderFault": True, "Code": "InvalidMessageContents", "Message": "no"})
            elif number % 7 == 3 and seen[task] == 1:
                bad.append({"Id": place, "SenderFault": False, "Code": "InternalError"})
            elif not (number % 7 == 4 and seen[task] == 1):  # else it is not mentioned at all
                good.append({"Id": place, "MessageId": f"m-{task}", "MD5OfMessageBody": "0" * 32})
        return 200, {"Successful": good, "Failed": bad}
    moody.answer = answer
    done = windlass("send", "--batch", write(tmp_path / "jobs", 45), "--output", "json", env=moody.environment)
    assert done.returncode == 1 and "line 14: s3://anb-videos/uploads/13.mp4" in done.stderr, done.stderr
    assert "InvalidMessageContents" in done.stderr and done.stderr.endswith("44 sent, 1 not\n")
    assert {r["task_id"]: r.get("message_id") for r in results(done)} == \
        {f"task-{i}": None if i == 13 else f"m-task-{i}" for i in range(45)}
    assert [seen[f"task-{i}"] for i in range(45)] == [2 if i % 7 in (3, 4) else 1 for i in range(45)]
    assert batches[:5] == [10, 10, 10, 10, 5] or sorted(batches[:5]) == [5, 10, 10, 10, 10]


def test_a_batch_that_is_refused_for_one_loses_only_that_one(windlass, moody, tmp_path):
    def answer(entries):
        if any(task == "task-5" for _, task in entries):
            return 400, {"__type": "com.amazonaws.sqs#InvalidMessageContents", "message": "a character"}
        return 200, {"Successful": [{"Id": place, "MessageId": task} for place, task in entries], "Failed": []}
    moody.answer = answer
    done = windlass("send", "--batch", write(tmp_path / "jobs", 12), env=moody.environment)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].endswith("11 sent, 1 not"), done.stderr
    assert done.stdout.count("by sqs\n") == 11 and "uploads/5.mp4" not in done.stdout


def test_a_queue_that_takes_nothing_stops_it_and_its_lines_can_be_sent_again(windlass, moody, cloud, tmp_path):
    calls = []

    def answer(entries):
        calls.append(len(entries))
        if len(calls) > 20:
            return 400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}
        return 200, {"Successful": [{"Id": place, "MessageId": task} for place, task in entries], "Failed": []}
    moody.answer = answer
    done = windlass("send", "--batch", write(tmp_path / "jobs", 1000), "--output", "json", env=moody.environment)
    assert done.returncode == 1 and "nothing after line 320 was tried" in done.stderr, done.stderr[-500:]
    lines = results(done)
    failed = [r for r in lines if "error" in r]
    assert len(lines) == 320 and len(failed) == 120 and len(calls) == 32, "the rest is not even asked"
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    again = windlass("send", "--batch", "-", input="".join(json.dumps(r) + "\n" for r in failed), env={
        **cloud.environment, "SQS_QUEUE_URL": url})
    assert again.returncode == 0, again.stderr
    assert set(drain(sqs, url)) == {r["task_id"] for r in failed}


def test_the_same_over_celery(windlass, redis, tmp_path):
    done = windlass("send", "--batch", write(tmp_path / "jobs", 400), "--output", "json",
                    env={"CELERY_BROKER_URL": redis.url()})
    assert done.returncode == 0, done.stderr
    assert [(r["task_id"], r["path"]) for r in results(done)] == [(f"task-{i}", "celery") for i in range(400)]
    assert sorted(m["headers"]["id"] for m in redis.messages()) == sorted(f"task-{i}" for i in range(400))
    redis.call("DEL", "celery")
    redis.call("SET", "celery", "no list")
    done = windlass("send", "--batch", tmp_path / "jobs", env={"CELERY_BROKER_URL": redis.url()})
    assert done.returncode == 1 and "WRONGTYPE" in done.stderr and not done.stdout


def test_lines_of_a_pipe_are_sent_as_they_come(programs, redis):
    argv = [program_path("windlass"), "send", "--batch", "-", "--output", "json"]
    with subprocess.Popen(argv, env=programs.environment({"CELERY_BROKER_URL": redis.url()}), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as send:
        for i in range(3):
            send.stdin.write(f"s3://anb-videos/{i}.mp4\ns3://anb")  # the second half of a line comes with the next
            send.stdin.flush()
            assert json.loads(send.stdout.readline())["video_path"].endswith(f"/{i}.mp4")
            send.stdin.write(f"-videos/{i}-half.mp4\n")
            send.stdin.flush()
            assert json.loads(send.stdout.readline())["video_path"].endswith(f"/{i}-half.mp4")
        send.stdin.close()
        assert send.wait(timeout=60) == 0
    assert redis.call("LLEN", "celery") == 6


def peak_kib(pid):
    found = re.search(r"^VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    return int(found[1]) if found else 0


def test_a_bar_on_a_terminal_and_little_memory_for_many_lines(programs, tmp_path):
    """The peak of 1,000 lines is that of 10,000: 7 MiB between them would show."""
    peaks, redis = {}, Redis(programs, tmp_path).start("--appendonly", "no")
    env = programs.environment({"CELERY_BROKER_URL": redis.url(), "ASAN_OPTIONS": programs.env["ASAN_OPTIONS"] +
                                ":quarantine_size_mb=1"})
    for count in (1000, 10000):
        with open(tmp_path / "jobs", "w") as f:
            f.writelines(f"s3://anb-videos/{'x' * 700}/{i}.mp4\n" for i in range(count))
        leader, follower = pty.openpty()
        send = subprocess.Popen([program_path("windlass"), "send", "--batch", str(tmp_path / "jobs")], env=env,
                                stdout=subprocess.DEVNULL, stderr=follower)
        os.close(follower)
        said = b""
        while True:
            try:
                got = os.read(leader, 65536)
            except OSError:
                break
            if not got:
                break
            said += got
            peaks[count] = max(peaks.get(count, 0), peak_kib(send.pid))
        os.close(leader)
        assert send.wait(timeout=60) == 0, said[-1000:]
        assert b"] 0 sent" in said and f" {count} sent".encode() in said and b"[####" in said
        assert redis.call("LLEN", "celery") == count
        redis.call("DEL", "celery")
    assert peaks[10000] < peaks[1000] + 4 * 1024, peaks


@pytest.mark.parametrize("arguments, says", [
    (["--batch", "jobs", "s3://b/k"], "do not go together"), (["--batch", "nowhere"], "nowhere"),
    ([], "VIDEO… is missing"), (["--batch", "."], "reading ."),
])
def test_what_is_no_batch_gets_one_answer(windlass, arguments, says):
    done = windlass("send", *arguments, env={"CELERY_BROKER_URL": "redis://127.0.0.1:1"})
    assert done.returncode in (1, 2) and says in done.stderr and done.stderr.count("\n") == 1, done.stderr
