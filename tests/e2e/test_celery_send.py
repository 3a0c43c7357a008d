"""windlass send by the way before the migration: real Redis, real Celery."""

import json
import socket
import subprocess

import pytest
from celery_redis import SEPARATOR, TASK, Celery, Redis, redis
from conftest import free_port, program_path

__all__ = ["redis"]
VIDEO = "s3://anb-videos/uploads/it's 1.mp4"


def send(windlass, url, *arguments, **env):
    return windlass("send", "--output", "json", *arguments, env={"CELERY_BROKER_URL": url, **env})


def sent(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_celery_worker_runs_what_was_sent(windlass, redis, programs, tmp_path):
    redis.call("ACL", "SETUSER", "anb", "on", ">s3cret/@", "~anb:*", "~celery-task-meta-*", "~unacked*",
               "&*", "+@all")  # Celery 5.2 has no prefix before its results and its lock
    url = redis.url(3, user="anb:s3cret%2F%40@")
    options = {"global_keyprefix": "anb:"}
    celery = Celery(programs, tmp_path, url, broker_transport_options=options, task_default_queue="videos")
    names = ("--celery-queue", "videos", "--celery-key-prefix", "anb:")
    late, = sent(send(windlass, url, *names, "--celery-priority", "9", VIDEO))
    jobs = sent(send(windlass, url, *names, VIDEO, VIDEO + "2"))
    assert {job["path"] for job in (late, *jobs)} == {"celery"}
    assert redis.call("LLEN", "anb:videos", db=3) == 2
    assert redis.call("LLEN", f"anb:videos{SEPARATOR}9", db=3) == 1
    celery.worker()
    ran = celery.wait_ran(3)
    assert [r["id"] for r in ran] == [jobs[0]["task_id"], jobs[1]["task_id"], late["task_id"]], "in order, urgent first"
    assert [(r["video_id"], r["video_path"]) for r in ran[:2]] == [(j["video_id"], j["video_path"]) for j in jobs]
    assert ran[0]["headers"]["root_id"] == jobs[0]["task_id"] and ran[0]["headers"]["origin"].startswith("gen")
    got = celery.python(f"print(json.dumps(app.AsyncResult('{late['task_id']}').get(timeout=60)))")
    assert got == {"video_id": late["video_id"]}


def test_a_message_has_all_that_celery_itself_writes(windlass, redis, programs, tmp_path):
    celery = Celery(programs, tmp_path, redis.url())
    celery.python("transcode.apply_async(kwargs={'video_id': 'v', 'video_path': 'p'}, priority=3)")
    theirs, = redis.messages(f"celery{SEPARATOR}3")
    sent(send(windlass, redis.url(), "--celery-priority", "3", VIDEO))
    ours = redis.messages(f"celery{SEPARATOR}3")[0]
    for part in ("headers", "properties"):
        assert set(theirs[part]) <= set(ours[part]), part
        for name, value in theirs[part].items():
            assert type(ours[part][name]) is type(value), (part, name)
    assert {k: ours[k] for k in ("content-type", "content-encoding")} == \
        {k: theirs[k] for k in ("content-type", "content-encoding")}
    assert ours["properties"]["delivery_info"] == theirs["properties"]["delivery_info"]
    assert ours["headers"]["task"] == TASK


def test_the_reply_says_which_way_was_taken(windlass, redis):
    for env in ({"SQS_QUEUE_URL": None}, {"SQS_QUEUE_URL": ""}):
        assert sent(send(windlass, redis.url(), VIDEO, **env))[0]["path"] == "celery"
    done = windlass("send", VIDEO, env={"CELERY_BROKER_URL": redis.url()})
    assert done.returncode == 0 and "by celery" in done.stdout
    before = redis.call("LLEN", "celery")
    done = send(windlass, redis.url(), VIDEO, SQS_QUEUE_URL="http://127.0.0.1:1/1/q", AWS_ACCESS_KEY_ID="x",
                AWS_SECRET_ACCESS_KEY="y", AWS_REGION="us-east-1")
    assert done.returncode == 1 and "SQS" in done.stderr, "SQS goes first, and a failure of it is told"
    assert redis.call("LLEN", "celery") == before, "it is not sent the other way behind one's back"
    done = windlass("send", VIDEO)
    assert done.returncode == 2 and "SQS_QUEUE_URL" in done.stderr and "CELERY_BROKER_URL" in done.stderr


def test_what_cannot_be_sent_gets_one_clear_answer(windlass, redis):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        redis.call("SET", "text", "x")
        redis.call("ACL", "SETUSER", "weak", "on", ">pw", "~*", "+ping")
        cases = [
            (silent_url + "/1", [], 1, "no answer"),
            (redis.url(port=1), [], 1, "refused"),
            (redis.url(user=":wrong@"), [], 1, "AUTH"),
            (redis.url(user="nobody:wrong@"), [], 1, "WRONGPASS"),
            (redis.url(user="weak:pw@"), [], 1, "NOPERM"),
            (redis.url(db=999), [], 1, "DB index"),
            (redis.url(), ["--celery-queue", "text"], 1, "WRONGTYPE"),
            ("redis://127.0.0.1/x", [], 2, "CELERY_BROKER_URL"),
            ("amqp://127.0.0.1", [], 2, "redis://"),
            (redis.url(), ["--celery-queue", "a\tb"], 2, "control character"),
        ]
        for url, options, status, says in cases:
            done = send(windlass, url, *options, VIDEO)
            assert done.returncode == status and says in done.stderr, (url, done.returncode, done.stderr)
            assert done.stderr.count("\n") == 1 and "wrong@" not in done.stderr and not done.stdout
    assert redis.call("DBSIZE") == 1, "nothing half-sent"


def certificate(folder):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                           "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj",
                           "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return folder / "cert.pem", folder / "key.pem"


def test_tls_is_verified(windlass, programs, tmp_path):
    cert, key = certificate(tmp_path)
    redis = Redis(programs, tmp_path)
    tls_port = free_port()
    redis.start("--tls-port", tls_port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert,
                "--tls-auth-clients", "no", "--requirepass", "hush")
    redis.password = "hush"
    url = redis.url(1, user=":hush@", scheme="rediss", port=tls_port)
    done = send(windlass, url, VIDEO)
    assert done.returncode == 1 and "certificate" in done.stderr, done.stderr
    done = send(windlass, f"{url}?ssl_ca_certs={tmp_path}/none.pem", VIDEO)
    assert done.returncode == 1, done.stderr
    assert redis.call("LLEN", "celery", db=1) == 0
    sent(send(windlass, f"{url}?ssl_cert_reqs=required&ssl_ca_certs={cert}", VIDEO))
    sent(send(windlass, f"{url}?ssl_cert_reqs=none", VIDEO))
    assert redis.call("LLEN", "celery", db=1) == 2


@pytest.mark.parametrize("wire", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*2147483647\r\n", b":1\r\n:2\r\n:3\r\n", b""])
def test_what_is_no_redis_is_told(programs, wire):
    """Whoever answers nonsense, or too much of it, or hangs up, is not believed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        argv = [program_path("windlass"), "send", VIDEO]
        env = {**programs.env, "CELERY_BROKER_URL": f"redis://127.0.0.1:{server.getsockname()[1]}/1"}
        child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True)
        try:
            for _ in range(4 if wire == b"" else 1):
                peer, _ = server.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(wire)
            out, err = child.communicate(timeout=60)
        finally:
            child.kill()
            child.wait()
    assert child.returncode == 1 and not out and err.count("\n") == 1, (out, err)

