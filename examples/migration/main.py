"""From Celery to SQS and back, twice, while jobs keep coming: real Redis, real Celery workers, windlass workers."""

import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import boto3
import redis

HERE = pathlib.Path(__file__).resolve().parent
PROFILE = HERE.parent / "quickstart" / "anb-profile.yaml"
BUCKET, QUEUE = "anb-videos", "anb-video-processing-queue"
PHASES = ["before", "cutover 1", "rollback 1", "cutover 2", "rollback 2"]  # the cutovers send to SQS
BROKEN_EVERY = 3  # so many jobs, one is of a video that is none
PYTHON = "/usr/bin/python3"


class Failed(Exception):
    """Something that the person who ran this should read, as one line."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Migration:
    def __init__(self, options):
        self.bin, self.out, self.options = options.bin.resolve(), options.out.resolve(), options
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SQS_", "CELERY_", "WINDLASS_"))}
        self.started, self.jobs, self.aside, self.made, self.known = [], [], set(), {}, set()
        self.deadline = time.monotonic() + options.timeout
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)

    # ---- programs

    def start(self, name, argv, **env):
        with (self.out / f"{name}.log").open("w") as log:
            child = subprocess.Popen([str(a) for a in argv], env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, start_new_session=True, cwd=HERE)
        self.started.append((name, child))
        return child

    def wait(self, look, what):
        while not (got := look()):
            if time.monotonic() > self.deadline:
                raise Failed(f"there was no {what} in time; the logs are in {self.out}")
            for name, child in self.started:
                if child.poll() not in (None, 0):
                    raise Failed(f"{name} ended with status {child.returncode}; see {self.out / (name + '.log')}")
            time.sleep(0.1 if len(self.jobs) < 200 else 2)
        return got

    def said(self, name, word):
        return self.wait(lambda: [line for line in (self.out / f"{name}.log").read_text().splitlines() if word in line],
                         f"'{word}' of {name}")[0]

    def windlass(self, *argv, sqs=True):
        env = dict(self.env)
        if not sqs:
            env.pop("SQS_QUEUE_URL", None)
        done = subprocess.run([self.bin / "windlass", *argv], env=env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Failed(f"windlass {argv[0]}: {(done.stderr or done.stdout).strip()[-600:]}")
        return done.stdout

    def stop_all(self):
        for name, child in reversed(self.started):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=60)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self.started.clear()

    # ---- the stage

    def set_up(self):
        port = free_port()
        self.start("redis", [shutil.which("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir",
                             self.out])
        self.said("redis", "Ready to accept connections")
        (self.out / "cloud.yaml").write_text(f"buckets: [ {BUCKET} ]\n")
        self.start("windlass-local", [self.bin / "windlass-local", "--state", self.out / "state", "--declare",
                                      self.out / "cloud.yaml"])
        endpoint = self.said("windlass-local", "ready on ").split("ready on ")[1].split()[0]
        self.env.update(AWS_ENDPOINT_URL=endpoint, AWS_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1",
                        AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE=str(self.out / "state" / "credentials"),
                        CELERY_BROKER_URL=f"redis://127.0.0.1:{port}/0", CELERY_VISIBILITY_TIMEOUT="600")
        made = json.loads(self.windlass("queue", "create", QUEUE, "--output", "json"))
        self.env["SQS_QUEUE_URL"], self.dead = made["queue_url"], made["dead_letter_url"]
        os.environ.update({k: v for k, v in self.env.items() if k.startswith("AWS_")})
        self.s3, self.sqs = (boto3.client(s, endpoint_url=endpoint) for s in ("s3", "sqs"))
        clip = self.out / "clip.mp4"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25", "-t",
                        str(self.options.clip), "-pix_fmt", "yuv420p", str(clip)], check=True, stdin=subprocess.DEVNULL)
        self.s3.upload_file(str(clip), BUCKET, "uploads/clip.mp4")
        self.s3.put_object(Bucket=BUCKET, Key="uploads/broken.mp4", Body=b"this is no video\n" * 50)

    def start_workers(self):
        """Some of the old ones, and one of windlass that serves both queues."""
        old = [f"celery {n}" if n else "celery" for n in range(self.options.celery_workers)]
        for n, name in enumerate(old):
            self.start(name, [PYTHON, "-B", "-m", "celery", "-A", "anb", "worker", "-P", "solo", "-l", "INFO", "-n",
                              f"w{n}@here", "--without-gossip", "--without-mingle", "--without-heartbeat"])
        self.start("windlass-worker", [self.bin / "windlass-worker", "--profile", PROFILE, "--work-dir", self.out / "work",
                                       "--no-instance", "--celery-visibility-timeout", "600s", "--wait-time", "1", "--slots", self.options.slots],
                   WINDLASS_BROKER=self.env["CELERY_BROKER_URL"])
        for name in old:
            self.said(name, "ready.")
        self.said("windlass-worker", "worker ready")

    # ---- the story

    def producer(self, phase):
        """One that runs for this phase: it sends each line as it comes, and says what became of it."""
        env = {k: v for k, v in self.env.items() if k != "SQS_QUEUE_URL" or phase.startswith("cutover")}
        self.told = (self.out / f"sent {phase}").open("w+")
        return subprocess.Popen([self.bin / "windlass", "send", "--batch", "-", "--output", "json"], env=env, text=True,
                                stdin=subprocess.PIPE, stdout=self.told, stderr=subprocess.PIPE)

    def stop_producer(self, producer, phase):
        said = producer.communicate(timeout=120)[1]
        if producer.returncode:
            raise Failed(f"windlass send: {said.strip()[-600:]}")
        self.told.seek(0)
        self.jobs += [{**json.loads(line), "phase": phase} for line in self.told]
        self.told.close()

    def play(self):
        each = max(1, self.options.jobs // len(PHASES))
        next_time = time.monotonic()
        for phase in PHASES:
            print(f"{phase}: producers send to {'SQS' if phase.startswith('cutover') else 'Celery'}", flush=True)
            producer = self.producer(phase)
            for number in range(each):
                name = "broken" if phase.startswith("cutover") and number % BROKEN_EVERY == 0 else "clip"
                producer.stdin.write(f"s3://{BUCKET}/uploads/{name}.mp4\n")
                producer.stdin.flush()
                next_time += 1 / self.options.rate
                time.sleep(max(0, next_time - time.monotonic()))
            self.stop_producer(producer, phase)
            if phase.startswith("cutover"):
                # Producers go back to Celery: what SQS still holds follows them.
                print("  " + self.windlass("migrate", "rollback", "--timeout", f"{self.options.timeout:g}s").strip(), flush=True)
        print(self.windlass("migrate", "status"), end="")
        print(self.windlass("migrate", "cutover", "--timeout", f"{self.options.timeout:g}s"), end="", flush=True)

    # ---- what came of it

    def outputs(self):
        """{video_id: [made by]}"""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="processed_videos/"):
            for item in page.get("Contents", []):
                if item["Key"] not in self.made:
                    head = self.s3.head_object(Bucket=BUCKET, Key=item["Key"])
                    self.made[item["Key"]] = head["Metadata"].get("made-by", "windlass")
        found = collections.defaultdict(list)
        for key, by in self.made.items():
            found[key.split("/")[1][:36]].append(by)
        return found

    def parked(self):
        """Task ids of the dead letters, of Celery's parked list, and of tasks that failed in Celery itself."""
        ids = self.aside  # a dead letter that was looked at is hidden for a while
        while got := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages", []):
            ids |= {json.loads(m["Body"])["task_id"] for m in got}
        r = redis.Redis.from_url(self.env["CELERY_BROKER_URL"])
        ids |= {json.loads(m)["headers"]["id"] for m in r.lrange("celery.parked", 0, -1)}
        fresh = [key for key in r.scan_iter("celery-task-meta-*", count=1000) if key not in self.known]
        for key, text in zip(fresh, r.mget(fresh) if fresh else []):
            result = json.loads(text)
            self.known.add(key)
            if result["status"] == "FAILURE":
                ids.add(result["task_id"])
        return ids

    def settled(self):
        made, parked = self.outputs(), self.parked()
        return all(made.get(j["video_id"]) or j["task_id"] in parked for j in self.jobs) and (made, parked)

    def table(self, made, parked):
        print(f"\n{'phase':<12}{'sent to':<9}{'jobs':>5}{'by Celery':>11}{'by windlass':>13}{'parked':>8}{'lost':>6}{'twice':>7}")
        wrong = 0
        for phase in PHASES:
            jobs = [j for j in self.jobs if j["phase"] == phase]
            by = [made.get(j["video_id"], []) for j in jobs]
            aside = [j for j, b in zip(jobs, by) if not b and j["task_id"] in parked]
            twice = sum(len(b) > 1 for b in by)
            lost = sum(not b for b in by) - len(aside)
            wrong += twice + lost
            print(f"{phase:<12}{jobs[0]['path']:<9}{len(jobs):>5}{sum(b[:1] == ['celery'] for b in by):>11}"
                  f"{sum(b[:1] == ['windlass'] for b in by):>13}{len(aside):>8}{lost:>6}{twice:>7}")
        print(f"{len(self.jobs)} jobs: {'each has its output once or is parked' if not wrong else f'{wrong} WRONG'}")
        return 1 if wrong else 0

    def run(self):
        self.set_up()
        self.start_workers()
        self.play()
        made, parked = self.wait(self.settled, "end of all jobs")
        return self.table(made, parked)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the built programs")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("migration-out"))
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--rate", type=float, default=4, help="jobs a second")
    parser.add_argument("--celery-workers", type=int, default=1)
    parser.add_argument("--slots", type=int, default=1, help="of the worker of windlass")
    parser.add_argument("--clip", type=float, default=1, help="seconds of each video")
    parser.add_argument("--timeout", type=float, default=900)
    migration = Migration(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return migration.run()
    except Failed as e:
        print(f"migration: {e}", file=sys.stderr)
        return 1
    finally:
        migration.stop_all()


if __name__ == "__main__":
    sys.exit(main())
