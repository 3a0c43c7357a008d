"""What the upload API holds its clients, its store and itself to: slow clients, connections, parts, permissions."""

import concurrent.futures
import contextlib
import json
import select
import socket
import threading

import pytest
from cloud import cloud
from conftest import wait_for
from gateway import BUCKET, MP4, Gateway, Store, form, gateway, store
from test_doctor import Iam, without

__all__ = ["cloud", "gateway", "store"]
PART = 5 << 20


def ended(connection, seconds=30):
    """The peer has closed it, by a reset or not."""
    connection.settimeout(seconds)
    with contextlib.suppress(ConnectionResetError):
        while connection.recv(65536):
            pass


def dribble(connection, stop):
    """A header that never ends, byte by byte, each sooner than an idle connection is cut."""
    with contextlib.suppress(OSError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        while not stop.wait(0.1):
            connection.sendall(b"x")


def test_a_slow_client_is_cut(gateway, store):
    gateway.start("--idle-timeout", "1s")
    body = form(video=MP4 + bytes(4 * PART))
    stalled = gateway.begin(len(body), body[:2 * PART])
    wait_for(store.parts, "an upload in parts")
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", gateway.port)) as head, \
            socket.create_connection(("127.0.0.1", gateway.port)) as silent:
        feeder = threading.Thread(target=dribble, args=(head, stop))
        feeder.start()
        try:
            for connection in (head, silent, stalled.sock):
                ended(connection)
        finally:
            stop.set()
            feeder.join()
    store.clean()
    assert store.keys() == [] and store.take() == []
    wait_for(lambda: gateway.metric('uploads_total{result="left"}') == 1, "a count of who was cut")
    assert gateway.upload().status == 201


def test_past_the_connection_limit_others_wait(gateway, store):
    """Uploads that are let in go on; who comes later is served as soon as one of them ends."""
    gateway.start("--connections", "3")
    body = form(video=MP4 + bytes(100_000))
    held = [gateway.begin(len(body), body[:50_000], **{"Idempotency-Key": f"k{n}"}) for n in range(3)]
    wait_for(lambda: len(store.keys("jobs/keys/")) == 3, "three uploads that are let in")
    late = socket.create_connection(("127.0.0.1", gateway.port))
    late.sendall(b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")
    assert select.select([late], [], [], 0.5)[0] == []
    held[0].send(body[50_000:])
    assert held[0].getresponse().status == 201
    held[0].close()
    late.settimeout(30)
    assert late.recv(65536).startswith(b"HTTP/1.1 200 ")
    late.close()
    for connection in held[1:]:
        connection.send(body[50_000:])
        assert connection.getresponse().status == 201
    assert len(store.take()) == 3


class Holder:
    """A way to a server, byte for byte, on which the answer to one request waits for another request."""

    def __init__(self, port, first, second):
        self.port, self.first, self.second = port, first, second
        self.came, self.late, self.connections = threading.Event(), False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.port))
                self.connections += [near, far]
                held = threading.Event()
                for source, sink, see in ((near, far, self.request), (far, near, self.answer)):
                    threading.Thread(target=self.pump, args=(source, sink, see, held), daemon=True).start()

    def request(self, data, held):
        if self.first in data:
            held.set()
        if self.second in data:
            self.came.set()

    def answer(self, data, held):
        if b"HTTP/1.1 200" in data and held.is_set():
            self.late |= not self.came.wait(20)

    @staticmethod
    def pump(source, sink, see, held):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                see(data, held)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self):
        for connection in (self.listener, *self.connections):
            connection.close()


def test_a_part_comes_in_while_the_store_answers_for_the_one_before(gateway, store, cloud):
    holder = Holder(cloud.port, b"partNumber=1&", b"partNumber=2&")
    try:
        gateway.start(AWS_ENDPOINT_URL_S3=holder.url)
        video = MP4 + bytes(i * 7 % 251 for i in range(4096)) * (3 * PART // 4096)
        got = gateway.upload(form(video=video))
        assert got.status == 201, got.body
        assert holder.came.is_set() and not holder.late
        key, = store.keys("uploads/")
        assert store.bytes(key) == video
    finally:
        holder.close()


def test_parts_that_the_store_refuses_are_sent_again(gateway, store, cloud, windlass):
    gateway.start(AWS_MAX_ATTEMPTS="10")
    for n in (1, 2):
        windlass("local", "fault", "throttle", "--service", "s3", "--action", "PUT", "--share", "0.3", "--seed", n,
                 env=cloud.environment)
    video = MP4 + bytes(i * 11 % 253 for i in range(4096)) * (6 * PART // 4096)
    got = gateway.upload(form(video=video))
    assert got.status == 201, got.body
    key, = store.keys("uploads/")
    assert store.bytes(key) == video


def test_a_sweep_looks_at_all_that_is_marked(gateway, store):
    """A page and more of keys that are no marks, before the one that is."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.s3.put_object(Bucket=BUCKET, Key=f"jobs/pending/a{n:04}/", Body=b""), range(1001)))
    store.s3.put_object(Bucket=BUCKET, Key="jobs/pending/v1", Body=b"")
    store.s3.put_object(Bucket=BUCKET, Key="uploads/v1/source.mp4", Body=MP4)
    store.s3.put_object(Bucket=BUCKET, Key="jobs/v1.json", Body=json.dumps(
        {"version": 1, "video_id": "v1", "task_id": "t1", "bucket": BUCKET, "key": "uploads/v1/source.mp4",
         "state": "uploaded", "at": "2024-01-01T00:00:00Z"}).encode())
    gateway.start("--forgotten-after", "1s", "--sweep-every", "200ms")
    wait_for(lambda: gateway.metric("swept_sent_total") == 1, "a message")
    assert [json.loads(m["Body"])["task_id"] for m in store.take()] == ["t1"]


def warned(gateway, seen):
    """What the gateway has warned of since."""
    return " ".join(f"{e['event']} {e.get('what', '')} {e.get('error', '')}" for e in gateway.log()[seen:] if e["level"] == "warn")


def upload(gateway, store):
    got = gateway.upload()
    assert got.status == 201, got.body


def look(gateway, store):
    got = gateway.ask("GET", "/api/videos/unknown")
    assert got.status == 404, got.body


def leave(gateway, store):
    body = form(video=MP4 + bytes(4 * PART))
    connection = gateway.begin(len(body), body[:2 * PART])
    wait_for(store.parts, "an upload in parts")
    connection.close()


# What shows that an action is lacking: what is tried, and what the gateway says.
LACKING = {
    "sqs:SendMessage": (upload, "SQS SendMessage: 403"),
    "s3:PutObject": (upload, "S3 PutObject: 403"),
    "s3:GetObject": (look, "S3 GetObject: 403"),
    "s3:DeleteObject": (upload, "S3 DeleteObject: 403"),
    "s3:AbortMultipartUpload": (leave, "S3 AbortMultipartUpload: 403"),
    "s3:ListBucket": (None, "S3 ListObjectsV2: 403"),
    "s3:ListBucketMultipartUploads": (None, "S3 ListMultipartUploads: 403"),
}


def test_the_gateway_needs_each_action_of_its_policy_and_no_other(programs, tmp_path, moto, keys, client_of, windlass):
    store = Store(client_of(moto, "s3"), client_of(moto, "sqs"))
    iam = Iam(moto, client_of)
    env = {**keys, "AWS_ENDPOINT_URL": moto, "SQS_QUEUE_URL": store.queue}
    document = json.loads(windlass("iam-policy", "gateway", "--bucket", BUCKET, env=env).stdout)
    assert {a for s in document["Statement"] for a in s["Action"]} == set(LACKING)
    for statement in document["Statement"]:
        statement["Resource"] = "*"
    key = {"aws_access_key_id": iam.key["AccessKeyId"], "aws_secret_access_key": iam.key["SecretAccessKey"]}
    store.s3 = client_of(moto, "s3", **key)
    gateway = Gateway(programs, tmp_path, {**env, **{name.upper(): value for name, value in key.items()}}, "--part-mib", "5")
    try:
        iam.allow(document)
        gateway.start("--sweep-every", "200ms", "--upload-timeout", "10000d")  # moto's uploads began in 2010
        for attempt in (upload, look, leave):
            attempt(gateway, store)
        iam.enforce(False)
        store.clean()
        assert " 403 " not in warned(gateway, 0)
        for action, (attempt, said) in LACKING.items():
            iam.allow(without(document, action))
            seen = len(gateway.log())
            if attempt:
                with contextlib.suppress(AssertionError):
                    attempt(gateway, store)
            wait_for(lambda said=said, seen=seen: said in warned(gateway, seen), f"{said} where {action} is lacking")
    finally:
        iam.enforce(False)
