"""The main job with everything real: jobs in, a fleet that follows, outputs out; and each program killed in the middle.

However it is disturbed, a run ends with exactly one output for each good job, only the jobs made to fail in the
dead-letter queue, no capacity outside its bounds and no process left behind.
"""

import json
import os
import shlex
import signal
import subprocess
import time
import uuid

import pytest
from cloud import Cloud
from conftest import BUILD, SRC, descendants, processes, wait_for

GROUP, BUCKET, QUEUE, MOST = "anb-worker-asg", "anb-videos", "anb-video-processing-queue", 3

POLICY = f"""\
version: 1
name: anb-transcode
mode: enforce
fleet: {{ auto_scaling_group: {GROUP}, min: 0, max: {MOST}, jobs_per_instance: 1, warm_up: 0s }}
metrics:
  backlog:
    sqs: {{ queue_url: "${{SQS_QUEUE_URL}}", count: [visible, in_flight] }}
rules:
  - name: backlog
    target_tracking: {{ metric: backlog, per_instance: 1 }}
behavior:
  deactivation: {{ for: 2s }}
  scale_in: {{ stabilization: 2s }}
evaluate: {{ every: 1s, idle_every: 1s }}
"""


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Paths of a few real videos, one of them long enough to be caught at work, and of one that is broken."""
    folder = tmp_path_factory.mktemp("clips")
    made = {}
    for name, size, seconds, audio in [("long", "1920x1080", 31, True), ("portrait", "360x640", 3, False),
                                       ("square", "480x360", 3, True)]:
        made[name] = folder / f"{name}.mp4"
        sound = ["-f", "lavfi", "-i", "sine=frequency=440"] if audio else []
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", *sound,
                        "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
                        str(made[name])], check=True)
    made["broken"] = folder / "broken.mp4"
    made["broken"].write_bytes(made["square"].read_bytes()[:1500] + os.urandom(20000))
    return made


class Run:
    """windlass-local, the queue, the group, the controller; jobs that were sent and what shall become of them."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.cloud = Cloud(programs, folder)
        self.good, self.bad = set(), set()
        self.journal = folder / "journal.db"

    def begin(self, *worker_options):
        self.start_cloud()
        self.env = dict(self.cloud.environment)
        made = self.programs.call("windlass", "queue", "create", QUEUE, "--output", "json", env=self.env)
        assert made.returncode == 0, made.stderr
        self.queue = json.loads(made.stdout)["queue_url"]
        self.dead = json.loads(made.stdout)["dead_letter_url"]
        self.sqs, self.s3 = self.cloud.client("sqs"), self.cloud.client("s3")
        self.asg = self.cloud.client("autoscaling")
        self.s3.create_bucket(Bucket=BUCKET)
        worker = [str(BUILD / "windlass-worker"), "--queue-url", self.queue, "--profile",
                  str(SRC / "examples/quickstart/anb-profile.yaml"), "--visibility-timeout", "6", "--wait-time", "2",
                  "--instance-poll", "1s", "--yield-interval", "1s", "--idle-debounce", "1s", "--retry-delay", "1s",
                  "--drain-timeout", "5s", *worker_options]
        self.asg.create_launch_configuration(LaunchConfigurationName="worker", ImageId="ami-1", InstanceType="t3.small",
                                             UserData=f"#!/bin/sh\nexec {shlex.join(worker)}\n")
        self.asg.create_auto_scaling_group(AutoScalingGroupName=GROUP, LaunchConfigurationName="worker", MinSize=0,
                                           MaxSize=MOST, DesiredCapacity=0, AvailabilityZones=["us-east-1a"])
        (self.folder / "policy.yaml").write_text(POLICY)
        self.start_daemon()
        return self

    def start_cloud(self):
        environment = [f"{k}={self.programs.env[k]}" for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")]
        self.cloud.start("--stop-grace", "10s", *(a for e in environment for a in ("--instance-env", e)))

    def start_daemon(self):
        self.daemon = self.programs.start("windlassd", "--policies", self.folder / "policy.yaml", "--journal", self.journal,
                                          "--log-format", "logfmt", env=dict(self.env, SQS_QUEUE_URL=self.queue))
        self.daemon.wait_log("windlassd is ready")

    def send(self, path, good=True):
        video = str(uuid.uuid4())
        key = f"uploads/{video}.mp4"
        self.s3.upload_file(str(path), BUCKET, key)
        self.send_body(json.dumps({"video_id": video, "video_path": f"s3://{BUCKET}/{key}", "task_id": str(uuid.uuid4()),
                                   "created_at": "2024-01-01T00:00:00Z"}))
        (self.good if good else self.bad).add(video)
        return video

    def send_body(self, body):
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def depth(self, url):
        seen = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(seen[f"ApproximateNumberOfMessages{k}"]) for k in ("", "NotVisible", "Delayed"))

    def group(self):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"][0]

    def outputs(self):
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix="processed_videos/").get("Contents", [])
        return [item["Key"] for item in found]

    def programs_named(self, name):
        """{pid: parent} of the processes below this test that run the program of that name."""
        ours = descendants(os.getpid())
        everything = processes()
        return {pid: everything[pid][0] for pid, command in ours.items()
                if pid in everything and command.split() and os.path.basename(command.split()[0]) == name}

    def ffmpeg_at_work(self):
        """(ffmpeg, slot, supervisor) once a job is being transcoded."""
        def look():
            everything = processes()
            for pid, slot in self.programs_named("ffmpeg").items():
                if slot in everything and everything[slot][0] in everything and "--slot" in everything[slot][2]:
                    return pid, slot, everything[slot][0]
            return None
        return wait_for(look, "ffmpeg at work", 40)

    def finish(self, seconds=90):
        """Waits until all is done and the fleet has fallen back, then checks what must hold."""
        wait_for(lambda: self.depth(self.queue) == 0, "empty queue", seconds)
        wait_for(lambda: self.group()["DesiredCapacity"] == 0 and not self.group()["Instances"], "fallen fleet", seconds)
        self.check_outputs()
        self.check_dead_letters()
        self.check_bounds()
        assert self.daemon.stop() == 0
        assert self.cloud.program.stop() == 0
        wait_for(lambda: not self.programs.leftovers(), "end of every process", 15)

    def check_outputs(self):
        keys = self.outputs()
        videos = [key.split("/")[-1][:36] for key in keys]
        assert sorted(videos) == sorted(self.good), "each good job has one output and nothing else has one"
        for key in keys:
            path = self.folder / "output.mp4"
            self.s3.download_file(BUCKET, key, str(path))
            seen = json.loads(subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(path)],
                                             capture_output=True, check=True).stdout)["streams"]
            assert [(s["codec_name"], s["width"], s["height"]) for s in seen] == [("h264", 1280, 720)]

    def check_dead_letters(self):
        parked = []
        while True:
            got = self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10, WaitTimeSeconds=0,
                                           MessageAttributeNames=["All"]).get("Messages", [])
            if not got:
                break
            parked += got
        assert {json.loads(m["Body"])["video_id"] for m in parked} == self.bad
        for message in parked:
            assert json.loads(message["MessageAttributes"]["windlass-parked"]["StringValue"])["reason"]

    def check_bounds(self):
        said = self.programs.call("windlass", "history", "anb-transcode", "--journal", self.journal, "--output", "json")
        rows = [json.loads(line) for line in said.stdout.splitlines()]
        assert max(row["in_service"] or 0 for row in rows) > 0, "the fleet grew"
        assert all(0 <= row[k] <= MOST for row in rows for k in ("desired", "wanted") if row[k] is not None)


@pytest.fixture
def run(programs, tmp_path):
    return Run(programs, tmp_path)


def test_the_fleet_follows_the_queue_and_nothing_is_lost(run, clips):
    run.begin()
    for name in ("portrait", "square", "portrait", "square"):
        run.send(clips[name])
    run.send(clips["broken"], good=False)
    run.finish()
    said = run.programs.call("windlass", "explain", "anb-transcode", "--journal", run.journal)
    assert "2 demand" in said.stdout and "written: done" in said.stdout


def test_windlassd_killed_goes_on_where_it_was(run, clips):
    run.begin()
    for name in ("long", "portrait", "square"):
        run.send(clips[name])
    run.daemon.wait_log("desired capacity set")
    run.daemon.kill()
    run.ffmpeg_at_work()
    run.start_daemon()
    run.finish()


def test_a_worker_killed_in_mid_transcode_loses_no_job(run, clips):
    run.begin()
    run.send(clips["long"])
    ffmpeg, slot, supervisor = run.ffmpeg_at_work()
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not {ffmpeg, slot} & set(processes()) - {p for p, (_, s, _) in processes().items() if s == "Z"},
             "end of the killed worker's slot and ffmpeg", 10)
    run.finish()


def test_a_slot_killed_gives_its_job_back(run, clips):
    run.begin()
    run.send(clips["long"])
    ffmpeg, slot, supervisor = run.ffmpeg_at_work()
    os.kill(slot, signal.SIGKILL)
    wait_for(lambda: processes().get(ffmpeg, (0, "Z", ""))[1] == "Z", "end of the killed slot's ffmpeg", 10)
    assert supervisor in processes()
    run.finish()


def test_windlass_local_killed_finds_its_instances_and_messages_again(run, clips):
    run.begin()
    for name in ("long", "portrait", "square"):
        run.send(clips[name])
    run.send(clips["broken"], good=False)
    _, _, supervisor = run.ffmpeg_at_work()
    run.cloud.program.kill()
    assert supervisor in processes()
    run.start_cloud()
    run.finish()


def test_everything_killed_at_once_goes_on(run, clips):
    run.begin()
    run.send(clips["long"])
    run.send(clips["square"])
    _, _, supervisor = run.ffmpeg_at_work()
    run.daemon.kill()
    run.cloud.program.kill()
    os.kill(supervisor, signal.SIGKILL)
    run.start_cloud()
    run.start_daemon()
    run.finish()


def test_the_first_send_raises_the_fleet_within_the_idle_interval(run, clips):
    run.begin()
    wait_for(lambda: "decided" in run.daemon.text() or "turn" in run.daemon.text(), "first turn")
    run.send(clips["portrait"])
    sent = time.monotonic()
    run.daemon.wait_log("desired capacity set", 10)
    assert time.monotonic() - sent < 1 + 2
    run.finish()
