"""The whole job of windlass on one machine: real videos in, a fleet that grows and shrinks, transcoded videos out.

Everything that runs here is what would run on AWS, but for the endpoint: windlass-local speaks SQS, S3, Auto
Scaling and instance metadata, and its instances are real windlass-worker processes.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
GROUP, QUEUE, BUCKET, POLICY = "anb-worker-asg", "anb-video-processing-queue", "anb-videos", "anb-transcode"

# name, ffmpeg input arguments, seconds, with audio, how often it is sent
CLIPS = [
    ("landscape", "1920x1080", 10, True, 4),
    ("portrait", "720x1280", 8, True, 3),
    ("four-by-three", "640x480", 6, False, 3),
    ("longer-than-30s", "640x360", 36, True, 2),
]


class Failed(Exception):
    """Something that the person who ran this should read, as one line."""


def run(argv, **how):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, stdin=subprocess.DEVNULL, **how)
    if done.returncode != 0:
        raise Failed(f"{pathlib.Path(argv[0]).name} {argv[1] if len(argv) > 1 else ''} ended with status "
                     f"{done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


class Quickstart:
    def __init__(self, options):
        self.bin = options.bin.resolve()
        self.out = options.out.resolve()
        self.videos = options.videos
        self.deadline = time.monotonic() + options.timeout
        self.started = []  # (name, Popen), in the order of their start
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SQS_", "CELERY_", "WINDLASS_"))}
        self.journal = self.out / "journal.db"

    # ---- programs

    def windlass(self, *argv):
        return run([self.bin / "windlass", *argv], env=self.env)

    def start(self, name, argv):
        log = (self.out / f"{name}.log").open("w")
        child = subprocess.Popen([str(a) for a in argv], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=log, text=True, start_new_session=True)
        log.close()
        self.started.append((name, child))
        return child

    def ready_line(self, name, child, word):
        """The first line of the child's output that has the word; the child says it when it is ready."""
        for line in child.stdout:
            if word in line:
                return line.strip()
        raise Failed(f"{name} ended before it was ready; see {self.out / (name + '.log')}")

    def stop_all(self):
        """In reverse: the controller before the cloud, which ends its instances and waits for them."""
        for name, child in reversed(self.started):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                child.wait(timeout=40)
            except subprocess.TimeoutExpired:
                print(f"{name} does not end; killing it", file=sys.stderr)
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        self.started.clear()

    # ---- the story

    def clean(self):
        """Keeps the folder, removes what an earlier run left: nothing but what this program makes."""
        self.out.mkdir(parents=True, exist_ok=True)
        for name in ("clips", "state", "outputs"):
            shutil.rmtree(self.out / name, ignore_errors=True)
        for name in ("journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock", "journal.db.reserve",
                     "chart.svg", "history.csv", "windlassd.log", "windlass-local.log"):
            (self.out / name).unlink(missing_ok=True)

    def make_clips(self):
        """Returns the files to send, the corrupt one in their middle."""
        folder = self.out / "clips"
        folder.mkdir()
        files = []
        for name, size, seconds, audio, times in CLIPS:
            path = folder / f"{name}.mp4"
            argv = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25"]
            if audio:
                argv += ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=44100"]
            argv += ["-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-pix_fmt", "yuv420p",
                     *(["-c:a", "aac"] if audio else []), path]
            run(argv)
            files += [path] * times
        corrupt = folder / "corrupt.mp4"
        whole = (folder / "landscape.mp4").read_bytes()
        corrupt.write_bytes(whole[:2000] + bytes(len(whole) // 4))
        return files[:6] + [corrupt] + files[6:]

    def start_cloud(self):
        state = self.out / "state"
        child = self.start("windlass-local", [
            self.bin / "windlass-local", "--state", state, "--declare", HERE / "cloud.yaml", "--stop-grace", "20s",
            "--instance-env", f"WINDLASS_BIN={self.bin}",
            "--instance-env", f"WINDLASS_PROFILE={HERE / 'anb-profile.yaml'}"])
        line = self.ready_line("windlass-local", child, "ready on ")
        endpoint = line.split("ready on ", 1)[1].split()[0]
        self.env.update(AWS_ENDPOINT_URL=endpoint, AWS_REGION="us-east-1", AWS_CONFIG_FILE="/dev/null",
                        AWS_SHARED_CREDENTIALS_FILE=str(state / "credentials"))
        return endpoint

    def make_queue(self):
        made = json.loads(self.windlass("queue", "create", QUEUE, "--output", "json"))
        self.env["SQS_QUEUE_URL"] = made["queue_url"]
        self.dead = made["dead_letter_url"]
        return made["queue_url"]

    def start_controller(self):
        self.start("windlassd", [self.bin / "windlassd", "--policies", HERE / "policy.yaml", "--journal", self.journal,
                                 "--log-format", "logfmt"])

    def send(self, files):
        print(f"sending {len(files)} videos: ", end="", flush=True)
        text = self.windlass("send", "--bucket", BUCKET, "--output", "json", *files)
        jobs = [json.loads(line) for line in text.splitlines()]
        for job, file in zip(jobs, files, strict=True):
            job["file"] = file
        print("s3://" + BUCKET + "/uploads/ and " + QUEUE)
        return jobs

    # ---- watching

    def depth(self, url):
        seen = json.loads(self.windlass("queue", "show", url, "--output", "json"))
        return seen["visible"] + seen["in_flight"] + seen["delayed"]

    def look(self, total):
        backlog, parked = self.depth(self.env["SQS_QUEUE_URL"]), self.depth(self.dead)
        seen = json.loads(self.windlass("status", "--journal", self.journal, "--output", "json"))["policies"]
        fleet = seen[0] if seen else {}
        return {"backlog": backlog, "parked": parked, "done": total - backlog - parked,
                "desired": fleet.get("desired"), "in service": fleet.get("in_service"), "draining": fleet.get("draining")}

    def watch(self, total):
        """One live line until every job has ended and the fleet has fallen back."""
        last, began = None, time.monotonic()
        while True:
            for name, child in self.started:
                if child.poll() is not None:
                    raise Failed(f"{name} ended by itself; see {self.out / (name + '.log')}")
            try:
                now = self.look(total)
            except Failed as why:
                if not self.journal.exists() or any(w in str(why) for w in ("No such file", "not made it yet")):
                    time.sleep(0.2)  # the controller has not written its first turn yet
                    continue
                raise
            ended = now["done"] + now["parked"]
            cells = round(24 * ended / total)
            words = "  ".join(f"{k} {'?' if v is None else v}" for k, v in now.items() if k != "draining")
            line = f"[{'#' * cells}{'.' * (24 - cells)}] {time.monotonic() - began:4.0f} s  {words}"
            if sys.stdout.isatty():
                print(f"\r{line}\x1b[K", end="", flush=True)
            elif words != last:
                print(line, flush=True)
            last = words
            if ended == total and now["desired"] == 0 and now["in service"] == 0 and now["draining"] == 0:
                if sys.stdout.isatty():
                    print()
                return now
            if time.monotonic() > self.deadline:
                raise Failed(f"not done in time: {words}; the logs are in {self.out}")
            time.sleep(0.5)

    # ---- the end

    def check_outputs(self, jobs):
        """Fetches each output and looks at it with ffprobe. Returns rows and the number of good ones."""
        self.windlass("fetch", f"s3://{BUCKET}/processed_videos/", self.out / "outputs")
        files = {}
        for path in sorted((self.out / "outputs").rglob("*.mp4")):
            for job in jobs:
                if job["video_id"] in path.name or job["video_id"] in path.parts:
                    files.setdefault(job["video_id"], []).append(path)
        rows, good = [], 0
        for job in jobs:
            found = files.get(job["video_id"], [])
            row = {"video": job["file"].name, "output": "parked, no output", "size": "", "video stream": "", "audio": "",
                   "seconds": ""}
            if len(found) > 1:
                raise Failed(f"{len(found)} outputs of {job['video_id']}: there must be one")
            if found:
                row.update(self.probe(found[0]))
                good += 1
            rows.append(row)
        return rows, good

    def probe(self, path):
        seen = json.loads(run(["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", path]))
        video = [s for s in seen["streams"] if s["codec_type"] == "video"]
        audio = [s for s in seen["streams"] if s["codec_type"] == "audio"]
        seconds = float(seen["format"]["duration"])
        if len(video) != 1 or (video[0]["width"], video[0]["height"]) != (1280, 720) or seconds > 30.5:
            raise Failed(f"{path} is not what the profile promises")
        return {"output": str(path.relative_to(self.out)), "size": f"{path.stat().st_size / 1e6:.1f} MB",
                "video stream": f"{video[0]['codec_name']} {video[0]['width']}x{video[0]['height']}",
                "audio": "none" if not audio else audio[0]["codec_name"], "seconds": f"{seconds:.1f}"}

    def chart(self):
        history = self.out / "history.csv"
        history.write_text(self.windlass("history", POLICY, "--journal", self.journal))
        picture = self.out / "chart.svg"
        run(["gnuplot", "-e", f"csv='{history}'; out='{picture}'; title='windlass quickstart: {POLICY}'", HERE / "chart.gp"])
        with history.open() as f:
            rows = list(csv.DictReader(f))
        return picture, max(int(r["in_service"] or 0) for r in rows), max(int(r["visible"] or 0) for r in rows)

    def tell(self):
        began = time.monotonic()
        self.clean()
        for tool in ("ffmpeg", "ffprobe", "gnuplot"):
            if not shutil.which(tool):
                raise Failed(f"{tool} is missing: apt-get install ffmpeg gnuplot-nox")
        print("making clips" if not self.videos else "taking your videos", flush=True)
        files = self.videos or self.make_clips()
        print(f"windlass-local: {self.start_cloud()}")
        print(f"queue: {self.make_queue()}")
        self.start_controller()
        jobs = self.send(files)
        end = self.watch(len(jobs))
        rows, good = self.check_outputs(jobs)
        print_table(rows)
        print(f"\ndecisions of {POLICY}, with their reasons:\n")
        print(self.windlass("explain", POLICY, "--journal", self.journal, "--last", "12"))
        picture, most, peak = self.chart()
        print(f"{len(jobs)} sent, {good} transcoded, {end['parked']} parked; backlog up to {peak}, fleet 0 -> {most} -> 0; "
              f"{time.monotonic() - began:.0f} s")
        print(f"chart:   {picture}\noutputs: {self.out / 'outputs'}\njournal: {self.journal}")
        print(f"again:   {self.bin / 'windlass'} explain {POLICY} --journal {self.journal}")
        if good + end["parked"] != len(jobs) or (not self.videos and end["parked"] != 1):
            raise Failed("some jobs have neither an output nor a reason")


def print_table(rows):
    titles = list(rows[0])
    widths = [max(len(t), *(len(r[t]) for r in rows)) for t in titles]
    print()
    for cells in [titles, ["-" * w for w in widths], *([r[t] for t in titles] for r in rows)]:
        print("  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip())


def main():
    parser = argparse.ArgumentParser(description="Runs the main job of windlass on this machine.")
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the programs")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("quickstart-out"), help="folder for what stays")
    parser.add_argument("--timeout", type=float, help="seconds, for all of it; 170, or an hour for your own videos")
    parser.add_argument("videos", metavar="VIDEO", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    if options.timeout is None:
        options.timeout = 3600 if options.videos else 170
    for video in options.videos:
        if not video.is_file():
            parser.error(f"{video} is not a file")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    story = Quickstart(options)
    try:
        story.tell()
    except Failed as why:
        print(f"\nquickstart: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nquickstart: interrupted; stopping what was started", file=sys.stderr)
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second one must not leave processes behind
        story.stop_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
