"""S3 of the embedded cloud: objects that consist of the parts they were completed from."""

import base64
import hashlib
import os
import threading
import zlib

import pytest
from cloud import Cloud, code_of
from conftest import wait_for

MIB = 1 << 20
BODIES = {2: os.urandom(5 * MIB), 3: os.urandom(5 * MIB + 7), 7: b"the tail"}
WHOLE = b"".join(BODIES.values())
FIRST = len(BODIES[2])


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start()


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="films")
    return client


def begin(s3, key, bodies, **options):
    """An upload all of whose parts are there: what completes it."""
    ids = {"Bucket": "films", "Key": key}
    ids["UploadId"] = s3.create_multipart_upload(**ids, **options)["UploadId"]
    parts = [{"PartNumber": n, "ETag": s3.upload_part(**ids, PartNumber=n, Body=body)["ETag"]} for n, body in bodies.items()]
    return {**ids, "MultipartUpload": {"Parts": parts}}


def join(s3, key="film", bodies=BODIES, **options):
    return s3.complete_multipart_upload(**begin(s3, key, bodies, **options))


def get(s3, key="film", **options):
    return s3.get_object(Bucket="films", Key=key, **options)


def body(s3, key="film", **options):
    return get(s3, key, **options)["Body"].read()


def files(cloud):
    return sorted(p.name for p in (cloud.state / "s3").iterdir())


def test_ranges_over_parts(s3):
    join(s3)
    end = len(WHOLE) - 1
    for first, last in [(0, 0), (0, FIRST - 1), (FIRST - 1, FIRST), (FIRST, FIRST), (FIRST - 3, end - 1), (1, 2 * FIRST + 6),
                        (2 * FIRST + 7, end), (end, end + 6)]:
        got = get(s3, Range=f"bytes={first}-{last}")
        assert got["Body"].read() == WHOLE[first:last + 1], (first, last)
        assert got["ContentRange"] == f"bytes {first}-{min(last, end)}/{len(WHOLE)}"


def test_parts_are_read_one_by_one(s3):
    join(s3)
    at = 0
    for number, part in BODIES.items():
        for call in s3.get_object, s3.head_object:
            got = call(Bucket="films", Key="film", PartNumber=number)
            assert (got["ContentLength"], got["PartsCount"]) == (len(part), 3)
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
            headers = got["ResponseMetadata"]["HTTPHeaders"]
            assert headers["content-range"] == f"bytes {at}-{at + len(part) - 1}/{len(WHOLE)}"
            if call == s3.get_object:
                assert got["Body"].read() == part
        at += len(part)
    assert code_of(s3.get_object, Bucket="films", Key="film", PartNumber=1) == "InvalidPartNumber"
    assert code_of(s3.get_object, Bucket="films", Key="film", PartNumber=2, Range="bytes=0-1") == "InvalidRequest"
    s3.put_object(Bucket="films", Key="plain", Body=b"plain")
    got = get(s3, "plain", PartNumber=1)
    assert "PartsCount" not in got and got["ContentRange"] == "bytes 0-4/5" and got["Body"].read() == b"plain"
    assert code_of(s3.get_object, Bucket="films", Key="plain", PartNumber=2) == "InvalidPartNumber"


def test_parts_are_told(s3):
    def told(**options):
        return s3.get_object_attributes(Bucket="films", Key="film", ObjectAttributes=["ObjectParts"], **options)["ObjectParts"]
    join(s3, ChecksumAlgorithm="CRC32")
    parts = told()
    assert parts["TotalPartsCount"] == 3 and not parts["IsTruncated"]
    assert [(p["PartNumber"], p["Size"], p["ChecksumCRC32"]) for p in parts["Parts"]] == [
        (n, len(b), base64.b64encode(zlib.crc32(b).to_bytes(4, "big")).decode()) for n, b in BODIES.items()]
    parts = told(MaxParts=1, PartNumberMarker=2)
    assert [p["PartNumber"] for p in parts["Parts"]] == [3] and parts["IsTruncated"] and parts["NextPartNumberMarker"] == 3


def test_copies_of_an_object_of_parts(s3):
    join(s3)
    source = {"Bucket": "films", "Key": "film"}
    s3.copy_object(Bucket="films", Key="copy", CopySource=source)
    ids = {"Bucket": "films", "Key": "again"}
    ids["UploadId"] = s3.create_multipart_upload(**ids)["UploadId"]
    part = s3.upload_part_copy(**ids, PartNumber=1, CopySource=source, CopySourceRange=f"bytes={FIRST - 2}-{FIRST + 2}")
    s3.complete_multipart_upload(**ids, MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]})
    s3.delete_object(**source)
    assert body(s3, "copy") == WHOLE and body(s3, "again") == WHOLE[FIRST - 2:FIRST + 3]
    assert s3.head_object(Bucket="films", Key="copy")["ETag"] == f'"{hashlib.md5(WHOLE).hexdigest()}"'


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME"])
def test_a_checksum_of_the_whole_needs_no_second_look(s3, cloud, algorithm):
    field = "Checksum" + algorithm
    s3 = cloud.client("s3", request_checksum_calculation="when_required")
    done = join(s3, ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    copy = s3.copy_object(Bucket="films", Key="copy", CopySource={"Bucket": "films", "Key": "film"})["CopyObjectResult"]
    assert done[field] == copy[field] and done["ChecksumType"] == "FULL_OBJECT", "a copy reads all of it"


def test_a_part_has_the_checksum_of_its_upload(s3):
    ids = {"Bucket": "films", "Key": "film"}
    ids["UploadId"] = s3.create_multipart_upload(**ids, ChecksumAlgorithm="SHA256")["UploadId"]
    with pytest.raises(s3.exceptions.ClientError, match="expected checksum Type: sha256, actual checksum Type: crc32"):
        s3.upload_part(**ids, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")


def test_files_go_with_their_object(s3, cloud):
    stays = begin(s3, "film", {**BODIES, 9: b"not wanted"})
    stays["MultipartUpload"]["Parts"].pop()
    s3.complete_multipart_upload(**stays)
    wait_for(lambda: len(files(cloud)) == 3, "the part that was not wanted to go")
    assert code_of(s3.abort_multipart_upload, **{k: stays[k] for k in ("Bucket", "Key", "UploadId")}) == "NoSuchUpload"
    cloud.program.kill()
    cloud.start()
    assert body(s3) == WHOLE, "the start has kept the files of parts"
    join(s3)
    wait_for(lambda: len(files(cloud)) == 3, "those of the one before to go")
    s3.put_object(Bucket="films", Key="film", Body=b"plain")
    wait_for(lambda: len(files(cloud)) == 1, "those of the parts to go")
    join(s3, "other")
    s3.delete_object(Bucket="films", Key="other")
    wait_for(lambda: len(files(cloud)) == 1, "those of the deleted one to go")


@pytest.mark.parametrize("reset", [False, True])
def test_who_reads_an_object_has_all_of_it(s3, cloud, reset):
    bodies = {n: os.urandom(6 * MIB) for n in (1, 2, 3)}
    join(s3, bodies=bodies)
    readers = [get(s3)["Body"] for _ in range(2)]
    begun = [r.read(1) for r in readers]
    if reset:
        assert cloud.programs.call("windlass", "local", "reset", env=cloud.environment).returncode == 0
    else:
        s3.delete_object(Bucket="films", Key="film")
    assert code_of(get, s3=s3) == ("NoSuchBucket" if reset else "NoSuchKey")
    for first, reader in zip(begun, readers):
        assert first + reader.read() == b"".join(bodies.values())
    wait_for(lambda: not files(cloud), "the files to go once they were read")


def test_a_crash_leaves_the_upload_or_the_object(cloud, s3):
    """Killed while uploads are completed: what was acknowledged is an object, the rest can be completed."""
    bodies = {1: os.urandom(5 * MIB), 2: b"tail"}
    ready = [begin(s3, f"k{i}", bodies) for i in range(12)]
    for half in (ready[:6], ready[6:]):
        done, killer = [], threading.Event()

        def complete(half=half, done=done, killer=killer):
            for one in half:
                try:
                    s3.complete_multipart_upload(**one)
                except Exception:
                    return
                done.append(one["Key"])
                killer.set()
        thread = threading.Thread(target=complete)
        thread.start()
        assert killer.wait(20)
        cloud.program.kill()
        thread.join()
        cloud.start()
        for one in half:
            if code_of_or_none(s3.complete_multipart_upload, one) is None:
                assert one["Key"] not in done
            assert body(s3, one["Key"]) == b"".join(bodies.values())
    assert len(files(cloud)) == 2 * len(ready)


def code_of_or_none(call, arguments):
    try:
        call(**arguments)
    except Exception as e:
        assert e.response["Error"]["Code"] == "NoSuchUpload", repr(e)
        return "NoSuchUpload"
    return None


def test_a_snapshot_has_the_parts(cloud, s3, programs, tmp_path):
    join(s3)
    done = cloud.programs.call("windlass", "local", "snapshot", tmp_path / "snapshot", env=cloud.environment)
    assert done.returncode == 0, done.stderr
    s3.delete_object(Bucket="films", Key="film")
    other = Cloud(programs, tmp_path / "other")
    other.state.parent.mkdir()
    other.start("--from", tmp_path / "snapshot")
    assert body(other.client("s3")) == WHOLE
