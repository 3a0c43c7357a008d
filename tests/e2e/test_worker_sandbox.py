"""Hostile videos through the whole worker: each parked with its reason, nothing outside its folder read, written or
connected to; and the self-test by which an operator sees the same on another machine."""

import json
import re
import shutil
import socket
import subprocess

import pytest
from videos import BUCKET, around, clips

__all__ = ["around", "clips"]


class Canaries:
    """A port that must hear nothing, and a real video that must not be read."""

    def __init__(self, folder, video):
        self.file = folder / "canary.ts"
        self.file.write_bytes(video.read_bytes())
        self.before = self.file.stat()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def check(self):
        with pytest.raises(BlockingIOError):
            self.socket.accept()
        after = self.file.stat()
        assert (after.st_mtime_ns, after.st_size) == (self.before.st_mtime_ns, self.before.st_size)


HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n{}#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
DASH = ('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT9S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet '
        'mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{}</BaseURL><SegmentList duration="9">'
        '<SegmentURL media="x.mp4"/></SegmentList></Representation></AdaptationSet></Period></MPD>')


def hostile(canary, port):
    url = f"http://127.0.0.1:{port}/a.ts"
    yield "hls_file", HLS.format("", f"file://{canary}").encode()
    yield "hls_passwd", HLS.format("", "file:///etc/passwd").encode()
    yield "hls_url", HLS.format("", url).encode()
    yield "hls_key", HLS.format(f'#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n', f"file://{canary}").encode()
    yield "hls_master", f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}8\n".encode()
    yield "concat_file", f"ffconcat version 1.0\nfile {canary}\n".encode()
    yield "concat_url", f"ffconcat version 1.0\nfile {url}\n".encode()
    yield "concat_sibling", b"ffconcat version 1.0\nfile source\n"
    yield "dash", DASH.format(url).encode()
    yield "sdp", f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n".encode()
    yield "svg", f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode()


def test_hostile_videos_are_parked_and_reach_nothing(around, clips):
    canaries = Canaries(around.folder, clips["landscape"])
    sent = {}
    for name, data in hostile(canaries.file, canaries.port):
        path = around.folder / f"{name}.mp4"
        path.write_bytes(data)
        sent[around.send(path)[0]["video_id"]] = name
    good, = around.send(clips["tiny"])
    worker = around.worker("--until-empty", "--slots", "2")
    assert worker.wait_end(90) == 0
    assert len(around.outputs(good["video_id"])) == 1
    parked = {json.loads(m["Body"])["video_id"]: json.loads(m["MessageAttributes"]["windlass-parked"]["StringValue"])
              for m in around.take_all(around.dead)}
    assert sorted(sent.values()) == sorted(sent[i] for i in parked)
    for video, note in parked.items():
        assert note["stage"] == "probe" and note["attempt"] == 1, (sent[video], note)
        assert "whitelist" in note["stderr"].lower() or "Invalid data" in note["stderr"], (sent[video], note)
        assert not around.outputs(video)
    canaries.check()
    assert around.clean()


MANY = """\
version: 1
name: many
assets:
  - {{ name: logo, file: {folder}/logo.png }}
  - {{ name: opening, file: {folder}/opening.mp4 }}
steps:
  - trim: {{ to: 2s }}
  - fit: {{ width: 64, height: 36 }}
  - watermark: {{ image: logo }}
  - intro: {{ clip: opening }}
outputs:
  - name: video
    key: "processed_videos/{{video_id}}-{{digest}}/video.mp4"
    audio: aac
    video: {{ preset: ultrafast, crf: 35 }}
  - name: ladder
    container: hls
    key: "processed_videos/{{video_id}}-{{digest}}/hls/master.m3u8"
    renditions: [ {{ name: low, video: {{ preset: ultrafast, crf: 40 }} }} ]
  - {{ name: poster, key: "processed_videos/{{video_id}}-{{digest}}/poster.jpg", container: jpeg, at: 0s }}
manifest: "processed_videos/{{video_id}}-{{digest}}/manifest.json"
limits: {{ wall: 60s, stall: 20s }}
"""


def boxes_with(data, path, change):
    """An ISO base media file with change(payload) made to the box at that path, and the sizes above it made right."""
    out, at = b"", 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        kind, payload = data[at + 4:at + 8].decode("latin-1"), data[at + 8:at + size]
        if kind == path[0]:
            payload = change(payload) if len(path) == 1 else boxes_with(payload, path[1:], change)
        out += (8 + len(payload)).to_bytes(4, "big") + kind.encode("latin-1") + payload
        at += size
    return out


def alias(path):
    """A data reference to a file of another place, as QuickTime's alias records are: fixed fields, then the path."""
    name, path = path.name.encode()[:63], str(path).encode()
    record = (bytes(10) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
              + (1).to_bytes(2, "big") + (1).to_bytes(2, "big") + bytes(16)
              + (2).to_bytes(2, "big") + len(path).to_bytes(2, "big") + path + bytes(len(path) % 2) + b"\xff\xff\0\0")
    entry = (12 + len(record)).to_bytes(4, "big") + b"alis" + bytes(4) + record
    return bytes(4) + (1).to_bytes(4, "big") + entry


def odd(folder, canary, port):
    """(name, what is in the file, whether a video can be made of it). What ffmpeg can, we let it."""
    def made(name, *argv, source="testsrc2=size=64x36:rate=25", seconds="1"):
        path = folder / name
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-t", seconds, "-pix_fmt",
                        "yuv420p", *argv, str(path)], check=True)
        return path.read_bytes()

    def again(name, *argv):
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(folder / "plain.mp4"), *argv, str(folder / name)],
                       check=True)
        return (folder / name).read_bytes()

    plain = made("plain.mp4")
    url = f"http://127.0.0.1:{port}/"
    secret = folder / "secret"
    secret.write_text("attached secret")
    subtitles = folder / "subtitles.srt"
    subtitles.write_text(f"1\n00:00:00,000 --> 00:00:01,000\n<img src={url}a.png><font face=\"../../{canary}\">x</font>\n")
    page = b"<html><script src=" + url.encode() + b"></script></html>"
    yield "nothing", b"", False
    yield "one byte", b"\0", False
    yield "zeros", bytes(100000), False
    yield "its first half", plain[:len(plain) // 2], False
    yield "without its index", plain[:plain.index(b"moov") - 4], False
    yield "its index alone", again("first.mp4", "-c", "copy", "-movflags", "+faststart").split(b"mdat")[0], False
    yield "a thousand streams", again("thousand.mp4", *["-map", "0:v"] * 1000, "-c", "copy"), False
    yield "33 streams of Matroska", again("streams.mkv", *["-map", "0:v"] * 33, "-c", "copy"), False
    yield "a sound", b"RIFF\x24\0\0\0WAVEfmt " + bytes(28), False
    yield "MXF", made("m.mxf", "-c:v", "mpeg2video"), False
    yield "one picture", made("one.png", "-frames:v", "1"), False
    yield "a GIF", made("a.gif", "-pix_fmt", "rgb8"), False
    yield "a ZIP", b"PK\3\4" + bytes(26) + plain, False
    yield "a page before a video", page + plain, False
    yield "a playlist before a video", b"#EXTM3U\n#EXTINF:9,\n" + url.encode() + b"\n" + plain, False
    yield "its samples in another file", boxes_with(plain, ["moov", "trak", "mdia", "minf", "dinf", "dref"],
                                                    lambda _: alias(canary)), False
    yield "2,700 hours", boxes_with(plain, ["moov", "mvhd"], lambda b: b[:16] + b"\x7f\xff\xff\xff" + b[20:]), None
    yield "a million pictures a second", made("fast.mp4", "-vf", "settb=1/1000000,setpts=N", "-r", "1000000", "-frames:v",
                                              "25", "-video_track_timescale", "1000000"), None
    yield "a picture in 1,000 seconds", made("slow.mp4", "-frames:v", "10", source="testsrc2=size=64x36:rate=1/1000",
                                             seconds="10000"), None
    yield "16 million pixels of nothing", made("bomb.mov", "-frames:v", "1", "-c:v", "png", source="color=s=4000x4000"), None
    yield "a page after a video", plain + page, True
    yield "a ZIP after a video", plain + b"PK\3\4" + bytes(100) + b"PK\5\6" + bytes(18), True
    yield "WebM by the name of MP4", made("w.webm", "-c:v", "libvpx", "-deadline", "realtime"), True
    yield "with a file attached", again("a.mkv", "-c", "copy", "-attach", str(secret), "-metadata:s:t",
                                        "mimetype=text/plain"), True
    yield "with subtitles that name others", again("s.mkv", "-i", str(subtitles), "-c", "copy"), True
    yield "with words in its metadata", again("meta.mp4", "-c", "copy", "-metadata", f"title='];movie={canary}[v]\nlevel=error "
                                              'event="forged"', "-metadata", "comment=" + "A" * 60000), True


def test_odd_videos_end_at_once_and_hurt_nothing(around, clips):
    """With several outputs and with files beside the source, which ffmpeg may read: each is done or parked at its first
    receive, and nothing else is touched."""
    made = around.folder / "made"
    made.mkdir()
    canaries = Canaries(around.folder, clips["landscape"])
    shutil.copy(clips["tiny"], around.folder / "opening.mp4")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=red:s=16x16", "-frames:v", "1",
                    str(around.folder / "logo.png")], check=True)
    profile = around.folder / "many.yaml"
    profile.write_text(MANY.format(folder=around.folder))
    wanted = {}
    for n, (name, data, fit) in enumerate(odd(made, canaries.file, canaries.port)):
        around.s3.put_object(Bucket=BUCKET, Key=f"odd/{n}.mp4", Body=data)
        job = around.job(f"s3://{BUCKET}/odd/{n}.mp4")
        wanted[job["video_id"]] = name, fit
        around.put_message(job)
    worker = around.worker("--until-empty", "--slots", "2", profile=profile)
    assert worker.wait_end(120) == 0
    parked = {json.loads(m["Body"])["video_id"]: json.loads(m["MessageAttributes"]["windlass-parked"]["StringValue"])
              for m in around.take_all(around.dead)}
    done = {i for i in wanted if any(key.endswith("/manifest.json") for key in around.outputs(i))}
    for video, (name, fit) in wanted.items():
        assert (video in done) != (video in parked), (name, parked.get(video))
        assert fit is None or fit == (video in done), (name, parked.get(video))
        assert video in done or (parked[video]["attempt"] == 1 and not around.outputs(video)), (name, parked[video])
    assert "message returned" not in worker.text() and around.depth() == (0, 0)
    assert not re.search(r"^level=error|event=forged", worker.text(), re.M), "a line of the log that is not ours"
    for key in (key for i in done for key in around.outputs(i)):
        stored = around.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert b"attached secret" not in stored and b"forged" not in stored and b"AAAAAAAAAA" not in stored
    canaries.check()
    assert around.clean()


def layers(worker_said):
    found = re.search(r"^layers: (.*)$", worker_said, re.M)
    return found.group(1) if found else ""


def test_the_self_test_passes_and_without_a_sandbox_it_does_not(programs, tmp_path):
    done = programs.call("windlass-worker", "--self-test", "--work-dir", tmp_path / "work", seconds=60)
    if "Landlock" not in layers(done.stdout) or "seccomp" not in layers(done.stdout):
        pytest.skip("the kernel, or this build, lacks a layer of the sandbox")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout and done.stdout.count("pass") >= 26, done.stdout
    bare = programs.call("windlass-worker", "--self-test", "--no-sandbox", "--work-dir", tmp_path / "work", seconds=60)
    through = [line for line in bare.stdout.splitlines() if line.startswith("FAIL")]
    assert bare.returncode == 1 and len(through) >= 16, bare.stdout
    assert not list((tmp_path / "work").iterdir())


def test_the_layers_are_told_at_start_and_can_be_required(around, clips):
    around.send(clips["tiny"])
    worker = around.worker("--until-empty", "--require-sandbox")
    if "lacks a layer" in (worker.wait_end(60), worker.text())[1]:
        assert worker.process.returncode == 1
        pytest.skip("the kernel, or this build, lacks a layer of the sandbox")
    assert re.search(r"sandbox.*landlock_abi=[1-9].*seccomp=on", worker.text())
    assert around.depth() == (0, 0)
    both = around.worker("--until-empty", "--require-sandbox", "--no-sandbox")
    assert both.wait_end(20) == 2
