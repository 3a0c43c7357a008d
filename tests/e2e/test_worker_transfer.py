"""Large sources and outputs, in parts, with what goes wrong on the way."""

import collections
import re
import subprocess
import urllib.parse

import pytest
from test_worker_last_receive import front
from videos import BUCKET, around, clips, ffprobe

__all__ = ["around", "clips", "front"]
PROFILE = """\
version: 1
name: large
steps:
  - fit: { width: 640, height: 360, color: black }
outputs:
  - name: video
    key: "processed_videos/{video_id}-{digest}.mp4"
    container: mp4
    audio: none
    video: { codec: h264, crf: 2, preset: ultrafast, pixel_format: yuv420p }
"""
PART = 5 << 20


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """A clip whose pictures cannot be made small."""
    path = tmp_path_factory.mktemp("noise") / "noise.mp4"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                    "testsrc2=size=640x360:rate=25,noise=alls=100:allf=t", "-t", "2", "-c:v", "libx264", "-preset",
                    "ultrafast", "-crf", "2", "-pix_fmt", "yuv420p", str(path)], check=True)
    assert path.stat().st_size > 2 * PART
    return path


@pytest.fixture
def large(around, tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text(PROFILE)
    return path


def uploads(around):
    return around.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


def test_parts_that_break_off_are_asked_for_again_and_the_others_are_kept(around, large, noise, front):
    seen, broken = collections.Counter(), set()

    def once(what):
        return what not in broken and not broken.add(what)

    def trouble(handler, body):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query, keep_blank_values=True)
        ranged = handler.headers.get("Range")
        part = query.get("partNumber", [None])[0]
        if handler.command == "GET" and "/uploads/" in handler.path:
            assert handler.headers.get("If-Match") and ranged
            seen["get", ranged] += 1
            if ranged.startswith(f"bytes={PART}-") and once("get"):
                return "break", "", "", []
        elif handler.command == "PUT" and part:
            seen["put", part] += 1
            if part == "1" and once("put"):
                return 500, "application/xml", "<Error><Code>InternalError</Code></Error>"
        elif handler.command == "POST" and "uploadId" in query:
            seen["join"] += 1
            assert handler.headers.get("If-None-Match") == "*"
            if once("join"):
                return 200, "application/xml", "<Error><Code>InternalError</Code><Message>later</Message></Error>"
        return None

    job, = around.send(noise)
    url = front(trouble)
    worker = around.worker("--part-size", "5", "--wait-time", "1", profile=large, AWS_ENDPOINT_URL_S3=url)
    worker.wait_log("job done", 120)
    assert worker.stop() == 0
    path, head = around.output(job["video_id"])
    assert path.stat().st_size > 2 * PART and ffprobe(path)["streams"][0]["codec_name"] == "h264"
    parts = -(-noise.stat().st_size // PART)
    gets = {key: n for key, n in seen.items() if key[0] == "get"}
    assert len(gets) == parts and sum(gets.values()) == parts + 1, "only what broke off came again"
    assert seen["put", "1"] == 2 and seen["put", "2"] == 1 and seen["join"] == 2
    assert re.fullmatch(r'"[0-9a-f]{32}-[0-9]+"', head["ETag"]) and head["Metadata"]["receive-count"] == "1"
    assert not uploads(around) and around.clean()


def test_what_a_killed_attempt_left_half_sent_is_removed_by_the_next(around, large, noise):
    job, = around.send(noise)
    options = ("--part-size", "5", "--until-empty")
    assert around.worker(*options, profile=large).wait_end(120) == 0
    key, = around.outputs(job["video_id"])
    around.s3.delete_object(Bucket=BUCKET, Key=key)
    for name in (key, key + "-of-somebody-else"):
        around.s3.create_multipart_upload(Bucket=BUCKET, Key=name)
    around.put_message({k: job[k] for k in ("video_id", "video_path", "task_id", "created_at")})
    assert around.worker(*options, profile=large).wait_end(120) == 0
    assert around.outputs(job["video_id"]) == [key]
    assert [u["Key"] for u in uploads(around)] == [key + "-of-somebody-else"]


def test_somebody_who_was_first_is_found_when_the_parts_are_joined(around, large, noise, front):
    job, = around.send(noise)
    stored = {}

    def first(handler, body):
        query = urllib.parse.urlsplit(handler.path).query
        if handler.command == "POST" and "uploadId" in query and not stored:
            stored["at"] = handler.path
            return 412, "application/xml", "<Error><Code>PreconditionFailed</Code></Error>"
        return None

    worker = around.worker("--part-size", "5", "--wait-time", "1", "--retry-delay", "1s", profile=large,
                           AWS_ENDPOINT_URL_S3=front(first))
    worker.wait_log("message returned.*store", 120)  # what was said to be there was not
    worker.wait_log("job done", 120)
    assert worker.stop() == 0
    assert len(around.outputs(job["video_id"])) == 1 and not uploads(around)
