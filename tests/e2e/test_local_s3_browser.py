"""S3 of the embedded cloud as pages use it: forms, preflights, and links as boto3 makes them when nobody says how."""

import datetime
import hashlib
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest
from cloud import cloud, code_of, put, s3

PAGE = "https://anb.example"


def call(url, method="GET", body=None, **headers):
    """(status, headers, body) of a request made by hand."""
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments):
            return None
    request = urllib.request.Request(url, data=body, method=method,
                                     headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.build_opener(Stay).open(request) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


def form(fields, body=b"movie", name="a movie.mp4", last=""):
    lines = [f'--edge\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    head = f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: video/mp4\r\n\r\n'
    return "".join(lines).encode() + head.encode() + body + b"\r\n" + last.encode() + b"--edge--\r\n"


def post(target, fields, **options):
    return call(target["url"], "POST", form(fields, **options), Content_Type="multipart/form-data; boundary=edge")


# ---- forms ----

@pytest.mark.parametrize("version", ["s3v4", None])
def test_a_form_puts_an_object(cloud, s3, version):
    target = cloud.client("s3", signature_version=version).generate_presigned_post(
        "videos", "in/${filename}", Fields={"Content-Type": "video/mp4", "success_action_status": "201"},
        Conditions=[["starts-with", "$Content-Type", "video/"], {"success_action_status": "201"},
                    ["starts-with", "$x-amz-meta-task", ""], ["content-length-range", 1, 10]])
    body = form({**target["fields"], "x-amz-meta-task": "7", "x-ignore-me": "1"}, last='--edge\r\nContent-Disposition: '
                'form-data; name="key"\r\n\r\nsomething else\r\n')
    status, headers, text = call(target["url"], "POST", body, Content_Type="multipart/form-data; boundary=edge")
    assert status == 201 and b"<Key>in/a movie.mp4</Key>" in text
    assert headers["ETag"] == f'"{hashlib.md5(b"movie").hexdigest()}"'
    assert headers["Location"] == f"{cloud.url}/videos/in/a%20movie.mp4"
    got = s3.get_object(Bucket="videos", Key="in/a movie.mp4")
    assert got["Body"].read() == b"movie" and got["ContentType"] == "video/mp4" and got["Metadata"] == {"task": "7"}


def test_where_a_form_leads(cloud, s3):
    client = cloud.client("s3", signature_version="s3v4")
    back = PAGE + "/done?a=1"
    target = client.generate_presigned_post("videos", "k", Fields={"success_action_redirect": back},
                                            Conditions=[{"success_action_redirect": back}])
    status, headers, _ = post(target, target["fields"])
    assert status == 303 and headers["Location"].startswith(back + "&bucket=videos&key=k&etag=%22")
    assert post(client.generate_presigned_post("videos", "k"),
                client.generate_presigned_post("videos", "k")["fields"])[0] == 204
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    target = client.generate_presigned_post("videos", "k", Fields={"tagging": tags}, Conditions=[{"tagging": tags}])
    assert post(target, target["fields"])[0] == 204
    assert s3.get_object_tagging(Bucket="videos", Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]


@pytest.mark.parametrize("change, code, said", [
    (dict(key="elsewhere"), "AccessDenied", "Policy Condition failed"),
    ({"x-amz-meta-who": "me"}, "AccessDenied", "Extra input fields: x-amz-meta-who"),
    ({"Content-Type": "text/html"}, "AccessDenied", "Policy Condition failed"),
    ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch", ""),
    ({"x-amz-signature": None}, "InvalidArgument", "a field named 'x-amz-signature'"),
    ({"policy": "e30="}, "SignatureDoesNotMatch", ""),
    ({"x-amz-credential": "AKIANOBODY/20240101/us-east-1/s3/aws4_request"}, "InvalidAccessKeyId", ""),
    ({"x-amz-credential": "AKIANOBODY/us-east-1/s3/aws4_request"}, "InvalidArgument", "the Credential is mal-formed"),
    ({"key": None}, "InvalidArgument", "a field named 'key'"),
    (dict.fromkeys(("policy", "x-amz-signature", "x-amz-credential", "x-amz-date", "x-amz-algorithm")), "AccessDenied", ""),
])
def test_what_a_form_is_refused_for(cloud, s3, change, code, said):
    target = cloud.client("s3", signature_version="s3v4").generate_presigned_post(
        "videos", "k", Fields={"Content-Type": "video/mp4"}, Conditions=[["starts-with", "$Content-Type", "video/"]])
    fields = {k: v for k, v in {**target["fields"], **change}.items() if v is not None}
    _, _, text = post(target, fields)
    assert f"<Code>{code}</Code>" in text.decode() and said in text.decode()
    assert s3.list_objects_v2(Bucket="videos")["KeyCount"] == 0
    assert not list((cloud.state / "s3").iterdir())


def test_sizes_and_times_of_a_form(cloud, s3):
    client = cloud.client("s3", signature_version="s3v4")
    target = client.generate_presigned_post("videos", "k", Conditions=[["content-length-range", 2, 4]])
    assert b"<Code>EntityTooLarge</Code>" in post(target, target["fields"], body=b"12345")[2]
    assert b"<MinSizeAllowed>2</MinSizeAllowed>" in post(target, target["fields"], body=b"1")[2]
    assert post(target, target["fields"], body=b"1234")[0] == 204
    target = client.generate_presigned_post("videos", "k", ExpiresIn=-5)
    assert b"Policy expired" in post(target, target["fields"])[2]
    assert b"<Code>MalformedPOSTRequest</Code>" in call(target["url"], "POST", b"--edge\r\nnonsense", Content_Type="multipart/"
                                                        "form-data; boundary=edge")[2]
    assert call(target["url"], "POST", b"{}", Content_Type="application/json")[0] == 412
    target = client.generate_presigned_post("nowhere", "k")
    assert b"<Code>NoSuchBucket</Code>" in post(target, target["fields"])[2]


# ---- other origins ----

RULES = {"CORSRules": [
    {"ID": "page", "AllowedOrigins": ["https://*.example", "http://localhost:3000"], "AllowedMethods": ["GET", "PUT"],
     "AllowedHeaders": ["x-amz-*", "Content-Type"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60},
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]}]}


def preflight(cloud, origin, method, headers="", path="/videos/k"):
    more = {"Access-Control-Request-Headers": headers} if headers else {}
    return call(cloud.url + path, "OPTIONS", Origin=origin, Access_Control_Request_Method=method, **more)


def test_rules_are_kept_and_told(cloud, s3):
    assert code_of(s3.get_bucket_cors, Bucket="videos") == "NoSuchCORSConfiguration"
    status, _, text = preflight(cloud, PAGE, "GET")
    assert status == 403 and b"CORS is not enabled" in text
    s3.put_bucket_cors(Bucket="videos", CORSConfiguration=RULES)
    assert s3.get_bucket_cors(Bucket="videos")["CORSRules"] == RULES["CORSRules"]
    s3.delete_bucket_cors(Bucket="videos")
    assert code_of(s3.get_bucket_cors, Bucket="videos") == "NoSuchCORSConfiguration"
    assert code_of(s3.get_bucket_cors, Bucket="nowhere") == "NoSuchBucket"
    s3.put_bucket_cors(Bucket="videos", CORSConfiguration=RULES)
    s3.delete_bucket(Bucket="videos")
    s3.create_bucket(Bucket="videos")  # another one
    assert code_of(s3.get_bucket_cors, Bucket="videos") == "NoSuchCORSConfiguration"


@pytest.mark.parametrize("change, code", [
    ({"AllowedOrigins": ["http://*.a.*"]}, "InvalidRequest"), ({"AllowedMethods": ["PATCH"]}, "InvalidRequest"),
    ({"AllowedMethods": ["get"]}, "InvalidRequest"), ({"AllowedHeaders": ["a b"]}, "InvalidRequest"),
    ({"ExposeHeaders": ["x-*"]}, "InvalidRequest"), ({"AllowedOrigins": []}, "MalformedXML")])
def test_what_rules_may_be(s3, change, code):
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], **change}
    assert code_of(s3.put_bucket_cors, Bucket="videos", CORSConfiguration={"CORSRules": [rule]}) == code


def test_preflights(cloud, s3):
    s3.put_bucket_cors(Bucket="videos", CORSConfiguration=RULES)
    status, headers, _ = preflight(cloud, PAGE, "PUT", "Content-Type, X-Amz-Meta-A")
    assert status == 200 and headers["Access-Control-Allow-Origin"] == PAGE
    assert headers["Access-Control-Allow-Headers"] == "content-type, x-amz-meta-a"
    assert headers["Access-Control-Allow-Methods"] == "GET, PUT" and headers["Access-Control-Max-Age"] == "60"
    assert headers["Access-Control-Expose-Headers"] == "ETag" and headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in headers["Vary"]
    status, headers, _ = preflight(cloud, "http://other", "HEAD")
    assert status == 200 and headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in headers
    for origin, method, wanted in (("http://other", "PUT", ""), (PAGE, "DELETE", ""), (PAGE, "PUT", "x-other"),
                                   ("https://example", "GET", ""), (PAGE + ".evil", "GET", "")):
        status, headers, text = preflight(cloud, origin, method, wanted)
        assert status == 403 and b"<Code>AccessForbidden</Code>" in text, (origin, method)
        assert "Access-Control-Allow-Origin" not in headers
    assert preflight(cloud, PAGE, "PATCH")[0] == 400
    assert call(cloud.url + "/videos/k", "OPTIONS")[0] == 400
    assert preflight(cloud, PAGE, "GET", path="/nowhere/k")[0] == 404


def test_answers_to_a_page(cloud, s3):
    s3.put_bucket_cors(Bucket="videos", CORSConfiguration=RULES)
    put(s3, "k")
    link = s3.generate_presigned_url("get_object", {"Bucket": "videos", "Key": "k"})
    status, headers, _ = call(link, Origin=PAGE)
    assert status == 200 and headers["Access-Control-Allow-Origin"] == PAGE
    status, headers, _ = call(link.replace("/k?", "/other?"), Origin=PAGE)
    assert status == 403 and headers["Access-Control-Allow-Origin"] == PAGE  # so that the page can read why
    assert "Access-Control-Allow-Origin" not in call(link, Origin="http://other")[1]
    assert "Access-Control-Allow-Origin" not in call(link)[1]


# ---- links ----

def test_links_that_boto3_makes_by_itself(cloud, s3):
    """Of us-east-1 they are signed by Version 2."""
    link = s3.generate_presigned_url("put_object", {"Bucket": "videos", "Key": "a b+ü", "ContentType": "video/mp4",
                                                    "Metadata": {"task": "7"}})
    assert "AWSAccessKeyId=" in link
    assert call(link, "PUT", b"movie", Content_Type="video/mp4")[0] == 200
    assert call(link, "PUT", b"movie", Content_Type="text/html")[0] == 403
    link = s3.generate_presigned_url("get_object", {"Bucket": "videos", "Key": "a b+ü", "ResponseContentType": "text/plain"})
    status, headers, body = call(link)
    assert status == 200 and body == b"movie" and headers["Content-Type"] == "text/plain"
    assert headers["x-amz-meta-task"] == "7"  # it stood in the first link only
    for wrong in (link.replace("text%2Fplain", "text%2Fhtml"), link.replace("Expires=", "Expires=1"), link + "&acl"):
        status, _, text = call(wrong)
        assert status == 403 and b"SignatureDoesNotMatch" in text, wrong
    late = s3.generate_presigned_url("get_object", {"Bucket": "videos", "Key": "a b+ü"}, ExpiresIn=-1)
    assert b"Request has expired" in call(late)[2]


def test_links_whose_headers_stand_in_them(cloud, s3):
    """As the JavaScript SDK makes them."""
    botocore = pytest.importorskip("botocore.auth", reason="needs: boto3")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    keys = cloud.keys
    request = AWSRequest("PUT", cloud.url + "/videos/k", params={"x-amz-meta-task": "7", "x-amz-tagging": "a=b"})
    botocore.S3SigV4QueryAuth(Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"]), "s3", "us-east-1",
                              60).add_auth(request)
    assert call(request.prepare().url, "PUT", b"movie")[0] == 200
    assert s3.head_object(Bucket="videos", Key="k")["Metadata"] == {"task": "7"}
    assert s3.get_object_tagging(Bucket="videos", Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
