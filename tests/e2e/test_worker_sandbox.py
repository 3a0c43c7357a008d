"""Hostile videos through the whole worker: each parked with its reason, nothing outside its folder read, written or
connected to; and the self-test by which an operator sees the same on another machine."""

import json
import os
import re
import socket

import pytest
from videos import around, clips

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


def layers(worker_said):
    found = re.search(r"^layers: (.*)$", worker_said, re.M)
    return found.group(1) if found else ""


def test_the_self_test_passes_and_without_a_sandbox_it_does_not(programs, tmp_path):
    done = programs.call("windlass-worker", "--self-test", "--work-dir", tmp_path / "work", seconds=60)
    if "Landlock" not in layers(done.stdout) or "seccomp" not in layers(done.stdout):
        pytest.skip("the kernel, or this build, lacks a layer of the sandbox")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout and done.stdout.count("pass") >= 20, done.stdout
    bare = programs.call("windlass-worker", "--self-test", "--no-sandbox", "--work-dir", tmp_path / "work", seconds=60)
    through = [line for line in bare.stdout.splitlines() if line.startswith("FAIL")]
    assert bare.returncode == 1 and len(through) >= 12, bare.stdout
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
