"""How S3 of the embedded cloud answers where it plays nothing, and what its refusals say."""

import http.client
import re

import pytest
from cloud import cloud, code_of, put, s3


def refusal(call, **arguments):
    with pytest.raises(Exception) as refused:
        call(**arguments)
    return refused.value.response["Error"]


def test_what_a_bucket_that_was_just_made_says(s3):
    put(s3, "k")
    acl = s3.get_bucket_acl(Bucket="videos")
    assert [g["Permission"] for g in acl["Grants"]] == ["FULL_CONTROL"] and acl["Grants"][0]["Grantee"]["ID"] == acl["Owner"]["ID"]
    assert s3.get_object_acl(Bucket="videos", Key="k")["Grants"] == acl["Grants"]
    assert code_of(s3.get_object_acl, Bucket="videos", Key="other") == "NoSuchKey"
    s3.put_object_acl(Bucket="videos", Key="k", AccessControlPolicy={"Grants": acl["Grants"], "Owner": acl["Owner"]})
    s3.put_bucket_acl(Bucket="videos", ACL="private")
    everybody = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "Permission": "READ"}
    for wrong in ({"ACL": "public-read"}, {"AccessControlPolicy": {"Grants": [*acl["Grants"], everybody], "Owner": acl["Owner"]}}):
        assert code_of(s3.put_bucket_acl, Bucket="videos", **wrong) == "AccessControlListNotSupported"
    rule, = s3.get_bucket_encryption(Bucket="videos")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(s3.get_public_access_block(Bucket="videos")["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3.get_bucket_ownership_controls(Bucket="videos")["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_request_payment(Bucket="videos")["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="videos")
    for call, code in ((s3.get_bucket_policy, "NoSuchBucketPolicy"),
                       (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
                       (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
                       (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
                       (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError")):
        assert code_of(call, Bucket="videos") == code
        assert code_of(call, Bucket="nowhere") == "NoSuchBucket"
    s3.delete_bucket_lifecycle(Bucket="videos")
    s3.delete_bucket_policy(Bucket="videos")


def test_each_object_is_its_only_version(s3):
    for key in ("a/1", "a/2", "b"):
        put(s3, key)
    page = s3.list_object_versions(Bucket="videos", Delimiter="/", MaxKeys=1)
    assert [p["Prefix"] for p in page["CommonPrefixes"]] == ["a/"] and page["IsTruncated"]
    page = s3.list_object_versions(Bucket="videos", Delimiter="/", KeyMarker=page["NextKeyMarker"])
    version, = page["Versions"]
    assert (version["Key"], version["VersionId"], version["IsLatest"]) == ("b", "null", True) and not page["IsTruncated"]
    assert s3.get_object(Bucket="videos", Key="b", VersionId="null")["Body"].read() == b"x"
    assert code_of(s3.get_object, Bucket="videos", Key="b", VersionId="other") == "InvalidArgument"
    versions = s3.list_object_versions(Bucket="videos")["Versions"]
    done = s3.delete_objects(Bucket="videos", Delete={"Objects": [{k: v[k] for k in ("Key", "VersionId")} for v in versions]})
    assert len(done["Deleted"]) == 3
    s3.delete_bucket(Bucket="videos")


@pytest.mark.parametrize("options, code", [
    ({"ACL": "private"}, None), ({"ACL": "bucket-owner-full-control"}, None),
    ({"ACL": "public-read"}, "AccessControlListNotSupported"), ({"ACL": "everybody"}, "InvalidArgument"),
    ({"GrantRead": "id=1"}, "AccessControlListNotSupported"),
    ({"ServerSideEncryption": "AES256"}, None), ({"ServerSideEncryption": "aws:kms"}, "NotImplemented"),
    ({"ServerSideEncryption": "rot13"}, "InvalidEncryptionAlgorithmError"),
    ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}, "NotImplemented"),
    ({"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2040-01-01"}, "InvalidRequest"),
    ({"StorageClass": "STANDARD_IA"}, None), ({"StorageClass": "GLACIER"}, "NotImplemented"),
    ({"StorageClass": "BRONZE"}, "InvalidStorageClass"),
    ({"ExpectedBucketOwner": "123456789012"}, None), ({"ExpectedBucketOwner": "999999999999"}, "AccessDenied")])
def test_what_a_put_may_ask_for(s3, options, code):
    try:
        put(s3, "k", **options)
        got = None
    except Exception as e:
        got = e.response["Error"]["Code"]
    assert got == code
    assert s3.list_objects_v2(Bucket="videos")["KeyCount"] == (0 if code else 1)


def test_refusals_name_what_they_are_about(s3):
    put(s3, "k")
    assert refusal(s3.get_object, Bucket="videos", Key="a&b")["Key"] == "a&b"
    assert refusal(s3.list_objects_v2, Bucket="nowhere")["BucketName"] == "nowhere"
    assert refusal(s3.delete_bucket, Bucket="videos")["BucketName"] == "videos"
    assert refusal(s3.list_parts, Bucket="videos", Key="k", UploadId="x")["UploadId"] == "x"
    assert refusal(s3.put_object, Bucket="videos", Key="k", IfNoneMatch="*")["Condition"] == "If-None-Match"
    assert code_of(s3.create_bucket, Bucket="192.168.5.4") == "InvalidBucketName"


def test_buckets_are_listed_by_pages(s3):
    for name in ("films", "video-1", "video-2"):
        s3.create_bucket(Bucket=name)
    first = s3.list_buckets(Prefix="video", MaxBuckets=2)
    assert [b["Name"] for b in first["Buckets"]] == ["video-1", "video-2"] and first["Prefix"] == "video"
    assert first["Buckets"][0]["BucketRegion"] == "us-east-1"
    rest = s3.list_buckets(Prefix="video", MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
    assert [b["Name"] for b in rest["Buckets"]] == ["videos"] and "ContinuationToken" not in rest
    assert code_of(s3.list_buckets, MaxBuckets=10001) == "InvalidArgument"


@pytest.mark.parametrize("call, options, code", [
    ("put_object", {"IfNoneMatch": '"other"'}, "NotImplemented"),
    ("put_object", {"ChecksumCRC32": "AAAAAA==", "ChecksumCRC32C": "AAAAAA=="}, "InvalidRequest"),
    ("put_object", {"WebsiteRedirectLocation": "ftp://a"}, "InvalidRedirectLocation"),
    ("put_object", {"Tagging": "a=1&a=2"}, "InvalidArgument"), ("put_object", {"Tagging": "a=%3C"}, "InvalidTag"),
    ("put_object", {"Tagging": "%C3%BC=" + "%C3%BC" * 256}, None),
    ("copy_object", {"CopySource": "videos/k", "MetadataDirective": "MERGE"}, "InvalidArgument"),
    ("copy_object", {"CopySource": "videos/k", "ExpectedSourceBucketOwner": "999999999999"}, "AccessDenied")])
def test_what_calls_are_refused_for(s3, call, options, code):
    put(s3, "k")
    try:
        getattr(s3, call)(Bucket="videos", Key="other", **options)
        got = None
    except Exception as e:
        got = e.response["Error"]["Code"]
    assert got == code


def test_a_put_says_how_long_it_is(cloud, s3):
    link = s3.generate_presigned_url("put_object", {"Bucket": "videos", "Key": "k"})
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    connection.request("PUT", link[len(cloud.url):], body=iter([b"movie"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})
    reply = connection.getresponse()
    assert reply.status == 411 and re.search(b"<Code>MissingContentLength</Code>", reply.read())
    connection.close()


def test_a_date_header_is_enough(cloud, s3):
    botocore = pytest.importorskip("botocore.auth", reason="needs: boto3")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    import urllib.request
    keys = cloud.keys
    for maker in (botocore.HmacV1Auth, botocore.S3SigV4Auth):
        credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
        request = AWSRequest("PUT", cloud.url + "/videos/k%20%2B", data=b"movie", headers={"x-amz-meta-b": "2", "x-amz-meta-a": "1"})
        if maker is botocore.HmacV1Auth:
            maker(credentials).add_auth(request)
        else:
            signer = maker(credentials, "s3", "us-east-1")
            request.headers["Date"] = "now"  # has botocore leave out X-Amz-Date
            request.context["payload_signing_enabled"] = False
            signer.add_auth(request)
            assert "X-Amz-Date" not in request.headers
        headers = {k: v if isinstance(v, str) else v.decode() for k, v in request.headers.items()}
        with urllib.request.urlopen(urllib.request.Request(request.url, b"movie", {"Content-Type": "", **headers},
                                                           method="PUT")) as reply:
            assert reply.status == 200
        assert s3.head_object(Bucket="videos", Key="k +")["Metadata"] == {"a": "1", "b": "2"}
