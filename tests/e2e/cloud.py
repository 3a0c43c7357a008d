"""The embedded cloud for one test, and clients of several ages to drive it."""

import base64
import configparser
import json
import subprocess

import pytest
from conftest import free_port

DEBIAN_PYTHON = "/usr/bin/python3"
DEBIAN_AWS = "/usr/bin/aws"


class Cloud:
    """windlass-local on a folder and a port that stay the same over restarts."""

    def __init__(self, programs, folder):
        self.programs, self.state = programs, folder / "state"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.program = None

    def start(self, *options):
        self.program = self.programs.start("windlass-local", "--state", self.state, "--port", self.port,
                                           "--log-format", "json", *options)
        self.program.wait_http(self.url + "/health")
        return self

    @property
    def keys(self):
        found = configparser.ConfigParser()
        found.read(self.state / "credentials")
        return dict(found["default"])

    @property
    def environment(self):
        return {"AWS_ENDPOINT_URL": self.url, "AWS_SHARED_CREDENTIALS_FILE": str(self.state / "credentials"),
                "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}

    def client(self, service, **config):
        boto3 = pytest.importorskip("boto3", reason="needs: boto3")
        from botocore.config import Config
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1",
                            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}, **config),
                            **self.keys)

    def debian_client(self, service):
        return DebianClient(self, service)

    def aws(self, *arguments):
        """Debian's aws to its end; the text that it printed."""
        done = self.programs.call(DEBIAN_AWS, "--endpoint-url", self.url, *arguments, env=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout


DRIVER = """
import base64, json, sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

class Bytes(json.JSONEncoder):
    def default(self, value):
        if isinstance(value, bytes):
            return {"base64": base64.b64encode(value).decode()}
        return str(value)

def unpack(value):
    return base64.b64decode(value["base64"]) if set(value) == {"base64"} else value

setup = json.loads(sys.stdin.readline())
client = boto3.client(setup["service"], endpoint_url=setup["url"], region_name="us-east-1",
                      config=Config(retries={"max_attempts": 1}), **setup["keys"])
for line in sys.stdin:
    name, arguments = json.loads(line, object_hook=unpack)
    try:
        answer = {"result": getattr(client, name)(**arguments)}
        if "Body" in answer["result"]:
            answer["result"]["Body"] = answer["result"]["Body"].read()
    except ClientError as e:
        answer = {"error": e.response}
    except Exception as e:
        answer = {"exception": repr(e)}
    print(json.dumps(answer, cls=Bytes), flush=True)
"""


class Refused(Exception):
    """An error answer, in the shape of botocore's ClientError."""

    def __init__(self, response):
        super().__init__(str(response.get("Error")))
        self.response = response


class DebianClient:
    """Debian's boto3, which speaks Query to SQS, in a process of its own."""

    def __init__(self, cloud, service):
        if subprocess.run([DEBIAN_PYTHON, "-c", "import boto3"], capture_output=True).returncode:
            pytest.skip("needs: python3-boto3")
        self.process = subprocess.Popen([DEBIAN_PYTHON, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=cloud.programs.environment({}))
        self._say({"service": service, "url": cloud.url, "keys": cloud.keys})

    def _say(self, what):
        def pack(value):
            return {"base64": base64.b64encode(value).decode()}
        print(json.dumps(what, default=pack), file=self.process.stdin, flush=True)

    def __getattr__(self, name):
        def call(**arguments):
            def unpack(value):
                return base64.b64decode(value["base64"]) if set(value) == {"base64"} else value
            self._say([name, arguments])
            answer = json.loads(self.process.stdout.readline(), object_hook=unpack)
            if "error" in answer:
                raise Refused(answer["error"])
            assert "result" in answer, answer
            return answer["result"]
        return call

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


def local(cloud, *arguments, status=0):
    """What windlass local prints, or says of what it refuses."""
    done = cloud.programs.call("windlass", "local", *arguments, env=cloud.environment)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def code_of(call, **arguments):
    """The error code that a call is refused with."""
    try:
        got = call(**arguments)
    except Exception as e:
        assert hasattr(e, "response"), repr(e)
        return e.response["Error"]["Code"]
    raise AssertionError(f"was not refused: {got}")


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start()


@pytest.fixture
def s3(cloud):
    """S3, with the bucket "videos"."""
    client = cloud.client("s3")
    client.create_bucket(Bucket="videos")
    return client


def put(s3, key, body=b"x", **options):
    return s3.put_object(Bucket="videos", Key=key, Body=body, **options)


@pytest.fixture(params=["json", "query"])
def sqs(cloud, request):
    """SQS as the newest boto3 speaks it, in JSON, and as Debian's does, in Query."""
    if request.param == "json":
        yield cloud.client("sqs")
        return
    client = cloud.debian_client("sqs")
    yield client
    client.close()
