"""The worker on the embedded cloud, with real videos: what it makes, what it parks, what it survives."""

import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest
from conftest import wait_for
from videos import (BUCKET, PROFILE, QUEUE, Surroundings, alive, around, clips, ffmpegs_of, ffprobe, pixel, slots_of)

__all__ = ["around", "clips"]


def check_output(path, seconds):
    seen = ffprobe(path)
    assert len(seen["streams"]) == 1, seen
    video = seen["streams"][0]
    got = {k: video[k] for k in ("codec_name", "width", "height", "pix_fmt", "sample_aspect_ratio")}
    assert got == {"codec_name": "h264", "width": 1280, "height": 720, "pix_fmt": "yuv420p",
                   "sample_aspect_ratio": "1:1"}
    assert abs(float(video["duration"]) - seconds) < 0.3
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "no faststart"


# ---- what it makes

def test_videos_become_what_the_profile_says(around, clips):
    names = {"landscape": 4, "portrait": 3, "four_three": 3, "long": 30, "wide_pixels": 2}
    jobs = around.send(*(clips[name] for name in names))
    worker = around.worker("--until-empty", "--slots", "2")
    assert worker.wait_end(240) == 0
    for job, (name, seconds) in zip(jobs, names.items()):
        path, head = around.output(job["video_id"])
        check_output(path, seconds)
        source = around.s3.head_object(Bucket=BUCKET, Key=job["video_path"].split("/", 3)[3])
        assert head["Metadata"]["task-id"] == job["task_id"]
        assert head["Metadata"]["source-etag"] == source["ETag"].strip('"')
        assert head["Metadata"]["receive-count"] == "1"
        assert head["ContentType"] == "video/mp4"
        bars = {"portrait": (20, 360), "four_three": (20, 360)}.get(name)
        if bars:
            assert max(pixel(path, *bars)) < 24, "no bars beside the picture"
        assert max(pixel(path, 640, 100)) > 40, "no picture in the middle"
    wide, _ = around.output(jobs[4]["video_id"])
    assert max(pixel(wide, 10, 300)) > 24, "a 16:9 picture of pixels that are not square fills the screen"
    assert around.depth() == (0, 0) and around.depth(around.dead) == (0, 0)
    assert around.clean()


def test_the_same_against_a_server_that_we_did_not_write(programs, tmp_path, moto, keys, client_of, clips):
    made = Surroundings(programs, tmp_path, {**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s)).make_queue()
    job, bad = made.send(clips["landscape"], clips["corrupt"])
    assert made.worker("--until-empty").wait_end(120) == 0
    check_output(made.output(job["video_id"])[0], 4)
    parked, = made.take_all(made.dead)
    assert json.loads(parked["Body"])["video_id"] == bad["video_id"]
    assert "reason" in json.loads(parked["MessageAttributes"]["windlass-parked"]["StringValue"])
    assert made.depth() == (0, 0)


def test_a_done_job_is_recognised_without_work(around, clips):
    job, = around.send(clips["tiny"])
    assert around.worker("--until-empty").wait_end(60) == 0
    key, = around.outputs(job["video_id"])
    before = around.s3.head_object(Bucket=BUCKET, Key=key)
    around.put_message({k: job[k] for k in ("video_id", "video_path", "task_id", "created_at")})
    worker = around.worker("--until-empty")
    assert worker.wait_end(60) == 0
    assert "already=true" in worker.text() and "stage=transcode" not in worker.text()
    after = around.s3.head_object(Bucket=BUCKET, Key=key)
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    assert around.depth() == (0, 0)


def test_an_output_of_somebody_else_is_not_replaced(around, clips):
    job, = around.send(clips["tiny"])
    assert around.worker("--until-empty").wait_end(60) == 0
    key, = around.outputs(job["video_id"])
    around.s3.put_object(Bucket=BUCKET, Key=key, Body=b"mine", Metadata={"source-etag": "other"})
    around.put_message({k: job[k] for k in ("video_id", "video_path", "task_id", "created_at")})
    assert around.worker("--until-empty").wait_end(60) == 0
    assert around.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"mine"
    parked, = around.take_all(around.dead)
    assert "remove it" in parked["MessageAttributes"]["windlass-parked"]["StringValue"]


# ---- what it parks

def bodies(around):
    job = around.job
    good = f"s3://{BUCKET}/x.mp4"
    yield "not JSON", "hello", "JSON"
    yield "a JSON that is no object", "[1]", ""
    yield "a missing field", {k: v for k, v in job(good).items() if k != "video_path"}, "video_path"
    yield "a number for a text", job(good, video_id=7), "video_id"
    yield "another scheme", job("http://example.com/x.mp4"), "s3"
    yield "a local file", job("file:///etc/passwd"), "s3"
    yield "a path that climbs", job(f"s3://{BUCKET}/../x.mp4"), ".."
    yield "an id that climbs", job(good, video_id="../../x"), "video_id"
    yield "no key", job(f"s3://{BUCKET}/"), ""
    yield "no such object", job(f"s3://{BUCKET}/nowhere.mp4"), "nowhere.mp4"
    yield "no such bucket", job("s3://no-such-bucket-anywhere/x.mp4"), "no-such-bucket-anywhere"
    yield "a long body", "x" * 200000, ""


def test_bad_messages_are_parked_with_their_reason(around, clips):
    sent = list(bodies(around))
    for _, body, _ in sent:
        around.put_message(body, video_id={"DataType": "String", "StringValue": "kept"},
                           count={"DataType": "Number", "StringValue": "7"},
                           raw={"DataType": "Binary", "BinaryValue": b"\x00\xff"})
    good, = around.send(clips["tiny"])
    worker = around.worker("--until-empty", "--slots", "2")
    assert worker.wait_end(120) == 0
    assert len(around.outputs(good["video_id"])) == 1
    parked = {m["Body"]: m for m in around.take_all(around.dead)}
    assert len(parked) == len(sent)
    for name, body, says in sent:
        message = parked[body if isinstance(body, str) else json.dumps(body)]
        attributes = message["MessageAttributes"]
        note = json.loads(attributes["windlass-parked"]["StringValue"])
        assert note["reason"] and says in note["reason"], (name, note)
        assert note["attempt"] == 1 and note["host"], (name, note)
        assert note["stage"] in ("receive", "fetch"), (name, note)
        assert attributes["video_id"]["StringValue"] == "kept"
        assert attributes["count"] == {"DataType": "Number", "StringValue": "7"}
        assert attributes["raw"]["BinaryValue"] == b"\x00\xff"
    assert around.depth() == (0, 0)


def test_a_body_that_fills_a_message_is_parked_all_the_same(around):
    around.put_message("x" * (1 << 20))
    worker = around.worker("--until-empty")
    assert worker.wait_end(60) == 0
    parked, = around.take_all(around.dead)
    assert parked["Body"] == "x" * (1 << 20)
    assert "message parked" in worker.text() and "why=" in worker.text()


def test_bad_videos_are_parked_with_their_reason(around, clips):
    names = ("corrupt", "empty", "truncated", "text", "playlist", "song")
    jobs = dict(zip(names, around.send(*(clips[name] for name in names))))
    worker = around.worker("--until-empty", "--slots", "2")
    assert worker.wait_end(120) == 0
    notes = {}
    for message in around.take_all(around.dead):
        notes[json.loads(message["Body"])["video_id"]] = json.loads(
            message["MessageAttributes"]["windlass-parked"]["StringValue"])
    says = {"corrupt": "ffprobe", "empty": "empty", "truncated": "cut short", "text": "ffprobe", "playlist": "ffprobe",
            "song": "no video"}
    for name in names:
        note = notes.pop(jobs[name]["video_id"])
        assert says[name] in note["reason"], (name, note)
        assert "/tmp" not in json.dumps(note), "a path of this machine"
    assert not notes and not around.outputs() and around.depth() == (0, 0)
    assert around.clean()


def test_without_dead_letters_a_hopeless_message_is_left_to_its_time_out(around):
    around.sqs.set_queue_attributes(QueueUrl=around.url, Attributes={"RedrivePolicy": "", "VisibilityTimeout": "5"})
    around.put_message("hello")
    worker = around.worker("--wait-time", "1")
    worker.wait_log("has no dead-letter queue: what can never succeed")
    worker.wait_log("message returned.*JSON")
    assert worker.stop() == 0
    assert sum(around.depth()) == 1


# ---- what it survives

def test_a_killed_slot_loses_nothing(around, clips):
    job, = around.send(clips["hd"])
    worker = around.worker()
    ffmpeg = wait_for(lambda: ffmpegs_of(worker), "ffmpeg", 60)
    slot, = slots_of(worker)
    os.kill(slot, signal.SIGKILL)
    wait_for(lambda: not alive(ffmpeg[0]), "end of the ffmpeg of a killed slot", 5)
    worker.wait_log("message returned.*its slot was killed by signal 9")
    worker.wait_log("job done", 120)
    path, head = around.output(job["video_id"])
    check_output(path, 12)
    assert head["Metadata"]["receive-count"] == "2"
    assert around.depth() == (0, 0) and around.depth(around.dead) == (0, 0)
    assert worker.stop() == 0
    assert around.clean()


def test_a_killed_worker_leaves_nobody_behind_and_loses_nothing(around, clips):
    job, = around.send(clips["hd"])
    first = around.worker("--visibility-timeout", "6")
    wait_for(lambda: ffmpegs_of(first), "ffmpeg", 60)
    left = list(first.children())
    assert len(left) >= 2
    first.kill()
    wait_for(lambda: not any(alive(pid) for pid in left), "end of all that a killed worker ran", 5)
    assert not around.clean(), "a killed worker cannot clean up"
    second = around.worker("--visibility-timeout", "6")
    second.wait_log("job done", 120)
    path, head = around.output(job["video_id"])
    check_output(path, 12)
    assert head["Metadata"]["receive-count"] == "2"
    assert second.stop() == 0
    assert around.clean(), "the next worker clears what the dead one left"
    assert around.depth() == (0, 0) and around.depth(around.dead) == (0, 0)


def test_sigterm_finishes_the_job(around, clips):
    job, = around.send(clips["tiny"])
    gate = around.gate()
    worker = around.worker(PATH=gate.path)
    gate.wait_started()
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    around.send(clips["tiny"])
    gate.open()
    assert worker.wait_end() == 0
    assert len(around.outputs()) == 1 and len(around.outputs(job["video_id"])) == 1
    assert around.depth() == (1, 0), "no new job after SIGTERM"
    assert around.clean()


def test_sigterm_gives_the_job_back_when_its_time_is_over(around, clips):
    around.send(clips["tiny"])
    gate = around.gate()
    worker = around.worker("--drain-timeout", "1s", PATH=gate.path)
    ffmpeg, = gate.wait_started()
    began = time.monotonic()
    assert worker.stop(15) == 0
    assert 0.9 < time.monotonic() - began < 10
    assert around.depth() == (1, 0), "visible at once"
    assert not alive(ffmpeg) and not around.outputs() and around.clean()


def test_a_second_sigterm_gives_the_job_back_at_once(around, clips):
    around.send(clips["tiny"])
    gate = around.gate()
    worker = around.worker(PATH=gate.path)
    gate.wait_started()
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    worker.signal(signal.SIGTERM)
    assert worker.wait_end(10) == 0
    assert around.depth() == (1, 0) and not around.outputs()


def test_a_poll_under_way_is_read_to_its_end_and_what_it_brings_is_given_back(around, clips):
    worker = around.worker("--wait-time", "20")
    worker.wait_log("worker ready")
    wait_for(lambda: slots_of(worker), "slot")
    time.sleep(0.5)  # the poll is under way, seen by nobody; being early would test less, not fail
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    around.send(clips["tiny"])
    assert worker.wait_end() == 0
    assert around.depth() == (1, 0) and not around.outputs()


def test_a_good_job_that_is_interrupted_at_its_last_receive_is_sent_again(around, clips):
    around.make_queue("--max-receives", "1", "--update")
    job, = around.send(clips["tiny"])
    gate = around.gate()
    for count in (1, 2):
        worker = around.worker("--drain-timeout", "0s", PATH=gate.path)
        gate.wait_started(count)
        assert worker.stop(15) == 0
        assert "this was its last receive" in worker.text()
        assert around.depth() == (1, 0) and around.depth(around.dead) == (0, 0)
    gate.open()
    message = around.sqs.receive_message(QueueUrl=around.url, MessageAttributeNames=["All"], AttributeNames=["All"],
                                         VisibilityTimeout=0)["Messages"][0]
    assert message["MessageAttributes"]["windlass-interrupted"]["StringValue"] == "2"
    assert message["MessageAttributes"]["video_id"]["StringValue"] == job["video_id"]
    assert json.loads(message["Body"])["task_id"] == job["task_id"]


# ---- leases

def test_a_job_longer_than_the_timeout_stays_hidden(around, clips):
    job, = around.send(clips["tiny"])
    gate = around.gate()
    options = ("--visibility-timeout", "3", "--wait-time", "1")
    holder = around.worker(*options, PATH=gate.path)
    gate.wait_started()
    other = around.worker(*options, PATH=gate.path)
    other.wait_log("worker ready")
    end = time.monotonic() + 9  # three timeouts: the time itself is what is tested
    while time.monotonic() < end:
        assert around.depth() == (0, 1), "the message was seen while its job ran"
        time.sleep(0.1)
    assert len(gate.started()) == 1
    gate.open()
    holder.wait_log("job done")
    assert other.stop() == 0 and holder.stop() == 0
    assert "job started" not in other.text()
    assert around.output(job["video_id"])[1]["Metadata"]["receive-count"] == "1"


def lost(around, clips, stop):
    """A job whose worker is stopped past its lease; returns worker and gate once the message is seen again."""
    around.send(clips["tiny"])
    gate = around.gate()
    worker = around.worker("--visibility-timeout", "3", "--wait-time", "1", PATH=gate.path)
    gate.wait_started()
    stopped = stop(worker)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: around.depth() == (1, 0), "message seen again", 15)
    return worker, gate, stopped


@pytest.mark.parametrize("who", ["supervisor", "all of it"])
def test_a_lost_lease_stores_and_deletes_nothing(around, clips, who):
    worker, gate, stopped = lost(around, clips, lambda w: [w.pid] + (slots_of(w) if who == "all of it" else []))
    held = around.sqs.receive_message(QueueUrl=around.url, VisibilityTimeout=60)["Messages"][0]
    gate.open()
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    worker.wait_log("the claim on it is over")
    wait_for(lambda: not ffmpegs_of(worker), "end of ffmpeg")
    assert worker.stop() == 0
    assert around.depth() == (0, 1), "somebody else's message was touched"
    assert not around.outputs() and around.clean()
    around.sqs.change_message_visibility(QueueUrl=around.url, ReceiptHandle=held["ReceiptHandle"], VisibilityTimeout=0)
    assert around.worker("--until-empty").wait_end(60) == 0
    assert len(around.outputs()) == 1 and around.depth() == (0, 0)


def test_a_message_that_is_deleted_under_way_stops_its_job(around, clips):
    around.send(clips["tiny"])
    gate = around.gate()
    worker = around.worker("--visibility-timeout", "3", "--wait-time", "1", PATH=gate.path)
    ffmpeg, = gate.wait_started()
    around.sqs.purge_queue(QueueUrl=around.url)
    worker.wait_log("claim on a message is lost", 10)
    wait_for(lambda: not alive(ffmpeg), "end of ffmpeg")
    gate.open()
    assert worker.stop() == 0
    assert not around.outputs()


# ---- failures that may pass

def test_a_queue_that_is_away_for_a_while_is_waited_for(around, clips):
    worker = around.worker("--wait-time", "1")
    worker.wait_log("worker ready")
    around.cloud.program.kill()
    worker.wait_log("receiving failed")
    around.cloud.start()
    job, = around.send(clips["tiny"])
    worker.wait_log("job done", 60)
    assert len(around.outputs(job["video_id"])) == 1
    assert worker.stop() == 0


def test_a_cloud_that_dies_in_mid_job_changes_nothing(around, clips):
    job, = around.send(clips["tiny"])
    gate = around.gate()
    worker = around.worker("--visibility-timeout", "30", "--wait-time", "1", PATH=gate.path)
    gate.wait_started()
    around.cloud.program.kill()
    gate.open()
    worker.wait_log("stage=verify")
    around.cloud.start()
    worker.wait_log("job done|message returned", 60)
    wait_for(lambda: around.outputs(job["video_id"]), "output", 60)
    around.wait_drained()
    assert len(around.outputs(job["video_id"])) == 1 and around.depth(around.dead) == (0, 0)
    assert worker.stop() == 0


def test_a_worker_that_starts_before_its_queue_answers_waits(around, clips):
    around.cloud.program.kill()
    worker = around.worker("--wait-time", "1")
    worker.wait_log("the queue does not answer: trying again")
    around.cloud.start()
    worker.wait_log("worker ready", 60)
    around.put_message("hello")
    worker.wait_log("message parked")
    assert worker.stop() == 0


def test_a_failing_ffmpeg_returns_or_parks_by_its_words(around, clips):
    folder = around.folder / "broken"
    folder.mkdir()
    script = folder / "ffmpeg"
    script.write_text("#!/bin/sh\necho 'av_interleaved_write_frame(): No space left on device' >&2\nexit 1\n")
    script.chmod(0o755)
    around.send(clips["tiny"])
    worker = around.worker("--wait-time", "1", PATH=f"{folder}:{os.environ['PATH']}")
    worker.wait_log("message returned.*transcode: ffmpeg ended with status 1")
    script.write_text("#!/bin/sh\necho 'Invalid data found' >&2\nexit 1\n")
    worker.wait_log("message parked", 30)
    assert worker.stop() == 0
    parked, = around.take_all(around.dead)
    note = json.loads(parked["MessageAttributes"]["windlass-parked"]["StringValue"])
    assert note["stderr"] == "Invalid data found" and note["stage"] == "transcode"


class NoList(http.server.BaseHTTPRequestHandler):
    """S3 for a role that may not list: what is not there is 403, not 404. All else goes through."""

    cloud = None

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        there = http.client.HTTPConnection(self.cloud)
        there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                there.putheader(name, value)
        there.endheaders(body)
        reply = there.getresponse()
        data = reply.read()
        self.send_response(403 if reply.status == 404 else reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_HEAD = answer

    def log_message(self, *_):
        pass


def test_a_role_that_may_not_list_the_bucket_can_work(around, clips):
    handler = type("NoListHere", (NoList,), {"cloud": around.cloud.url.removeprefix("http://")})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        job, = around.send(clips["tiny"])
        worker = around.worker("--wait-time", "1", AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.server_port}")
        worker.wait_log("job done")
        assert worker.stop() == 0 and len(around.outputs(job["video_id"])) == 1
    finally:
        server.shutdown()


def test_a_404_of_somebody_else_parks_no_job(around, clips):
    class Nothing(NoList):
        def answer(self):
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_PUT = do_HEAD = answer

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        around.send(clips["tiny"])
        worker = around.worker("--wait-time", "1", AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.server_port}")
        worker.wait_log("message returned.*answered 404, but not as S3 does: is the endpoint right")
        assert worker.stop() == 0 and around.depth(around.dead) == (0, 0)
    finally:
        server.shutdown()


# ---- a machine that cannot work

def test_a_worker_without_ffmpeg_receives_nothing_and_says_so(around, clips):
    tools = around.folder / "tools"
    tools.mkdir()
    (tools / "ffprobe").symlink_to(shutil.which("ffprobe"))
    around.make_queue("--max-receives", "1", "--update")
    job, = around.send(clips["tiny"])
    worker = around.worker("--wait-time", "1", PATH=str(tools))
    worker.wait_log("this machine can do no job.*no ffmpeg in PATH -> install the package ffmpeg")
    assert around.depth() == (1, 0) and around.depth(around.dead) == (0, 0)
    done = around.programs.call("windlass-worker", "--profile", PROFILE, "--work-dir", around.work, "--until-empty",
                                env={**around.environment, "PATH": str(tools)}, seconds=20)
    assert done.returncode == 1 and "no ffmpeg in PATH" in done.stderr
    (tools / "ffmpeg").symlink_to(shutil.which("ffmpeg"))
    worker.wait_log("job done", 40)
    assert worker.stop() == 0 and "this machine can do jobs again" in worker.text()
    assert around.outputs(job["video_id"]) and around.depth(around.dead) == (0, 0)


def test_a_full_disk_burns_no_receive_of_a_good_job(around, clips):
    around.work.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=65m", "none", str(around.work)],
                           stderr=subprocess.DEVNULL)
    if mount.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        around.make_queue("--max-receives", "1", "--update")
        around.s3.put_object(Bucket=BUCKET, Key="big.mp4", Body=clips["tiny"].read_bytes() + bytes(2 << 20))
        around.put_message(around.job(f"s3://{BUCKET}/big.mp4"))
        worker = around.worker("--wait-time", "1")
        worker.wait_log("this machine could not do a job: none is received for a while.*free some, or name another")
        worker.wait_log("message sent again: this was its last receive")
        assert around.depth() == (1, 0) and around.depth(around.dead) == (0, 0)
        (around.work / "filler").write_bytes(bytes(4 << 20))
        worker.wait_log("this machine can do no job", 30)
        subprocess.run(["mount", "-o", "remount,size=200m", str(around.work)], check=True)
        worker.wait_log("job done", 40)
        assert worker.stop() == 0
        assert len(around.outputs()) == 1 and around.depth(around.dead) == (0, 0)
    finally:
        subprocess.run(["umount", "-l", str(around.work)], check=True)


def test_an_ffmpeg_without_progress_is_ended_and_its_job_parked(around, clips, tmp_path):
    quick = tmp_path / "quick.yaml"
    quick.write_text(PROFILE.read_text().replace("stall: 60s", "stall: 1s"))
    around.send(clips["tiny"])
    gate = around.gate()
    worker = around.worker("--max-jobs", "1", profile=quick, PATH=gate.path)
    assert worker.wait_end(60) == 0
    assert not alive(gate.started()[0])
    parked, = around.take_all(around.dead)
    note = json.loads(parked["MessageAttributes"]["windlass-parked"]["StringValue"])
    assert "no progress" in note["reason"] and note["stage"] == "transcode"
    assert around.clean()


def test_a_worker_ends_after_as_many_jobs_as_it_was_told(around, clips):
    around.send(*[clips["tiny"]] * 3)
    assert around.worker("--max-jobs", "2", "--slots", "2").wait_end(60) == 0
    assert len(around.outputs()) == 2 and around.depth() == (1, 0)


# ---- secrets and mistakes

def test_keys_stand_in_no_slot_and_no_log(programs, tmp_path, moto, keys, client_of, clips):
    made = Surroundings(programs, tmp_path, {**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s)).make_queue()
    made.send(clips["tiny"])
    gate = made.gate()
    worker = made.worker(PATH=gate.path)
    gate.wait_started()
    secret = keys["AWS_SECRET_ACCESS_KEY"].encode()
    for pid in worker.children():
        try:
            assert secret not in pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            assert secret not in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            pass  # one of the gate's sleeps, which end by themselves
    gate.open()
    worker.wait_log("job done")
    assert worker.stop() == 0
    assert secret.decode() not in worker.text()


def test_a_wrong_start_says_what_to_do(around, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(PROFILE.read_text().replace("veryfast", "veryfst").replace("trim:", "trimm:"))
    done = around.programs.call("windlass-worker", "--profile", bad, env=around.environment)
    assert done.returncode == 2
    assert f"{bad}:" in done.stderr and "trim" in done.stderr and "veryfast" in done.stderr
    done = around.programs.call("windlass-worker", "--profile", PROFILE, env={**around.environment, "SQS_QUEUE_URL": None})
    assert done.returncode == 2 and "SQS_QUEUE_URL" in done.stderr
    done = around.programs.call("windlass-worker", "--profile", PROFILE, "--work-dir", tmp_path / "w", "--queue-url",
                                around.url + "-nowhere", env=around.environment)
    assert done.returncode == 1 and "does not exist" in done.stderr


# ---- the verbs

def test_queue_create_is_the_migrations_and_changes_nothing_twice(around, windlass):
    attributes = around.sqs.get_queue_attributes(QueueUrl=around.url, AttributeNames=["All"])["Attributes"]
    dead = around.sqs.get_queue_attributes(QueueUrl=around.dead, AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["MessageRetentionPeriod"],
            attributes["ReceiveMessageWaitTimeSeconds"]) == ("300", "1209600", "20")
    assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": dead["QueueArn"], "maxReceiveCount": 3} or \
        json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] in (3, "3")
    assert dead["MessageRetentionPeriod"] == "1209600" and dead["QueueArn"].endswith(":anb-video-processing-dlq")
    again = windlass("queue", "create", env=around.environment)
    assert again.returncode == 0 and f"SQS_QUEUE_URL={around.url}\n" in again.stdout
    for line in ("SQS_VISIBILITY_TIMEOUT=300", "SQS_MAX_RECEIVE_COUNT=3", "SQS_WAIT_TIME_SECONDS=20",
                 "SQS_REGION=us-east-1"):
        assert line in again.stdout.splitlines()
    other = windlass("queue", "create", QUEUE, "--visibility-timeout", "60", env=around.environment)
    assert other.returncode == 1 and "VisibilityTimeout is 300, wanted 60" in other.stderr and "--update" in other.stderr
    assert windlass("queue", "create", QUEUE, "--visibility-timeout", "60", "--update",
                    env=around.environment).returncode == 0
    now = around.sqs.get_queue_attributes(QueueUrl=around.url, AttributeNames=["All"])["Attributes"]
    assert now["VisibilityTimeout"] == "60"


def test_send_is_what_the_backend_sends(around, clips):
    around.s3.put_object(Bucket=BUCKET, Key="there.mp4", Body=b"x")
    first, second = around.send(clips["tiny"], f"s3://{BUCKET}/there.mp4")
    assert first["path"] == second["path"] == "sqs"
    assert second["video_path"] == f"s3://{BUCKET}/there.mp4"
    key = first["video_path"].removeprefix(f"s3://{BUCKET}/")
    assert key.startswith("uploads/") and key.endswith("/tiny.mp4")
    assert around.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == clips["tiny"].read_bytes()
    bodies = {}
    for message in around.take_all(around.url):
        body = json.loads(message["Body"])
        assert set(body) == {"video_id", "video_path", "task_id", "created_at"}
        assert message["MessageAttributes"]["video_id"] == {"StringValue": body["video_id"], "DataType": "String"}
        assert message["MessageAttributes"]["video_path"]["StringValue"] == body["video_path"]
        bodies[body["video_id"]] = body
    assert bodies[first["video_id"]]["task_id"] == first["task_id"] and len(bodies) == 2


def test_send_names_what_is_missing(around, clips):
    def send(*arguments, **env):
        return around.programs.call("windlass", "send", *arguments, env={**around.environment, **env})
    done = send(clips["tiny"], SQS_QUEUE_URL=None)
    assert done.returncode == 2 and "SQS_QUEUE_URL" in done.stderr
    assert "CELERY_BROKER_URL" in done.stderr
    done = send(clips["tiny"])
    assert done.returncode == 2 and "--bucket" in done.stderr
    done = send("--bucket", BUCKET, "/no/such/file.mp4", clips["tiny"])
    assert done.returncode == 1 and "/no/such/file.mp4" in done.stderr
    assert len(around.take_all(around.url)) == 1, "the others are sent all the same"
    done = send("--bucket", "no-such-bucket-anywhere", clips["tiny"])
    assert done.returncode == 1 and "no-such-bucket-anywhere" in done.stderr or "NoSuchBucket" in done.stderr
