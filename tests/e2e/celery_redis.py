"""A real Redis and a real Celery for one test: Debian's, each in processes of its own."""

import json
import shutil
import socket
import subprocess

import pytest
from conftest import free_port, wait_for
from fleet import Group

DEBIAN_PYTHON = "/usr/bin/python3"
SEPARATOR = "\x06\x16"
TASK = "video.transcode"


class RedisError(Exception):
    pass


class Redis:
    """redis-server on a port that stays the same over restarts, and a client of a few lines."""

    def __init__(self, programs, folder):
        self.program_path = shutil.which("redis-server")
        if not self.program_path:
            pytest.skip("needs: redis-server")
        self.programs, self.folder = programs, folder / "redis"
        self.folder.mkdir()
        self.port, self.password, self.program = free_port(), None, None

    def start(self, *options):
        self.program = self.programs.start(self.program_path, "--port", self.port, "--bind", "127.0.0.1", "--dir",
                                           self.folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                                           *options)
        self.program.wait_log(r"Ready to accept connections")
        return self

    def url(self, db=0, user="", scheme="redis", port=None):
        return f"{scheme}://{user}127.0.0.1:{port or self.port}/{db}"

    def call(self, *words, db=0):
        """One command; bytes, numbers, None and lists come back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as s, s.makefile("rwb") as f:
            commands = [["AUTH", self.password]] if self.password else []
            commands += [["SELECT", db], words]
            for command in commands:
                f.write(b"*%d\r\n" % len(command))
                for word in command:
                    data = word if isinstance(word, bytes) else str(word).encode()
                    f.write(b"$%d\r\n%s\r\n" % (len(data), data))
            f.flush()
            answers = [read(f) for _ in commands]
        if isinstance(answers[-1], RedisError):
            raise answers[-1]
        return answers[-1]

    def messages(self, key="celery", db=0):
        return [json.loads(m) for m in self.call("LRANGE", key, 0, -1, db=db)]


def read(f):
    line = f.readline()[:-2]
    kind, rest = line[:1], line[1:]
    if kind == b"-":
        return RedisError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else f.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return None if rest == b"-1" else [read(f) for _ in range(int(rest))]
    return rest


APP = '''
import json, os, ssl, time
from celery import Celery

settings = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "settings.json")))
app = Celery("anb", broker=settings["broker"], backend=settings["broker"])
app.conf.update(settings["conf"])


@app.task(name="video.transcode", bind=True)
def transcode(self, video_id, video_path):
    with open(settings["ran"], "a") as f:
        f.write(json.dumps({"id": self.request.id, "video_id": video_id, "video_path": video_path,
                            "headers": {k: getattr(self.request, k, None) for k in ("origin", "root_id", "retries")},
                            "redelivered": self.request.delivery_info.get("redelivered"), "pid": os.getpid()}) + "\\n")
    while not os.path.exists(settings["open"]):
        time.sleep(0.05)
    return {"video_id": video_id}
'''


class Celery:
    """One Celery application: workers of it, and Python that uses it."""

    def __init__(self, programs, folder, broker, python=DEBIAN_PYTHON, **conf):
        probe = subprocess.run([python, "-c", "import celery, redis"], capture_output=True, text=True)
        if probe.returncode:
            pytest.skip("needs: python3-celery and python3-redis")
        self.programs, self.folder, self.interpreter = programs, folder / "celery", python
        self.folder.mkdir()
        (self.folder / "anb.py").write_text(APP)
        self.ran_file, self.open_file = self.folder / "ran", self.folder / "open"
        (self.folder / "settings.json").write_text(json.dumps(
            {"broker": broker, "conf": {"worker_prefetch_multiplier": 1, **conf}, "ran": str(self.ran_file),
             "open": str(self.open_file)}))
        self.open_file.touch()
        self.workers = 0

    def worker(self, *options):
        """A Celery worker that is ready to take tasks."""
        self.workers += 1
        worker = self.programs.start(self.interpreter, "-m", "celery", "-A", "anb", "worker", "-P", "solo", "-n",
                                     f"w{self.workers}@here", "--without-gossip", "--without-mingle",
                                     "--without-heartbeat", "-l", "INFO", *options, cwd=self.folder)
        worker.wait_log(r"ready\.", 90)
        return worker

    def python(self, code, seconds=90):
        """Runs Python with the application at hand as app; what it printed, as JSON."""
        done = self.programs.call(self.interpreter, "-c", f"import json\nfrom anb import app, transcode\n{code}",
                                  cwd=self.folder, seconds=seconds)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    def ran(self):
        text = self.ran_file.read_text() if self.ran_file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def wait_ran(self, count, seconds=90):
        wait_for(lambda: len(self.ran()) >= count, f"run of {count} tasks", seconds)
        return self.ran()


def group_with_hook(around):
    """The group of policies/celery-and-sqs.yaml as doctor wants it."""
    group = Group(around.cloud, "anb-worker-asg").create(most=3)
    group.api.put_lifecycle_hook(AutoScalingGroupName=group.name, LifecycleHookName="drain", HeartbeatTimeout=300,
                                 LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", DefaultResult="CONTINUE")
    return group


@pytest.fixture
def redis(programs, tmp_path):
    return Redis(programs, tmp_path).start()
