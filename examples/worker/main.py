"""One story of windlass-worker on this machine: video, hls, exec or persistent, each with the profile of its name.

What runs is what would run on AWS, but for the endpoint: windlass-local speaks SQS and S3. Everything is kept in a
folder that is removed at the end, unless --out names one.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
QUEUE, BUCKET = "anb-video-processing-queue", "anb-videos"
WORK_S = 300
ORDERS = [{"number": 1, "lines": [["a lamp", 4900], ["its bulb", 350]]}, {"number": 2, "lines": [["a chair", 12900]]},
          {"number": "three", "lines": "none"}]


class Failed(Exception):
    """Something that the person who ran this should read, as one line."""


def run(argv, env=None):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)
    if done.returncode != 0:
        raise Failed(f"{pathlib.Path(argv[0]).name} ended with status {done.returncode}: "
                     f"{(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def make(path, size, seconds, *source, sound=False):
    argv = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source[0] if source else
            f"testsrc2=size={size}:rate=25"]
    argv += ["-f", "lavfi", "-i", "sine=frequency=330"] if sound else []
    if seconds:
        argv += ["-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    else:
        argv += ["-frames:v", "1"]
    run([*argv, *(["-c:a", "aac"] if sound else []), path])
    return path


class Story:
    def __init__(self, options, out):
        self.bin, self.out, self.local, self.seconds = options.bin.resolve(), out, None, options.seconds
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SQS_", "CELERY_", "WINDLASS_"))}

    def windlass(self, *argv):
        return run([self.bin / "windlass", *argv], self.env)

    def start(self):
        log = (self.out / "windlass-local.log").open("wb")
        self.local = subprocess.Popen([self.bin / "windlass-local", "--state", self.out / "state", "--declare",
                                       HERE / "cloud.yaml"], stdout=subprocess.PIPE,
                                      stderr=log, stdin=subprocess.DEVNULL, env=self.env, text=True)
        log.close()
        ready = re.search(r"ready on (\S+)", self.local.stdout.readline())
        if not ready:
            raise Failed(f"windlass-local does not start: {(self.out / 'windlass-local.log').read_text()[-400:]}")
        self.env.update(AWS_ENDPOINT_URL=ready.group(1), AWS_REGION="us-east-1", AWS_CONFIG_FILE="/dev/null",
                        AWS_DEFAULT_REGION="us-east-1",
                        AWS_SHARED_CREDENTIALS_FILE=str(self.out / "state" / "credentials"))
        made = json.loads(self.windlass("queue", "create", QUEUE, "--output", "json"))
        self.dead, self.env["SQS_QUEUE_URL"] = made["dead_letter_url"], made["queue_url"]
        print(f"windlass-local: {ready.group(1)}\nqueue: {made['queue_url']}")

    def stop(self):
        if self.local:
            self.local.send_signal(signal.SIGTERM)
            self.local.wait(timeout=40)

    def client(self, service):
        for name in ("AWS_ENDPOINT_URL", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_DEFAULT_REGION"):
            os.environ[name] = self.env[name]
        import boto3
        return boto3.client(service, endpoint_url=self.env["AWS_ENDPOINT_URL"])

    def work(self, name, **more):
        """Until the queue is empty."""
        argv = [self.bin / "windlass-worker", "--profile", HERE / f"{name}.yaml", "--work-dir", self.out / "work",
                "--until-empty", "--no-instance", "--log-format", "logfmt"]
        print("windlass-worker", *argv[1:3])
        try:
            done = subprocess.run([str(a) for a in argv], env={**self.env, **{k: str(v) for k, v in more.items()}},
                                  stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=WORK_S)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"windlass-worker is not done after {WORK_S} s: {late.stderr.decode()[-800:]}") from None
        for line in re.findall(r"event=\"(?:output stored|job done|message (?:parked|returned))[^\n]*", done.stderr):
            print(f"  {line[:900]}")
        if done.returncode != 0:
            raise Failed(f"windlass-worker ended with status {done.returncode}: {done.stderr[-800:]}")

    def show(self, prefix, wanted):
        """Fetches what was made, and says of each what ffprobe finds."""
        self.windlass("fetch", f"s3://{BUCKET}/{prefix}", self.out / "made")
        files = sorted(p for p in (self.out / "made").rglob("*") if p.is_file())
        for path in files:
            print(f"{path.stat().st_size:>9}  {path.relative_to(self.out / 'made')}  {self.probe(path)}")
        if len(files) != wanted:
            raise Failed(f"{len(files)} objects where {wanted} were to be made")
        return files

    @staticmethod
    def probe(path):
        if path.suffix not in (".mp4", ".m3u8", ".jpg") or path.name == "master.m3u8":
            return ""
        seen = json.loads(run(["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", path]))
        words = [f"{s['codec_name']} {s['width']}x{s['height']}" if s["codec_type"] == "video" else s["codec_name"]
                 for s in seen["streams"]]
        seconds = float(seen["format"].get("duration", 0))
        return ", ".join(words) + (f", {seconds:.1f} s" if path.suffix != ".jpg" else "")

    # ---- the stories

    def video(self):
        brand = self.out / "brand"
        brand.mkdir()
        make(brand / "logo.png", "200x100", 0, "color=red:size=200x100")
        make(brand / "intro.mp4", "640x360", 1, sound=True)
        outro = make(self.out / "outro.mp4", "320x240", 1)
        clip = make(self.out / "clip.mp4", "640x480", self.seconds, sound=True)
        self.windlass("send", "--bucket", BUCKET, "--prefix", "uploads/", clip)
        self.client("s3").upload_file(str(outro), BUCKET, "brand/outro.mp4")
        self.work("video", ANB_BRAND=brand)
        files = self.show("processed_videos/", 3)
        seconds = min(self.seconds, 30) + 2
        if f"h264 1280x720, {seconds:.1f} s" not in self.probe(files[-1]):
            raise Failed(f"at most 30 seconds with an intro and an outro of one second each make {seconds}")

    def hls(self):
        self.windlass("send", "--bucket", BUCKET, make(self.out / "clip.mp4", "1280x720", 7, sound=True))
        self.work("hls")
        # of each quality two segments and a playlist; the playlist over them, thumbnails, a poster, the manifest
        files = self.show("hls/", 3 * 3 + 1 + 4 + 1 + 1)
        print(next(p for p in files if p.name == "master.m3u8").read_text())

    def exec(self):
        self.orders("exec", "invoices/")

    def persistent(self):
        self.orders("persistent", "receipts/")

    def orders(self, name, prefix):
        sqs = self.client("sqs")
        for order in ORDERS:
            sqs.send_message(QueueUrl=self.env["SQS_QUEUE_URL"], MessageBody=json.dumps(order))
        self.work(name, EXAMPLE=HERE)
        for path in self.show(prefix, 4):
            if path.suffix == ".txt":
                print(path.read_text())
        parked = sqs.receive_message(QueueUrl=self.dead, MessageAttributeNames=["All"])["Messages"]
        note = json.loads(parked[0]["MessageAttributes"]["windlass-parked"]["StringValue"])
        print(f"parked: {parked[0]['Body']}: {note['reason']}: {note['stderr']}")
        if len(parked) != 1:
            raise Failed("one order was to be parked")


def main():
    parser = argparse.ArgumentParser(description="Shows windlass-worker at one kind of job.")
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="folder of the programs")
    parser.add_argument("--out", type=pathlib.Path, help="folder for what is made; default: one that is removed")
    parser.add_argument("--seconds", type=int, default=33, help="length of the video's clip")
    parser.add_argument("story", choices=["video", "hls", "exec", "persistent"])
    options = parser.parse_args()
    tools = ("ffmpeg", "ffprobe") if options.story in ("video", "hls") else ()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    out = options.out or pathlib.Path(tempfile.mkdtemp(prefix="windlass-worker-example-"))
    out.mkdir(parents=True, exist_ok=True)
    story = Story(options, out)
    try:
        for tool in tools:
            if not shutil.which(tool):
                raise Failed(f"{tool} is missing: apt-get install ffmpeg")
        story.start()
        getattr(story, options.story)()
    except Failed as why:
        print(f"\nexamples/worker: {why}", file=sys.stderr)
        return 1
    finally:
        story.stop()
        if not options.out:
            shutil.rmtree(out, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
