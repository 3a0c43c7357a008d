"""Clients that are not ours on the embedded cloud: the newest aws, the JavaScript SDK, sqs-consumer, Celery, rclone, s3cmd."""

import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest
from cloud import DEBIAN_PYTHON, Cloud
from conftest import wait_for

HERE = pathlib.Path(__file__).parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "windlass-tests"
PACKAGES = ("@aws-sdk/client-sqs@3", "@aws-sdk/client-s3@3", "@aws-sdk/client-cloudwatch@3", "@aws-sdk/lib-storage@3",
            "sqs-consumer@14")
MIB = 1 << 20


@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start()


def environment(cloud):
    keys = cloud.keys
    return {**cloud.environment, "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"]}


def tree(folder):
    """20 MiB in one file, small ones in folders, names of all sorts."""
    for name, size in (("big", 20 * MIB), ("a/one", 1), ("a/b/two words", 300), ("ü+%", 70000), ("empty", 0)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return folder


def same(a, b):
    return {p.relative_to(a): p.read_bytes() for p in a.rglob("*") if p.is_file()} == {
        p.relative_to(b): p.read_bytes() for p in b.rglob("*") if p.is_file()}


# ---- Python ----

def test_the_newest_aws(cloud, programs, tmp_path):
    aws = pathlib.Path(sys.executable).with_name("aws")
    if not aws.exists():
        pytest.skip("needs: awscli by pip")
    source = tree(tmp_path / "source")

    def run(*argv):
        done = programs.call(str(aws), "--endpoint-url", cloud.url, *argv, env=environment(cloud))
        assert done.returncode == 0, done.stderr
        return done.stdout
    run("s3", "mb", "s3://videos")
    run("s3", "sync", "--quiet", source, "s3://videos/in")
    run("s3", "cp", "--quiet", "--recursive", "s3://videos/in", "s3://videos/copied")
    run("s3", "sync", "--quiet", "s3://videos/copied", tmp_path / "back")
    assert same(source, tmp_path / "back")
    assert run("s3", "ls", "--recursive", "s3://videos/copied/").count("\n") == 5
    run("s3", "rb", "--force", "s3://videos")
    url = run("sqs", "create-queue", "--queue-name", "jobs", "--query", "QueueUrl", "--output", "text").strip()
    run("sqs", "send-message", "--queue-url", url, "--message-body", "one")
    assert "one" in run("sqs", "receive-message", "--queue-url", url)
    assert '"Account": "123456789012"' in run("sts", "get-caller-identity")


CELERY = textwrap.dedent("""\
    import os
    from urllib.parse import quote
    from celery import Celery
    key, secret = (quote(os.environ[n], safe="") for n in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    app = Celery("jobs", broker=f"sqs://{key}:{secret}@" + os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"))
    app.conf.broker_transport_options = {"region": "us-east-1", "is_secure": False, "wait_time_seconds": 1}
    app.conf.task_acks_late = True

    @app.task
    def write(path, text):
        with open(path, "a") as f:
            f.write(text + "\\n")
    """)


@pytest.mark.parametrize("python", [DEBIAN_PYTHON, sys.executable], ids=["debian", "newest"])
def test_celery_over_sqs(cloud, programs, tmp_path, python):
    probe = "from kombu.transport import SQS; assert SQS.boto3; from kombu.asynchronous.http import get_client"
    if subprocess.run([python, "-c", probe], capture_output=True).returncode:
        pytest.skip("needs: python3-celery python3-boto3 python3-pycurl, and celery[sqs] from pip")
    (tmp_path / "jobs.py").write_text(CELERY)
    told, env = tmp_path / "told", {**environment(cloud), "PYTHONPATH": str(tmp_path)}
    sender = f"import jobs\nfor i in range(5): jobs.write.delay({str(told)!r}, 'job %d ü' % i)"
    sent = programs.call(python, "-c", sender, env=env)
    assert sent.returncode == 0, sent.stderr
    worker = programs.start(python, "-m", "celery", "-A", "jobs", "worker", "--pool", "solo", "--loglevel", "info",
                            "--without-gossip", "--without-mingle", "--without-heartbeat", env=env, cwd=tmp_path)
    wait_for(lambda: told.exists() and told.read_text().count("\n") == 5, "five jobs done", 120)
    assert sorted(told.read_text().splitlines()) == [f"job {i} ü" for i in range(5)]
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="celery")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    wait_for(lambda: set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"},
             "all of them acknowledged", 60)
    worker.stop()


# ---- JavaScript ----

@pytest.fixture(scope="module")
def packages():
    """Installed once a machine, outside the tree."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("needs: node and npm")
    folder = CACHE / ("node-" + "-".join(p.rpartition("/")[2] for p in PACKAGES).replace("@", ""))
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES], cwd=folder,
                              capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            pytest.skip(f"needs: {' '.join(PACKAGES)} by npm")
        (folder / "installed").touch()
    return folder


@pytest.mark.parametrize("name", ["queues", "consumer", "objects", "metrics"])
def test_the_javascript_sdk(cloud, programs, packages, name):
    done = programs.call(shutil.which("node"), HERE / "clients.mjs", name, env=environment(cloud), cwd=packages)
    assert done.returncode == 0 and done.stdout.strip() == "done", done.stdout + done.stderr


# ---- S3 from the shell ----

def test_rclone(cloud, programs, tmp_path):
    rclone = shutil.which("rclone")
    if not rclone:
        pytest.skip("needs: rclone")
    keys, source = cloud.keys, tree(tmp_path / "source")
    env = {f"RCLONE_CONFIG_L_{k}": v for k, v in {
        "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": cloud.url, "REGION": "us-east-1", "UPLOAD_CUTOFF": "6M",
        "CHUNK_SIZE": "5M", "ACCESS_KEY_ID": keys["aws_access_key_id"],
        "SECRET_ACCESS_KEY": keys["aws_secret_access_key"]}.items()}
    env["HOME"] = str(tmp_path)

    def run(*argv, status=0):
        done = programs.call(rclone, "--retries", "1", "--low-level-retries", "1", *argv, env=env)
        assert done.returncode == status, done.stderr
        return done.stdout
    run("mkdir", "l:videos")
    run("copy", source, "l:videos/in")
    run("check", source, "l:videos/in")
    run("copy", "l:videos/in", "l:videos/copied")  # by the server
    run("copy", "l:videos/copied", tmp_path / "back")
    assert same(source, tmp_path / "back")
    (source / "a" / "one").unlink()
    run("sync", source, "l:videos/in")
    assert "a/one" not in run("lsf", "-R", "l:videos/in") and "ü+%" in run("lsf", "l:videos/in")
    run("purge", "l:videos")
    assert run("lsd", "l:") == ""


def test_s3cmd(cloud, programs, tmp_path):
    s3cmd = shutil.which("s3cmd")
    if not s3cmd:
        pytest.skip("needs: s3cmd")
    keys, source, host = cloud.keys, tree(tmp_path / "source"), cloud.url.removeprefix("http://")
    config = tmp_path / "s3cfg"
    config.write_text(f"[default]\naccess_key = {keys['aws_access_key_id']}\nsecret_key = {keys['aws_secret_access_key']}\n"
                      f"host_base = {host}\nhost_bucket = {host}\nuse_https = False\nmultipart_chunk_size_mb = 5\n"
                      "bucket_location = us-east-1\n")
    env = {"HOME": str(tmp_path)}

    def run(*argv):
        done = programs.call(s3cmd, "-c", config, "--no-progress", *argv, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout
    run("mb", "s3://videos")
    run("sync", f"{source}/", "s3://videos/in/")
    run("cp", "--recursive", "s3://videos/in/", "s3://videos/copied/")
    (tmp_path / "back").mkdir()
    run("sync", "s3://videos/copied/", f"{tmp_path / 'back'}/")
    assert same(source, tmp_path / "back")
    assert "s3://videos/in/a/" in run("ls", "s3://videos/in/")
    run("del", "--recursive", "--force", "s3://videos/in/")
    assert run("ls", "s3://videos/in/") == ""
    run("rb", "--recursive", "--force", "s3://videos")
