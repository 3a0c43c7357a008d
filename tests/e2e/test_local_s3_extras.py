"""S3 of the embedded cloud past objects themselves: copies into parts, tags, events, attributes, names in the host."""

import hashlib
import json
import os
import socket
import urllib.parse

import pytest
from cloud import cloud, code_of, put, s3

MIB = 1 << 20


def outcome(call, *arguments, **named):
    """None where it is done; else the code it is refused with."""
    try:
        call(*arguments, **named)
    except Exception as e:
        assert hasattr(e, "response"), repr(e)
        return e.response["Error"]["Code"]
    return None


def tags(**pairs):
    return {"TagSet": [{"Key": k, "Value": v} for k, v in pairs.items()]}


def tags_of(s3, key):
    return {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket="videos", Key=key)["TagSet"]}


# ---- copies ----

def test_parts_are_copied_from_objects(s3):
    source = os.urandom(12 * MIB)
    put(s3, "source", source)
    upload = s3.create_multipart_upload(Bucket="videos", Key="joined", ChecksumAlgorithm="CRC32C")["UploadId"]
    ranges = [(0, 5 * MIB - 1), (5 * MIB, 11 * MIB - 1), (11 * MIB, 12 * MIB - 1)]
    parts = []
    for number, (first, last) in enumerate(ranges, 1):
        got = s3.upload_part_copy(Bucket="videos", Key="joined", UploadId=upload, PartNumber=number,
                                  CopySource="videos/source", CopySourceRange=f"bytes={first}-{last}")["CopyPartResult"]
        assert got["ETag"] == f'"{hashlib.md5(source[first:last + 1]).hexdigest()}"' and got["ChecksumCRC32C"]
        parts.append({"PartNumber": number, "ETag": got["ETag"], "ChecksumCRC32C": got["ChecksumCRC32C"]})
    listed = s3.list_parts(Bucket="videos", Key="joined", UploadId=upload)["Parts"]
    assert [p["Size"] for p in listed] == [5 * MIB, 6 * MIB, MIB]
    done = s3.complete_multipart_upload(Bucket="videos", Key="joined", UploadId=upload, MultipartUpload={"Parts": parts})
    assert done["ETag"].endswith('-3"') and done["ChecksumCRC32C"].endswith("-3")
    assert s3.get_object(Bucket="videos", Key="joined")["Body"].read() == source


@pytest.mark.parametrize("ranges, code", [
    ("bytes=0-10", "InvalidArgument"),  # past its end
    ("bytes=0-", "InvalidArgument"), ("bytes=-5", "InvalidArgument"), ("bytes=3-2", "InvalidArgument"),
    ("0-3", "InvalidArgument"), ("bytes=0-3,5-6", "InvalidArgument"), ("bytes=0-9", None)])
def test_ranges_of_a_copied_part(s3, ranges, code):
    put(s3, "ten", b"0123456789")
    upload = s3.create_multipart_upload(Bucket="videos", Key="k")["UploadId"]
    assert outcome(s3.upload_part_copy, Bucket="videos", Key="k", UploadId=upload, PartNumber=1, CopySource="videos/ten",
                   CopySourceRange=ranges) == code


def test_what_a_copy_is_refused_for(s3):
    etag = put(s3, "a", b"one")["ETag"]

    def copied(key="b", source="videos/a", **more):
        return outcome(s3.copy_object, Bucket="videos", Key=key, CopySource=source, **more)
    assert copied(source="videos/none") == "NoSuchKey"
    assert copied(source="nowhere/a") == "NoSuchBucket"
    assert copied(source="videos") == "InvalidArgument"
    assert copied(key="a") == "InvalidRequest"
    assert copied(key="a", MetadataDirective="REPLACE", Metadata={"n": "1"}) is None
    assert copied(CopySourceIfMatch="other") == "PreconditionFailed"
    assert copied(CopySourceIfNoneMatch=etag) == "PreconditionFailed"
    assert copied(CopySourceIfUnmodifiedSince="2000-01-01") == "PreconditionFailed"
    assert copied(CopySourceIfMatch=etag, ChecksumAlgorithm="SHA256") is None
    assert s3.head_object(Bucket="videos", Key="b", ChecksumMode="ENABLED")["ChecksumSHA256"]


# ---- tags ----

def test_tags_of_objects(s3):
    put(s3, "k", Tagging="a=1&b=two%20words")
    assert tags_of(s3, "k") == {"a": "1", "b": "two words"}
    assert s3.get_object(Bucket="videos", Key="k")["TagCount"] == 2
    s3.copy_object(Bucket="videos", Key="copy", CopySource="videos/k")
    assert tags_of(s3, "copy") == {"a": "1", "b": "two words"}
    s3.copy_object(Bucket="videos", Key="other", CopySource="videos/k", TaggingDirective="REPLACE", Tagging="c=3")
    assert tags_of(s3, "other") == {"c": "3"}
    s3.put_object_tagging(Bucket="videos", Key="k", Tagging=tags(x="9"))
    assert tags_of(s3, "k") == {"x": "9"}
    put(s3, "k")  # a new object has none
    assert tags_of(s3, "k") == {} and "TagCount" not in s3.get_object(Bucket="videos", Key="k")
    s3.delete_object_tagging(Bucket="videos", Key="copy")
    assert tags_of(s3, "copy") == {}
    upload = s3.create_multipart_upload(Bucket="videos", Key="parts", Tagging="m=1")["UploadId"]
    part = s3.upload_part(Bucket="videos", Key="parts", UploadId=upload, PartNumber=1, Body=b"p")
    s3.complete_multipart_upload(Bucket="videos", Key="parts", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert tags_of(s3, "parts") == {"m": "1"}
    assert code_of(s3.get_object_tagging, Bucket="videos", Key="none") == "NoSuchKey"


@pytest.mark.parametrize("given, code", [
    ({f"k{i}": "v" for i in range(11)}, "BadRequest"), ({f"k{i}": "v" for i in range(10)}, None),
    ({"k" * 129: "v"}, "InvalidTag"), ({"k": "v" * 257}, "InvalidTag"), ({"aws:k": "v"}, "InvalidTag"), ({"k": ""}, None)])
def test_what_tags_may_be(s3, given, code):
    put(s3, "k")
    assert outcome(s3.put_object_tagging, Bucket="videos", Key="k", Tagging=tags(**given)) == code


def test_tags_of_buckets(s3):
    assert code_of(s3.get_bucket_tagging, Bucket="videos") == "NoSuchTagSet"
    s3.put_bucket_tagging(Bucket="videos", Tagging=tags(team="media"))
    assert s3.get_bucket_tagging(Bucket="videos")["TagSet"] == [{"Key": "team", "Value": "media"}]
    s3.delete_bucket_tagging(Bucket="videos")
    assert code_of(s3.get_bucket_tagging, Bucket="videos") == "NoSuchTagSet"
    s3.put_bucket_tagging(Bucket="videos", Tagging=tags(team="media"))
    s3.delete_bucket(Bucket="videos")
    s3.create_bucket(Bucket="videos")
    assert code_of(s3.get_bucket_tagging, Bucket="videos") == "NoSuchTagSet"


# ---- events ----

@pytest.fixture
def told(cloud):
    """A queue, its ARN, and what came to it since it was last looked at."""
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def take():
        found = []
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(m["Body"]) for m in got]
            for m in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
        return found
    take.arn, take.sqs, take.url = arn, sqs, url
    return take


def notify(s3, *configurations):
    s3.put_bucket_notification_configuration(Bucket="videos",
                                             NotificationConfiguration={"QueueConfigurations": list(configurations)})


def of(told, *events, **rules):
    return {"QueueArn": told.arn, "Events": list(events), "Id": "+".join(rules.values()) or "all",
            "Filter": {"Key": {"FilterRules": [{"Name": n, "Value": v} for n, v in rules.items()]}}}


def test_events_reach_their_queue(s3, told, cloud):
    notify(s3, of(told, "s3:ObjectCreated:*", "s3:ObjectRemoved:*"))
    test, = told()
    assert test["Event"] == "s3:TestEvent" and test["Bucket"] == "videos" and test["Service"] == "Amazon S3"
    etag = put(s3, "in/a b+ü.mp4", b"movie")["ETag"].strip('"')
    s3.copy_object(Bucket="videos", Key="copy", CopySource={"Bucket": "videos", "Key": "in/a b+ü.mp4"})
    upload = s3.create_multipart_upload(Bucket="videos", Key="parts")["UploadId"]
    part = s3.upload_part(Bucket="videos", Key="parts", UploadId=upload, PartNumber=1, Body=b"p")
    s3.complete_multipart_upload(Bucket="videos", Key="parts", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    s3.delete_object(Bucket="videos", Key="copy")
    s3.delete_object(Bucket="videos", Key="never there")
    s3.delete_objects(Bucket="videos", Delete={"Objects": [{"Key": "parts"}]})
    records = [r for m in told() for r in m["Records"]]
    assert [r["eventName"] for r in records] == ["ObjectCreated:Put", "ObjectCreated:Copy",
                                                 "ObjectCreated:CompleteMultipartUpload", "ObjectRemoved:Delete",
                                                 "ObjectRemoved:Delete"]
    first, removed = records[0], records[3]
    assert first["eventSource"] == "aws:s3" and first["awsRegion"] == "us-east-1" and first["eventVersion"] == "2.1"
    assert first["s3"]["bucket"]["arn"] == "arn:aws:s3:::videos" and first["s3"]["configurationId"] == "all"
    thing = first["s3"]["object"]
    assert urllib.parse.unquote_plus(thing["key"]) == "in/a b+ü.mp4" and " " not in thing["key"]
    assert thing["size"] == 5 and thing["eTag"] == etag
    assert "size" not in removed["s3"]["object"]
    order = [r["s3"]["object"]["sequencer"] for r in records]
    assert order == sorted(order) and len(set(order)) == len(order)
    cloud.program.stop()
    cloud.start()
    put(s3, "after a restart")
    assert len(told()) == 1


def test_events_by_name_and_kind(s3, told):
    notify(s3, of(told, "s3:ObjectCreated:Put", prefix="in/", suffix=".mp4"), of(told, "s3:ObjectRemoved:*", prefix="out/"))
    told()
    for key in ("in/a.mp4", "in/a.txt", "b.mp4", "out/c"):
        put(s3, key)
    for key in ("in/a.mp4", "out/c"):
        s3.delete_object(Bucket="videos", Key=key)
    assert [(r["eventName"], r["s3"]["object"]["key"]) for m in told() for r in m["Records"]] == [
        ("ObjectCreated:Put", "in/a.mp4"), ("ObjectRemoved:Delete", "out/c")]
    found = s3.get_bucket_notification_configuration(Bucket="videos")["QueueConfigurations"]
    assert [c["Filter"]["Key"]["FilterRules"] for c in found] == [
        [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".mp4"}], [{"Name": "Prefix", "Value": "out/"}]]
    notify(s3)
    put(s3, "in/b.mp4")
    assert told() == []


def test_a_queue_that_is_gone_stops_nobody(s3, told):
    notify(s3, of(told, "s3:ObjectCreated:*"))
    told.sqs.delete_queue(QueueUrl=told.url)
    assert put(s3, "k")["ETag"]


def test_a_queue_that_takes_no_message_so_long_stops_nobody(s3, told):
    notify(s3, of(told, "s3:ObjectCreated:*"))
    told()
    told.sqs.set_queue_attributes(QueueUrl=told.url, Attributes={"MaximumMessageSize": "1024"})
    put(s3, "k" * 1000)
    put(s3, "k")
    assert s3.head_object(Bucket="videos", Key="k" * 1000)["ContentLength"] == 1
    assert [r["s3"]["object"]["key"] for m in told() for r in m["Records"]] == ["k"]


@pytest.mark.parametrize("make, code", [
    (lambda t: [dict(of(t, "s3:ObjectCreated:*"), QueueArn=t.arn + "x")], "InvalidArgument"),
    (lambda t: [of(t, "s3:ObjectCreated:Made")], "InvalidArgument"),
    (lambda t: [of(t, "s3:ObjectCreated:*", size="3")], "InvalidArgument"),
    (lambda t: [of(t, "s3:ObjectCreated:*"), dict(of(t, "s3:ObjectCreated:Put"), Id="two")], "InvalidArgument"),
    (lambda t: [of(t, "s3:ObjectCreated:*", prefix="a"), of(t, "s3:ObjectCreated:Put", prefix="ab")], "InvalidArgument"),
    (lambda t: [of(t, "s3:ObjectCreated:*", prefix="a"), of(t, "s3:ObjectCreated:Put", prefix="b")], None),
    (lambda t: [of(t, "s3:ObjectCreated:*"), of(t, "s3:ObjectRemoved:*")], None)])
def test_what_notifications_may_be(s3, told, make, code):
    assert outcome(notify, s3, *make(told)) == code


# ---- the rest ----

def test_attributes(s3):
    put(s3, "k", b"hello", ChecksumAlgorithm="SHA1")
    got = s3.get_object_attributes(Bucket="videos", Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts",
                                                                              "StorageClass", "ObjectSize"])
    assert got["ETag"] == hashlib.md5(b"hello").hexdigest() and got["ObjectSize"] == 5
    assert got["StorageClass"] == "STANDARD" and got["Checksum"]["ChecksumSHA1"] == "qvTGHdzF6KLavt4PO0gs2a6pQ00="
    assert "ObjectParts" not in got
    upload = s3.create_multipart_upload(Bucket="videos", Key="p")["UploadId"]
    part = s3.upload_part(Bucket="videos", Key="p", UploadId=upload, PartNumber=3, Body=b"p")
    s3.complete_multipart_upload(Bucket="videos", Key="p", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 3, "ETag": part["ETag"]}]})
    got = s3.get_object_attributes(Bucket="videos", Key="p", ObjectAttributes=["ObjectParts"])
    assert got["ObjectParts"]["TotalPartsCount"] == 1 and "ETag" not in got
    assert code_of(s3.get_object_attributes, Bucket="videos", Key="k", ObjectAttributes=["Color"]) == "InvalidArgument"
    assert code_of(s3.get_object_attributes, Bucket="videos", Key="none", ObjectAttributes=["ETag"]) == "NoSuchKey"


def test_uploads_are_listed_by_pages(s3):
    keys = ["a/1", "a/2", "b", "b", "c ü"]
    made = sorted((k, s3.create_multipart_upload(Bucket="videos", Key=k)["UploadId"]) for k in keys)
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket="videos", PaginationConfig={"PageSize": 2}))
    assert len(pages) == 3
    assert [(u["Key"], u["UploadId"]) for p in pages for u in p["Uploads"]] == made
    got = s3.list_multipart_uploads(Bucket="videos", Delimiter="/")
    assert [p["Prefix"] for p in got["CommonPrefixes"]] == ["a/"] and [u["Key"] for u in got["Uploads"]] == ["b", "b", "c ü"]
    rolled = s3.list_multipart_uploads(Bucket="videos", Delimiter="/", MaxUploads=1)
    assert rolled["IsTruncated"] and rolled["NextKeyMarker"] == "a/" and "Uploads" not in rolled
    got = s3.list_multipart_uploads(Bucket="videos", Delimiter="/", KeyMarker="a/")
    assert "CommonPrefixes" not in got and len(got["Uploads"]) == 3
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket="videos", Prefix="a/")["Uploads"]] == ["a/1", "a/2"]


def test_deleting_on_conditions(s3):
    etag = put(s3, "k")["ETag"]
    assert code_of(s3.delete_object, Bucket="videos", Key="k", IfMatch='"other"') == "PreconditionFailed"
    assert code_of(s3.delete_object, Bucket="videos", Key="none", IfMatch="*") == "NoSuchKey"
    got = s3.delete_objects(Bucket="videos", Delete={"Quiet": True, "Objects": [
        {"Key": "k", "ETag": '"other"'}, {"Key": "none", "ETag": etag}, {"Key": "free"}]})
    assert [(e["Key"], e["Code"]) for e in got["Errors"]] == [("k", "PreconditionFailed"), ("none", "NoSuchKey")]
    assert "Deleted" not in got
    assert outcome(s3.delete_object, Bucket="videos", Key="k", IfMatch=etag) is None
    assert code_of(s3.head_object, Bucket="videos", Key="k") == "404"


@pytest.mark.parametrize("algorithm, kind, code", [
    ("CRC32", "FULL_OBJECT", None), ("CRC32C", "COMPOSITE", None), ("CRC64NVME", "COMPOSITE", "InvalidRequest"),
    ("SHA256", "FULL_OBJECT", "InvalidRequest"), ("SHA1", "COMPOSITE", None)])
def test_kinds_of_checksums(s3, algorithm, kind, code):
    assert outcome(s3.create_multipart_upload, Bucket="videos", Key="k", ChecksumAlgorithm=algorithm,
                   ChecksumType=kind) == code


def test_buckets_named_by_the_host(cloud, monkeypatch):
    boto3 = pytest.importorskip("boto3", reason="needs: boto3")
    from botocore.config import Config
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real(
        "127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more))
    s3 = boto3.client("s3", endpoint_url=f"http://s3.localhost:{cloud.port}", region_name="us-east-1",
                      config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "virtual"}), **cloud.keys)
    s3.create_bucket(Bucket="videos")
    s3.put_object(Bucket="videos", Key="a/b.mp4", Body=b"movie")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="videos")["Contents"]] == ["a/b.mp4"]
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["videos"]
    assert s3.get_object(Bucket="videos", Key="a/b.mp4")["Body"].read() == b"movie"
    path = cloud.client("s3")  # the same one by its path
    assert path.get_object(Bucket="videos", Key="a/b.mp4")["Body"].read() == b"movie"
