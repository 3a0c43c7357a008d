"""Our client against servers that we did not write: moto plays AWS, and some play broken ones.

What the embedded cloud plays as well runs against both, so that the two cannot agree on a mistake.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import socket
import socketserver
import ssl
import sys
import threading
import urllib.request

import pytest
from cloud import Cloud
from conftest import BUILD, SRC, free_port, wait_for

sys.path.insert(0, str(SRC / "tests" / "lib"))
import realm  # noqa: E402


@pytest.fixture
def drive(programs, keys):
    """drive(verb, arguments…): one call of our client; the answer, or with fails=… the error of that kind."""
    def run(verb, *arguments, fails=None, env=None):
        done = programs.call(str(BUILD / "tests" / "lib" / "aws_drive"), verb, *arguments, env={**keys, **run.env, **(env or {})})
        assert done.returncode == (1 if fails else 0), (done.stdout, done.stderr)
        answer = json.loads(done.stdout)
        assert not fails or answer["kind"] == fails, answer
        return answer
    run.env = {}
    return run


@pytest.fixture
def moto_only(drive, moto, client_of):
    drive.env["AWS_ENDPOINT_URL"] = moto
    drive.client = lambda service: client_of(moto, service)
    return drive


@pytest.fixture(params=["moto", "embedded"])
def aws(request, moto_server, drive, programs, tmp_path):
    if request.param == "moto":
        return request.getfixturevalue("moto_only")
    cloud = Cloud(programs, tmp_path).start()
    drive.env.update(AWS_ENDPOINT_URL=cloud.url, AWS_ACCESS_KEY_ID=cloud.keys["aws_access_key_id"],
                     AWS_SECRET_ACCESS_KEY=cloud.keys["aws_secret_access_key"])
    drive.client = cloud.client
    return drive


def test_queues(aws):
    dead = aws("sqs-create", "jobs-dlq")["url"]
    arn = aws("sqs-attributes", dead)["arn"]
    url = aws("sqs-create", "jobs", 300, arn, 3)["url"]
    assert aws("sqs-url", "jobs")["url"] == url
    got = aws("sqs-attributes", url)
    assert (got["visibility"], got["max_receive_count"], got["dead_letter_arn"]) == (300, 3, arn)
    aws("sqs-set", url, 60)
    assert aws("sqs-attributes", url)["visibility"] == 60
    listed = aws.client("sqs").list_queues(QueueNamePrefix="jobs")["QueueUrls"]
    assert sorted(listed) == sorted([url, dead])
    assert sorted(aws("sqs-list", "jobs", 10)["urls"]) == sorted([url, dead])
    aws("sqs-delete-queue", dead)
    error = aws("sqs-url", "jobs-dlq", fails="not_found")
    assert error["code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert error["error"].startswith("SQS GetQueueUrl: 400 AWS.SimpleQueueService.NonExistentQueue: ")


def test_messages(aws):
    url = aws("sqs-create", "q")["url"]
    body = '{"video_id":"v1","path":"s3://b/ü"}'
    aws("sqs-send", url, body, "trace", "x y")
    assert all(i["ok"] for i in aws("sqs-send-batch", url, "a", "b", "c")["items"])
    assert aws("sqs-depth", url) == {"visible": 4, "in_flight": 0, "delayed": 0}
    got = aws("sqs-receive", url, 10, 0, 300)["messages"]
    assert sorted(m["body"] for m in got) == sorted([body, "a", "b", "c"])
    first = next(m for m in got if m["body"] == body)
    assert first["attributes"] == {"trace": "x y"}
    assert first["receive_count"] == 1 and first["timed"]
    assert aws("sqs-depth", url)["in_flight"] == 4
    aws("sqs-visibility", url, first["receipt"], 100)
    rest = [m["receipt"] for m in got if m is not first]
    assert [i["ok"] for i in aws("sqs-visibility-batch", url, 200, *rest)["items"]] == [True] * 3
    aws("sqs-delete", url, first["receipt"])
    assert [i["ok"] for i in aws("sqs-delete-batch", url, *rest)["items"]] == [True] * 3
    assert aws("sqs-receive", url, 10, 1)["messages"] == []
    aws("sqs-send", url, "x")
    aws("sqs-purge", url)
    assert aws("sqs-depth", url)["visible"] == 0


@pytest.fixture
def group(moto_only):
    aws = moto_only
    ec2 = aws.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.create_launch_template(LaunchTemplateName="tmpl", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.micro"})
    aws("asg-create", "g", "tmpl", "us-east-1a,us-east-1b", 1, 4, 2)
    return "g"


def test_groups(moto_only, group):
    aws = moto_only
    seen = aws("asg-groups", group, "nobody")["groups"]
    assert [(g["name"], g["min"], g["max"], g["desired"]) for g in seen] == [("g", 1, 4, 2)]
    ids = [i["id"] for i in seen[0]["instances"]]
    assert len(ids) == 2 and {i["state"] for i in seen[0]["instances"]} == {"InService"}
    aws("asg-desired", group, 3)
    assert aws.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"][0]["DesiredCapacity"] == 3
    aws("asg-protect", group, 1, *ids)
    after = aws("asg-groups", group)["groups"][0]
    assert sum(i["protected"] for i in after["instances"]) == 2
    assert [i["group"] for i in aws("asg-instances", ids[0])["instances"]] == ["g"]
    aws("asg-terminate", ids[0], 1)
    assert aws("asg-groups", group)["groups"][0]["desired"] == 2
    aws("asg-update", group, 0, 9, 5)
    again = aws("asg-groups", group)["groups"][0]
    assert (again["min"], again["max"], again["desired"]) == (0, 9, 5)
    aws("asg-delete", group)
    assert aws("asg-groups", group)["groups"] == []


def test_hooks(moto_only, group):
    aws = moto_only
    aws("asg-put-hook", group, "drain")
    assert aws("asg-hooks", group)["hooks"] == [
        {"name": "drain", "transition": "autoscaling:EC2_INSTANCE_TERMINATING", "heartbeat": 300}]


def test_what_else_moves_a_group(moto_only, group):
    asg = moto_only.client("autoscaling")
    for i in range(3):
        asg.put_scaling_policy(AutoScalingGroupName=group, PolicyName=f"steps-{i}", PolicyType="SimpleScaling",
                               AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)
    asg.put_scheduled_update_group_action(AutoScalingGroupName=group, ScheduledActionName="mornings",
                                          Recurrence="0 8 * * *", MinSize=0, MaxSize=4, DesiredCapacity=2)
    assert moto_only("asg-policies", group)["rules"] == [[f"steps-{i}", "SimpleScaling"] for i in range(3)]
    assert moto_only("asg-scheduled", group)["rules"] == [["mornings", "ScheduledAction"]]
    assert all(word in ("Successful", "InProgress") for word in moto_only("asg-activities", group)["activities"])


def test_a_warm_pool_and_standby_are_told(moto_only, group):
    asg = moto_only.client("autoscaling")
    asg.put_warm_pool(AutoScalingGroupName=group, MinSize=1)
    first = asg.describe_auto_scaling_instances()["AutoScalingInstances"][0]["InstanceId"]
    asg.enter_standby(AutoScalingGroupName=group, InstanceIds=[first], ShouldDecrementDesiredCapacity=True)
    seen = moto_only("asg-groups", group)["groups"][0]
    assert {i["id"]: i["state"] for i in seen["instances"]}[first] == "Standby"
    assert seen["warm_pool"] == asg.describe_auto_scaling_groups()["AutoScalingGroups"][0].get("WarmPoolSize", 0)


def test_dead_letter_sources_and_queues_in_pages(moto_only):
    aws = moto_only
    dead = aws("sqs-create", "dead")["url"]
    arn = aws("sqs-attributes", dead)["arn"]
    mains = sorted(aws("sqs-create", f"main-{i}", 30, arn, 3)["url"] for i in range(5))
    assert sorted(aws("sqs-sources", dead)["urls"]) == mains
    urls, token = [], None
    while token is not None or not urls:
        page = aws("sqs-list", "main-", 2, *([token] if token else []))
        urls += page["urls"]
        token = page.get("next")
    assert sorted(urls) == mains


def test_roles_are_taken(moto_only):
    taken = moto_only("sts-assume", "arn:aws:iam::222222222222:role/reader", "windlass-1", 900, "door-7")
    assert taken["session"] and taken["expires"] and taken["access_key"].startswith("ASIA")
    taken = moto_only("sts-assume-web", "arn:aws:iam::222222222222:role/pod", "windlass-1", "eyJ-a-token")
    assert taken["session"] and taken["expires"]


def test_many_values_go_out_in_a_call_and_come_back_in_one(request, aws):
    """As many as the service allows; fewer on moto, which takes seconds for a thousand on a busy machine."""
    put, read = (101, 50) if "moto" in request.node.callspec.id else (1001, 500)
    assert aws("cloudwatch-put", "Fleet", put)["taken"] == min(put, 1000)
    got = wait_for(lambda: (lambda v: v if len(v["values"]) == read else None)(aws("cloudwatch-newest", "Fleet", read, 2)),
                   "the values that were put")
    assert sorted(got["values"]) == [i + 0.5 for i in range(read)]


def test_points_of_a_metric(moto_only):
    assert moto_only("cloudwatch-data", "Nothing", "m0", "Policy", "p", 60, "2024-01-01T00:00:00Z",
                     "2024-01-01T01:00:00Z")["points"] == []


# What moto lacks, proved anew each time: the day it has one, this fails and a real test is due.
LACKS = {
    "asg-refresh": (["g"], "DescribeInstanceRefreshes"),
    "asg-complete": (["g", "drain", "i-1"], "CompleteLifecycleAction"),
    "asg-heartbeat": (["g", "drain", "i-1"], "RecordLifecycleActionHeartbeat"),
    "sqs-move-start": ([None, "arn:aws:sqs:us-east-1:123456789012:a", "arn:aws:sqs:us-east-1:123456789012:b"],
                       "StartMessageMoveTask"),
    "sqs-move-list": ([None, "arn:aws:sqs:us-east-1:123456789012:a"], "ListMessageMoveTasks"),
}


@pytest.mark.parametrize("verb", LACKS)
def test_what_moto_lacks_is_an_error_that_names_the_action(programs, keys, moto, verb):
    arguments, action = LACKS[verb]
    done = programs.call(str(BUILD / "tests" / "lib" / "aws_drive"), verb, *[a or moto + "/123456789012/a" for a in arguments],
                         env={**keys, "AWS_ENDPOINT_URL": moto}, seconds=60)
    assert done.returncode == 1 and action in json.loads(done.stdout)["error"], done.stdout


def driven():
    """Each ask function that the drive program calls, with the verbs that lead to it."""
    found = {}
    for path in sorted((SRC / "tests" / "lib").glob("aws_drive*.c")):
        text = path.read_text()
        bodies = dict(re.findall(r"^static [\w ]+?\*?\s*(\w+) ?\((?:[^()]*, )?struct drive \*d\b[^()]*\)\n\{\n(.*?)^\}", text, re.M | re.S))
        for verb, function in re.findall(r'\{ "([a-z0-9-]+)", \d+, (\w+) \}', text):
            body = bodies[function]
            for helper, inner in bodies.items():
                body += inner if f"{helper}(d" in body else ""
            for ask in re.findall(r"\b(aws_\w+_ask)\(", body):
                found.setdefault(ask, set()).add(verb)
    return found


def test_every_call_of_ours_is_driven_against_moto():
    """An ask function that is new in src/aws needs a verb of aws_drive and a test here, or a row in LACKS."""
    private = {"aws_query_ask", "aws_control_ask", "aws_s3_ask", "aws_sqs_ask"}  # parts of the others; windlass-local's own
    asks = {ask for path in (SRC / "src" / "aws").glob("*.h")
            for ask in re.findall(r"\b(aws_\w+_ask)\(", path.read_text())} - private
    found, own = driven(), open(__file__).read()
    tests = own[:own.index("LACKS = {")] + own[own.index("def driven"):]
    assert len(asks) > 40 and asks - set(found) == set()
    used = {verb for verb in set().union(*found.values()) if re.search(rf'\("{verb}"', tests)} | set(LACKS)
    assert {ask: verbs for ask, verbs in found.items() if not verbs & used} == {}


def test_many_groups_come_in_pages_of_a_hundred(moto_only, group):
    aws = moto_only
    asg = aws.client("autoscaling")
    for i in range(104):
        asg.create_auto_scaling_group(AutoScalingGroupName=f"many-{i:03}", MinSize=0, MaxSize=1, DesiredCapacity=0,
                                      LaunchTemplate={"LaunchTemplateName": "tmpl"}, AvailabilityZones=["us-east-1a"])
    got = aws("asg-groups")
    assert len(got["groups"]) == 100 and got["next"]
    rest = aws("asg-groups-next", got["next"])
    assert len({g["name"] for g in got["groups"] + rest["groups"]}) == 105 and not rest.get("next")


def test_identity(aws):
    assert aws("sts-identity")["account"] == "123456789012"


def test_objects(aws, tmp_path):
    aws("s3-create", "videos")
    aws("s3-head-bucket", "videos")
    key = "in/a b+ü (1).mp4"
    etag = aws("s3-put", "videos", key, "hello")["etag"]
    theirs = aws.client("s3").get_object(Bucket="videos", Key=key)
    assert theirs["Body"].read() == b"hello" and theirs["Metadata"] == {"task-id": "t 1"}
    head = aws("s3-head", "videos", key)
    assert (head["size"], head["etag"], head["type"], head["task-id"]) == (5, etag, "text/plain", "t 1")
    assert head["modified"]
    taken = aws("s3-put", "videos", key, "other", 1, fails="conflict")
    assert taken["code"] == "PreconditionFailed"
    aws("s3-head", "videos", "nothing", fails="not_found")
    out = tmp_path / "out"
    missing = aws("s3-get", "videos", "nothing", out, 100, fails="not_found")
    assert missing["code"] == "NoSuchKey" and out.read_bytes() == b""
    part = aws("s3-get", "videos", key, out, 100, 1, 3, etag)
    assert out.read_bytes() == b"ell" and part["size"] == 5 and part["got"] == 3
    listed = aws("s3-list", "videos", "in/", "/", 10)
    assert listed["keys"] == [key]
    assert aws("s3-list", "videos", "", "/", 10)["prefixes"] == ["in/"]
    aws("s3-delete", "videos", key)
    assert aws("s3-list", "videos", "", "", 10)["keys"] == []
    gone = aws("s3-get", "no-such-bucket", "k", out, 100, fails="not_found")
    assert gone["code"] == "NoSuchBucket"


def test_large_objects_stream(aws, tmp_path):
    data = bytes(range(256)) * (64 << 10)  # 16 MiB
    source, out = tmp_path / "source", tmp_path / "out"
    source.write_bytes(data)
    aws("s3-create", "videos")
    aws("s3-put-file", "videos", "big", source)
    aws("s3-put-file", "videos", "summed", source, hashlib.sha256(data).hexdigest())
    for key in ("big", "summed"):
        assert aws("s3-get", "videos", key, out, len(data))["got"] == len(data)
        assert out.read_bytes() == data
    small = aws("s3-get", "videos", "big", out, 1 << 20, fails="protocol")
    assert "1048576" in small["error"]


def test_uploads_in_parts(aws, tmp_path):
    data = bytes(range(256)) * (52 << 10)  # 13 MiB
    source = tmp_path / "source"
    source.write_bytes(data)
    aws("s3-create", "videos")
    key = "in/a b+ü (1).mp4"
    aws("s3-multi", "videos", key, source, 5 << 20)
    theirs = aws.client("s3").get_object(Bucket="videos", Key=key)
    assert theirs["Body"].read() == data and theirs["ETag"].endswith('-3"') and theirs["ContentType"] == "video/mp4"
    aws("s3-multi", "videos", "in/left", source, 5 << 20, "leave")
    assert aws("s3-multis", "videos", "in/")["keys"] == ["in/left"]
    aws("s3-multi", "videos", "in/aborted", source, 5 << 20, "abort")
    assert "in/aborted" not in aws("s3-multis", "videos", "in/")["keys"]
    small = aws("s3-multi", "videos", "in/small", source, 1 << 20, fails="policy")
    assert small["code"] == "EntityTooSmall"


def test_a_signed_url_opens_an_object_for_anybody(aws):
    aws("s3-create", "videos")
    key = "out/a b+ü (1).mp4"
    aws("s3-put", "videos", key, "hello")
    signed = aws("s3-url", "videos", key, 60)
    with urllib.request.urlopen(signed["url"]) as answer:
        assert answer.read() == b"hello"
    assert signed["url"].startswith(signed["origin"] + "/") and "X-Amz-Expires=60" in signed["url"]


def test_list_goes_on(aws):
    aws("s3-create", "b-1")
    s3 = aws.client("s3")
    for i in range(5):
        s3.put_object(Bucket="b-1", Key=f"k{i}")
    keys, token = [], None
    while True:
        page = aws("s3-list", "b-1", "", "", 2, *([token] if token else []))
        keys += page["keys"]
        token = page.get("next")
        if not token:
            break
    assert keys == [f"k{i}" for i in range(5)]


class Forward(http.server.BaseHTTPRequestHandler):
    """Passes a call on to the server's `to` and remembers who signed it."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.headers["Authorization"], self.headers["X-Amz-Security-Token"]))
        call = urllib.request.Request(self.server.to + self.path, body, dict(self.headers))
        with urllib.request.urlopen(call, timeout=30) as reply:
            answer = reply.read()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_):
        pass


NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def test_an_instance_signs_with_the_role_that_moto_tells_it(drive, moto):
    front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    front.to, front.seen = moto, []
    with serving(front):
        metadata = {"AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": moto}
        where = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{front.server_address[1]}"}
        assert drive("sts-identity", env={**NO_KEYS, **where, **metadata})["account"] == "123456789012"
        off = {**metadata, "AWS_EC2_METADATA_DISABLED": "true"}
        assert "no AWS credentials" in drive("sts-identity", fails="denied", env={**NO_KEYS, **where, **off})["error"]
    assert len(front.seen) == 1
    authorization, token = front.seen[0]
    assert "Credential=test-key/" in authorization and token == "test-session-token"


class Tunnel(socketserver.BaseRequestHandler):
    """A proxy that takes CONNECT with a password alone, and leads every name to the server's `to`."""

    def handle(self):
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(65536)
        words = head.decode().split()
        allowed = f"Basic {base64.b64encode(b'ops:pass').decode()}" in head.decode()
        self.server.seen.append((words[0], words[1], allowed))
        if not allowed:
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(self.server.to) as far:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self.pump, args=(far, self.request))
            back.start()
            self.pump(self.request, far)
            back.join()

    @staticmethod
    def pump(source, sink):
        try:
            while got := source.recv(65536):
                sink.sendall(got)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@contextlib.contextmanager
def serving(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_aws_is_reached_through_a_proxy_that_asks_for_a_password(drive, moto, tmp_path):
    """By its own name, which only the proxy resolves, with TLS from end to end."""
    authority = realm.Authority(tmp_path)
    name = "sts.eu-west-1.amazonaws.com"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.certify("sts", [name]))
    front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    front.to, front.seen = moto, []
    front.socket = context.wrap_socket(front.socket, server_side=True)
    proxy = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel)
    proxy.daemon_threads, proxy.to, proxy.seen = True, front.server_address, []
    env = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_CA_BUNDLE": str(authority.bundle)}
    at = f"127.0.0.1:{proxy.server_address[1]}"
    with serving(front), serving(proxy):
        assert drive("sts-identity", env={**env, "HTTPS_PROXY": f"http://ops:pass@{at}"})["account"] == "123456789012"
        refused = drive("sts-identity", fails="unreachable", env={**env, "HTTPS_PROXY": f"http://ops:wrong@{at}"})
    assert proxy.seen[0] == ("CONNECT", f"{name}:443", True) and len(front.seen) == 1
    assert "407" in refused["error"] and "wrong" not in refused["error"]


# --- answers that no AWS gives


def server(answer):
    """The URL of a server that sends answer to each connection and closes it; None: never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    held = []

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            held.append(peer)
            if answer is not None:
                peer.recv(65536)
                peer.sendall(answer)
                peer.close()
    threading.Thread(target=serve, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


QUEUE = "https://sqs.us-east-1.amazonaws.com/1/q"


@pytest.mark.parametrize("answer,kind,says", [
    (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>", "protocol", "HTML page"),
    (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", "protocol", "302"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol", "AWS_ENDPOINT_URL"),
    (b"", "unreachable", "AWS_ENDPOINT_URL"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "unreachable", "AWS_ENDPOINT_URL"),
    (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno way", "protocol", "no way"),
])
def test_odd_answers(drive, answer, kind, says):
    listener, url = server(answer)
    with listener:
        error = drive("sqs-depth", QUEUE, fails=kind, env={"AWS_ENDPOINT_URL": url})
    assert error["error"].startswith("SQS GetQueueAttributes: ") and says in error["error"]
    assert "\n" not in error["error"]


def test_a_token_lost_at_the_hop_limit_names_the_limit(drive):
    listener, url = server(None)
    with listener:
        error = drive("sts-identity", fails="denied", env={
            **NO_KEYS, "AWS_EC2_METADATA_DISABLED": None, "AWS_EC2_METADATA_SERVICE_ENDPOINT": url})
    assert "hop limit to 2 or more" in error["error"]


def test_refusing_endpoint(drive):
    error = drive("sqs-depth", QUEUE, fails="unreachable", env={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"})
    assert "is the endpoint right and running (AWS_ENDPOINT_URL)?" in error["error"]


@pytest.mark.parametrize("env,says", [
    ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no AWS credentials -> set AWS_ACCESS_KEY_ID"),
    ({"AWS_SECRET_ACCESS_KEY": None}, "AWS_SECRET_ACCESS_KEY is not"),
    ({"AWS_ACCESS_KEY_ID": None, "AWS_PROFILE": "nobody"}, "profile 'nobody' is not in"),
    ({"AWS_REGION": None, "AWS_DEFAULT_REGION": None}, "no region is known -> set AWS_REGION"),
    ({"AWS_ENDPOINT_URL": "localhost"}, "AWS_ENDPOINT_URL: 'localhost' is not a URL"),
])
def test_missing_settings(programs, keys, env, says):
    done = programs.call(str(BUILD / "tests" / "lib" / "aws_drive"), "sts-identity", env={**keys, **env})
    assert done.returncode == 1
    assert says in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("profile,role", [("deployer", "deployer"), ("chained", "chained"), ("pod", "pod")])
def test_roles_of_profiles(moto_only, tmp_path, profile, role):
    """By another profile's keys, by another role's, and by a token in a file; moto says whom it sees."""
    (tmp_path / "token").write_text("eyJ-a-token\n")
    (tmp_path / "config").write_text(f"""
[profile base]
aws_access_key_id = AKIDBASE000000000000
aws_secret_access_key = s
[profile deployer]
role_arn = arn:aws:iam::222222222222:role/deployer
source_profile = base
[profile chained]
role_arn = arn:aws:iam::333333333333:role/chained
source_profile = deployer
role_session_name = two-steps
[profile pod]
role_arn = arn:aws:iam::444444444444:role/pod
web_identity_token_file = {tmp_path}/token
""")
    seen = moto_only("sts-identity", env={"AWS_PROFILE": profile, "AWS_CONFIG_FILE": str(tmp_path / "config"),
                                          "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None})
    assert f":assumed-role/{role}/" in seen["arn"], seen
    session = seen["arn"].rsplit("/", 1)[1]
    assert session == "two-steps" if profile == "chained" else session.startswith("windlass"), seen
    assert seen["account"] == {"deployer": "2", "chained": "3", "pod": "4"}[role] * 12
