"""windlass-gateway on an embedded cloud, and a client of forms."""

import http.client
import json
import urllib.parse
import uuid

import pytest
from conftest import free_port, wait_for

TOKEN = "a-token-for-the-tests-0123456789"
BUCKET = "anb-videos"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
BOUNDARY = "windlass-0123456789"


def form(title="A title", video=MP4 + bytes(5000), order=("title", "video_file"), more=b""):
    """A form's body; None leaves a field out."""
    parts = {"title": title, "video_file": video}
    body = b""
    for name in order:
        value = parts[name]
        if value is None:
            continue
        file = '; filename="clip.mp4"\r\nContent-Type: video/mp4' if name == "video_file" else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + (value.encode() if isinstance(value, str) else value) + b"\r\n"
    return body + more + f"--{BOUNDARY}--\r\n".encode()


class Answer:
    def __init__(self, got):
        self.status, self.headers, self.body = got.status, dict(got.getheaders()), got.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]


class Gateway:
    """One gateway; its options stay the same over restarts."""

    def __init__(self, programs, folder, environment, *options):
        self.programs, self.environment = programs, environment
        self.tokens = folder / "tokens"
        self.tokens.write_text(TOKEN + "\n")
        self.tokens.chmod(0o600)
        self.spool = folder / "spool"
        self.spool.mkdir(exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = ("--bucket", BUCKET, "--token-file", self.tokens, "--spool-dir", self.spool, *options)

    def start(self, *options, **environment):
        self.program = self.programs.start("windlass-gateway", "--listen", f"127.0.0.1:{self.port}", "--log-format",
                                           "json", *self.options, *options, env={**self.environment, **environment})
        self.program.wait_http(self.url + "/healthz")
        return self

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def ask(self, method, path, body=None, token=TOKEN, **headers):
        connection = self.connect()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def upload(self, body=None, token=TOKEN, **headers):
        return self.ask("POST", "/api/videos/upload", form() if body is None else body, token,
                        **{"Content_Type": f"multipart/form-data; boundary={BOUNDARY}", **headers})

    def video(self, video_id):
        got = self.ask("GET", f"/api/videos/{video_id}")
        assert got.status == 200, got.body
        return got.json

    def begin(self, length, start=b"", **headers):
        """A connection on which an upload of @p length bytes has begun."""
        connection = self.connect()
        connection.putrequest("POST", "/api/videos/upload")
        for name, value in {"Authorization": f"Bearer {TOKEN}", "Content-Length": str(length),
                            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(start)
        return connection

    def metric(self, name):
        text = self.ask("GET", "/metrics", token=None).body.decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                if not line.startswith("#")}[f"windlass_gateway_{name}"]

    def log(self):
        return [json.loads(line) for line in self.program.text().splitlines() if line.startswith("{")]


class Store:
    """What is in the bucket and in the queue."""

    def __init__(self, s3, sqs):
        self.s3, self.sqs = s3, sqs
        s3.create_bucket(Bucket=BUCKET)
        self.queue = sqs.create_queue(QueueName="anb-queue")["QueueUrl"]

    def keys(self, prefix=""):
        return [o["Key"] for o in self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def bytes(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def record(self, video_id):
        return json.loads(self.bytes(f"jobs/{video_id}.json"))

    def parts(self):
        return self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])

    def take(self):
        """All messages that are there, and no more."""
        found = []
        while True:
            got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10,
                                           MessageAttributeNames=["All"]).get("Messages", [])
            if not got:
                return found
            for m in got:
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=m["ReceiptHandle"])
            found += got

    def clean(self):
        """Waits until nothing is left of what does not belong there."""
        wait_for(lambda: not self.keys("jobs/pending/") and not self.parts(), "an empty set of what is under way")


def new_key():
    return str(uuid.uuid4())


def quoted(text):
    return urllib.parse.quote(text, safe="")


@pytest.fixture
def store(cloud):
    return Store(cloud.client("s3"), cloud.client("sqs"))


@pytest.fixture
def gateway(programs, tmp_path, cloud, store):
    return Gateway(programs, tmp_path, {**cloud.environment, "SQS_QUEUE_URL": store.queue}, "--part-mib", "5")
