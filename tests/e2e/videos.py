"""Real clips, made once; a worker's whole surroundings; and what its outputs are."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import uuid

import pytest
from conftest import SRC, wait_for
from fleet import Cloud

BUCKET = "anb-videos"
QUEUE = "anb-video-processing-queue"
PROFILE = SRC / "examples" / "quickstart" / "anb-profile.yaml"
CLIPS = {  # name: size, seconds, audio, more of ffmpeg's output options
    "landscape": ("640x360", 4, True, []),
    "portrait": ("360x640", 3, False, []),
    "four_three": ("640x480", 3, True, []),
    "long": ("320x180", 36, True, []),
    "wide_pixels": ("360x288", 2, False, ["-aspect", "16:9"]),
    "tiny": ("64x36", 1, False, []),
    "hd": ("1920x1080", 12, False, []),
}


def make_clips(folder):
    clips = {}
    for name, (size, seconds, audio, more) in CLIPS.items():
        path = folder / f"{name}.mp4"
        argv = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25"]
        if audio:
            argv += ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=44100", "-c:a", "aac"]
        argv += ["-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-pix_fmt", "yuv420p",
                 "-movflags", "+faststart", *more, str(path)]
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
        clips[name] = path
    whole = clips["landscape"].read_bytes()
    bad = {"corrupt": whole[:2000] + bytes(20000), "empty": b"", "truncated": whole[:len(whole) // 2],
           "text": b"this is no video\n" * 50,
           "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"}
    for name, data in bad.items():
        clips[name] = folder / f"{name}.mp4"
        clips[name].write_bytes(data)
    clips["song"] = folder / "song.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=330", "-t", "1", "-c:a",
                    "aac", str(clips["song"])], check=True, stdin=subprocess.DEVNULL)
    return clips


def ffprobe(path):
    out = subprocess.run(["ffprobe", "-v", "error", "-print_format", "json", "-show_format", "-show_streams", str(path)],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def pixel(path, x, y):
    """(r, g, b) of one place of the first picture."""
    raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-frames:v", "1", "-vf",
                          f"crop=2:2:{x}:{y}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         check=True, stdout=subprocess.PIPE).stdout
    return tuple(raw[:3])


class Surroundings:
    """A cloud with the migration's queues and a bucket, and workers on it."""

    def __init__(self, programs, folder, environment, client):
        self.programs, self.folder, self.environment = programs, folder, dict(environment)
        self.s3, self.sqs = client("s3"), client("sqs")
        self.s3.create_bucket(Bucket=BUCKET)
        self.work = folder / "work"

    def make_queue(self, *options):
        made = json.loads(self.call("windlass", "queue", "create", QUEUE, "--output", "json", *options).stdout)
        self.url, self.dead = made["queue_url"], made["dead_letter_url"]
        self.environment["SQS_QUEUE_URL"] = self.url
        return self

    def call(self, name, *arguments, seconds=60, status=0):
        done = self.programs.call(name, *arguments, env=self.environment, seconds=seconds)
        assert done.returncode == status, f"{name} {arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def worker(self, *options, profile=PROFILE, **more):
        if "PATH" in more:  # a script in ffmpeg's place, which no sandbox takes
            options = ("--no-sandbox", *options)
        return self.programs.start("windlass-worker", "--profile", profile, "--work-dir", self.work, "--log-format",
                                   "logfmt", "--log-level", "debug", "--retry-delay", "1s", *options,
                                   env={**self.environment, **more})

    def send(self, *files):
        lines = self.call("windlass", "send", "--bucket", BUCKET, "--output", "json", *files).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def put_message(self, body, **attributes):
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body if isinstance(body, str) else json.dumps(body),
                              MessageAttributes=attributes)

    def job(self, path, **more):
        return {"video_id": str(uuid.uuid4()), "video_path": path, "task_id": str(uuid.uuid4()),
                "created_at": "2024-01-01T00:00:00Z", **more}

    def depth(self, url=None):
        got = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=["All"])["Attributes"]
        return int(got["ApproximateNumberOfMessages"]), int(got["ApproximateNumberOfMessagesNotVisible"])

    def wait_drained(self, seconds=60):
        wait_for(lambda: self.depth() == (0, 0), "empty queue", seconds)

    def take_all(self, url):
        """Every message of a queue, taken out."""
        found = []
        while True:
            got = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0,
                                           AttributeNames=["All"], MessageAttributeNames=["All"]).get("Messages", [])
            if not got:
                return found
            for message in got:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += got

    def outputs(self, video_id=""):
        got = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"processed_videos/{video_id}")
        return [o["Key"] for o in got.get("Contents", [])]

    def output(self, video_id):
        """The one output of a job, fetched, and its metadata."""
        keys = self.outputs(video_id)
        assert len(keys) == 1, f"{keys} of {video_id}: there must be one"
        path = self.folder / f"{video_id}.mp4"
        self.s3.download_file(BUCKET, keys[0], str(path))
        return path, self.s3.head_object(Bucket=BUCKET, Key=keys[0])

    def gate(self):
        return Gate(self)

    def clean(self):
        """Nothing of any job is left on the disk."""
        return not self.work.exists() or not list(self.work.iterdir())


class Gate:
    """An ffmpeg that waits, so that a job is under way for as long as a test needs; then the real one."""

    def __init__(self, around):
        self.folder = around.folder / "gate"
        self.folder.mkdir()
        self.open_file = self.folder / "open"
        script = self.folder / "ffmpeg"
        script.write_text(f'#!/bin/sh\n[ "$2" != -encoders ] || exec {shutil.which("ffmpeg")} "$@"\n'
                          f"echo $$ >> {self.folder}/started\n"
                          f"while [ ! -e {self.open_file} ]; do sleep 0.05; done\n"
                          f'exec {shutil.which("ffmpeg")} "$@"\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.path = f"{self.folder}:{os.environ['PATH']}"

    def started(self):
        file = self.folder / "started"
        return [int(pid) for pid in file.read_text().split()] if file.exists() else []

    def wait_started(self, count=1, seconds=30):
        wait_for(lambda: len(self.started()) >= count, f"start of ffmpeg number {count}", seconds)
        return self.started()

    def open(self):
        self.open_file.touch()


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def slots_of(program):
    """Pids of the worker's slots."""
    return [pid for pid, command in program.children().items() if "--slot" in command]


def ffmpegs_of(program):
    return [pid for pid, command in program.children().items()
            if command.startswith("ffmpeg ") and "-encoders" not in command]


MADE = {}  # a fixture is made anew for each module that imports it; clips need not be


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    if not MADE:
        MADE.update(make_clips(tmp_path_factory.mktemp("clips")))
    return MADE


@pytest.fixture
def around(programs, tmp_path):
    """The embedded cloud with queues and bucket."""
    cloud = Cloud(programs, tmp_path).start()
    made = Surroundings(programs, tmp_path, cloud.environment, cloud.client)
    made.cloud = cloud
    return made.make_queue()
