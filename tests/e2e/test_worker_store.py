"""Conditional stores: what somebody else stored first, or is storing right now."""

import collections
import json

import pytest
from test_worker_last_receive import front
from test_worker_transfer import large, noise, uploads
from videos import BUCKET, PROFILE, around, clips, ffprobe

__all__ = ["around", "clips", "front", "large", "noise"]
SEVERAL = """\
version: 1
name: several
steps:
  - fit: { width: 64, height: 36, color: black }
outputs:
  - name: video
    key: "processed_videos/{video_id}-{digest}/video.mp4"
    video: { crf: 30, preset: ultrafast }
  - name: poster
    key: "processed_videos/{video_id}-{digest}/poster.jpg"
    container: jpeg
    at: 0s
manifest: "processed_videos/{video_id}-{digest}/manifest.json"
"""
BUSY = 409, "application/xml", "<Error><Code>ConditionalRequestConflict</Code><Message>again</Message></Error>"
THERE = 412, "application/xml", "<Error><Code>PreconditionFailed</Code></Error>"


class Stores:
    """Before the cloud: counts conditional puts by file, and lets a test have its say before each."""

    def __init__(self, around, say):
        self.around, self.say, self.puts, self.conditions = around, say, collections.Counter(), []

    def __call__(self, handler, body):
        key = handler.path.split("?")[0].removeprefix(f"/{BUCKET}/")
        if handler.command != "PUT" or not key.startswith("processed_videos/"):
            return None
        self.puts[key.rsplit("/", 1)[-1]] += 1
        self.conditions.append((handler.headers["If-None-Match"], handler.headers["If-Match"]))
        metadata = {k.lower().removeprefix("x-amz-meta-"): v for k, v in handler.headers.items()
                    if k.lower().startswith("x-amz-meta-")}
        return self.say(self, key, body, metadata)


def work(around, front, stores, *files, profile=PROFILE):
    jobs = around.send(*files)
    worker = around.worker("--wait-time", "1", profile=profile, AWS_ENDPOINT_URL_S3=front(lambda h, b: stores(h, b)))
    return worker, jobs


def ended(worker, pattern="job done"):
    worker.wait_log(pattern, 60)
    assert worker.stop() == 0
    return worker.text()


def test_a_store_that_meets_another_is_asked_again(around, clips, front):
    """409: two at once, and S3 does not say who wins."""
    stores = Stores(around, lambda s, key, body, meta: BUSY if s.puts.total() <= 2 else None)
    worker, (job,) = work(around, front, stores, clips["tiny"])
    said = ended(worker)
    assert stores.puts.total() == 3 and set(stores.conditions) == {("*", None)} and "message returned" not in said
    assert around.output(job["video_id"])[1]["Metadata"]["receive-count"] == "1" and around.depth() == (0, 0)


def test_a_store_that_always_meets_another_gives_the_message_back(around, clips, front):
    stores = Stores(around, lambda s, key, body, meta: BUSY if s.puts.total() <= 4 else None)
    worker, (job,) = work(around, front, stores, clips["tiny"])
    said = ended(worker)
    assert said.count("message returned") == 1 and "ConditionalRequestConflict" in said
    assert around.output(job["video_id"])[1]["Metadata"]["receive-count"] == "2"
    assert around.depth() == (0, 0) == around.depth(around.dead) and around.clean()


def test_who_stored_the_same_first_is_believed(around, clips, front):
    """412 in mid-flight: another worker stored this very job between our look and our store."""
    def first(stores, key, body, meta):
        if not around.outputs():
            around.s3.put_object(Bucket=BUCKET, Key=key, Body=body + b"\0", Metadata={**meta, "worker": "another"})
        return None
    stores = Stores(around, first)
    worker, (job,) = work(around, front, stores, clips["tiny"])
    said = ended(worker)
    assert "already=true" in said and stores.puts.total() == 1
    assert around.output(job["video_id"])[1]["Metadata"]["worker"] == "another"
    assert around.depth() == (0, 0) == around.depth(around.dead)


def test_who_stored_something_else_first_is_not_replaced(around, clips, front):
    def first(stores, key, body, meta):
        if not around.outputs():
            around.s3.put_object(Bucket=BUCKET, Key=key, Body=b"mine", Metadata={"source-etag": "other"})
        return None
    worker, (job,) = work(around, front, Stores(around, first), clips["tiny"])
    ended(worker, "message parked")
    parked, = around.take_all(around.dead)
    note = json.loads(parked["MessageAttributes"]["windlass-parked"]["StringValue"])
    assert note["stage"] == "store" and "remove it" in note["reason"] and note["attempt"] == 1
    key, = around.outputs()
    assert around.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"mine"


def test_what_was_there_and_is_gone_again_is_stored_by_the_next_attempt(around, clips, front):
    stores = Stores(around, lambda s, key, body, meta: THERE if s.puts.total() == 1 else None)
    worker, (job,) = work(around, front, stores, clips["tiny"])
    said = ended(worker)
    assert said.count("message returned") == 1 and stores.puts.total() == 2
    assert around.output(job["video_id"])[1]["Metadata"]["receive-count"] == "2" and around.depth() == (0, 0)


@pytest.mark.parametrize("receives", ["0", "7"])
def test_files_of_two_attempts_are_not_mixed(around, clips, front, tmp_path, receives):
    """What an earlier attempt left is replaced, on condition that it is still that; what a later one stores is left to
    it, and the message goes back."""
    profile = tmp_path / "several.yaml"
    profile.write_text(SEVERAL)

    def first(stores, key, body, meta):
        if key.endswith("/poster.jpg") and stores.puts["poster.jpg"] == 1:
            around.s3.put_object(Bucket=BUCKET, Key=key, Body=b"half", Metadata={**meta, "receive-count": receives,
                                                                                "sha256": "0" * 64})
        return None
    stores = Stores(around, first)
    worker, (job,) = work(around, front, stores, clips["tiny"], profile=profile)
    if receives == "0":
        said = ended(worker)
        assert "message returned" not in said and stores.puts["poster.jpg"] == 2
        assert [bool(match) for _, match in stores.conditions].count(True) == 1, "replaced by If-Match"
        manifest, = [k for k in around.outputs(job["video_id"]) if k.endswith("manifest.json")]
        listed = json.loads(around.s3.get_object(Bucket=BUCKET, Key=manifest)["Body"].read())["files"]
        for f in listed:
            assert around.s3.head_object(Bucket=BUCKET, Key=f["key"])["ContentLength"] == f["bytes"] > 4
    else:
        worker.wait_log("message returned.*a later attempt at this job stores", 60)
        worker.kill()
        assert not [k for k in around.outputs(job["video_id"]) if k.endswith("manifest.json")]
        key, = [k for k in around.outputs(job["video_id"]) if k.endswith("poster.jpg")]
        assert around.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"half"


def test_parts_whose_joining_meets_another_are_sent_anew(around, noise, large, front):
    """409 at the end of a multipart upload: S3 wants all of it again, from the file that is still there."""
    joins, begun = [], []

    def refused(handler, body):
        if handler.command == "POST" and "uploadId" in handler.path:
            joins.append(handler.headers["If-None-Match"])
            return BUSY if len(joins) == 1 else None
        if handler.command == "POST" and handler.path.endswith("?uploads") or handler.path.endswith("?uploads="):
            begun.append(handler.path)
        return None

    job, = around.send(noise)
    worker = around.worker("--part-size", "5", "--wait-time", "1", profile=large, AWS_ENDPOINT_URL_S3=front(refused))
    said = ended(worker)
    assert joins == ["*", "*"] and len(begun) == 2 and "message returned" not in said
    path, head = around.output(job["video_id"])
    assert ffprobe(path)["streams"][0]["codec_name"] == "h264" and head["Metadata"]["receive-count"] == "1"
    assert not uploads(around) and around.clean() and around.depth() == (0, 0)
