"""The upload API: what goes in, what comes out, what is refused, and what is left when something dies."""

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import threading
import time
import urllib.request

import pytest
from celery_redis import redis
from cloud import cloud
from conftest import free_port, wait_for
from gateway import BOUNDARY, MP4, TOKEN, Gateway, Store, form, gateway, new_key, store
from videos import around

__all__ = ["around", "cloud", "gateway", "redis", "store"]
PART = 5 << 20


def test_a_video_is_stored_and_enqueued(gateway, store):
    gateway.start()
    video = MP4 + bytes(range(256)) * 40
    got = gateway.upload(form("El vídeo de Ana", video), Idempotency_Key="k1")
    assert got.status == 201, got.body
    told = got.json
    assert told["path"] == "sqs" and got.headers["Location"] == f"/api/videos/{told['video_id']}"
    message, = store.take()
    body = json.loads(message["Body"])
    assert (body["video_id"], body["task_id"]) == (told["video_id"], told["task_id"]) and body["created_at"]
    assert {n: a["StringValue"] for n, a in message["MessageAttributes"].items()} == \
        {"video_id": told["video_id"], "video_path": body["video_path"]}
    key = f"uploads/{told['video_id']}/source.mp4"
    assert body["video_path"] == f"s3://anb-videos/{key}" and store.bytes(key) == video
    store.clean()
    record = store.record(told["video_id"])
    assert (record["state"], record["title"], record["version"]) == ("queued", "El vídeo de Ana", 1)
    seen = gateway.video(told["video_id"])
    assert (seen["state"], seen["title"], seen["task_id"]) == ("queued", "El vídeo de Ana", told["task_id"])
    line, = (e for e in gateway.log() if e.get("path") == "/api/videos/upload")
    assert (line["status"], line["method"], line["video"]) == (201, "POST", told["video_id"])
    assert TOKEN not in gateway.program.text() and "k1" not in gateway.program.text()
    assert gateway.metric('uploads_total{result="accepted"}') == 1
    assert gateway.metric('messages_total{path="sqs"}') == 1
    assert gateway.program.stop() == 0


@pytest.mark.parametrize("order", [("title", "video_file"), ("video_file", "title")])
@pytest.mark.parametrize("size", [PART - 1, PART, PART + 1, 3 * PART + 12345])
def test_a_file_goes_in_by_parts(gateway, store, order, size):
    gateway.start()
    video = MP4 + bytes(i * 7 % 251 for i in range(4096)) * (size // 4096 + 1)
    video = video[:size]
    got = gateway.upload(form("Parts", video, order))
    assert got.status == 201, got.body
    key, = store.keys("uploads/")
    head = store.s3.head_object(Bucket="anb-videos", Key=key)
    assert store.bytes(key) == video and head["ContentType"] == "video/mp4"
    assert ("-" in head["ETag"]) == (size >= PART)
    assert len(store.take()) == 1
    store.clean()
    assert list(gateway.spool.iterdir()) == []


def test_a_slow_client_and_a_body_of_no_known_length(gateway, store):
    gateway.start()
    video = MP4 + bytes(PART + 1000)
    body = form("Slow", video)

    def pieces():
        for at in range(0, len(body), 1 << 20):
            yield body[at:at + (1 << 20)]
            time.sleep(0.02)
    got = gateway.ask("POST", "/api/videos/upload", pieces(),
                      Content_Type=f"multipart/form-data; boundary={BOUNDARY}")
    assert got.status == 201, got.body
    connection = gateway.begin(len(body), body[:PART // 2])
    time.sleep(0.2)
    connection.send(body[PART // 2:PART // 2 + 10])
    connection.send(body[PART // 2 + 10:])
    assert connection.getresponse().status == 201
    for key in store.keys("uploads/"):
        assert store.bytes(key) == video


def encoded(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def jwt(secret, **claims):
    signed = f"{encoded(json.dumps({'alg': 'HS256'}).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def test_who_is_let_in(gateway, store, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s" * 40 + "\n")
    gateway.start("--jwt-secret-file", secret, "--jwt-audience", "anb")
    now = int(time.time())
    good = jwt(b"s" * 40, sub="ana", aud="anb", exp=now + 600)
    assert gateway.upload(token=good).status == 201
    for token, code in ((None, "missing_token"), ("wrong-token-0123456789", "invalid_token"),
                        (jwt(b"s" * 40, sub="ana", aud="anb", exp=now - 60), "expired_token"),
                        (jwt(b"x" * 40, sub="ana", aud="anb", exp=now + 600), "invalid_token"),
                        (jwt(b"s" * 40, sub="ana", aud="other", exp=now + 600), "invalid_token")):
        got = gateway.upload(token=token)
        assert (got.status, got.code) == (401, code), got.body
        assert got.headers["WWW-Authenticate"].startswith("Bearer")
        assert gateway.ask("GET", "/api/videos/x", token=token).status == 401
    assert len(store.take()) == 1 and len(store.keys("uploads/")) == 1


def test_a_token_signed_by_rs256(gateway, store, tmp_path):
    key, public, text = tmp_path / "key.pem", tmp_path / "public.pem", tmp_path / "text"
    for argv in (["genrsa", "-out", key, "2048"], ["rsa", "-in", key, "-pubout", "-out", public]):
        subprocess.run(["openssl", *argv], check=True, capture_output=True)

    def token(algorithm="RS256", **claims):
        signed = f"{encoded(json.dumps({'alg': algorithm}).encode())}.{encoded(json.dumps(claims).encode())}"
        text.write_text(signed)
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key, text], check=True, capture_output=True)
        return f"{signed}.{encoded(signature.stdout)}"
    gateway.start("--jwt-key-file", public, "--jwt-audience", "anb")
    good = {"aud": "anb", "exp": int(time.time()) + 600}
    assert gateway.upload(token=token(**good)).status == 201
    assert gateway.upload(token=token("HS256", **good)).code == "invalid_token"
    # The public key as the secret of HS256: what is pinned is not the token's to choose.
    assert gateway.upload(token=jwt(public.read_bytes(), **good)).code == "invalid_token"
    assert gateway.upload(token=token(**good)[:-8]).code == "invalid_token"


TEXT = b"this is a text and no video\n" * 400
BAD = [
    ("no file", form(video=None), 400, "no_file"),
    ("an empty file", form(video=b""), 400, "no_file"),
    ("no title", form(title=None), 400, "bad_title"),
    ("an empty title", form(title=""), 400, "bad_title"),
    ("a title that is no UTF-8", form(title=b"\xff\xfe"), 400, "bad_title"),
    ("a title of two lines", form(title="a\nb"), 400, "bad_title"),
    ("a title of 1 MiB", form(title="x" * (1 << 20)), 413, "title_too_long"),
    ("a title of 1 MiB behind the file", form(title="x" * (1 << 20), order=("video_file", "title")), 413,
     "title_too_long"),
    ("a text called .mp4", form(video=TEXT), 415, "not_a_video"),
    ("a short text called .mp4", form(video=b"text"), 415, "not_a_video"),
    ("a kind that is not wanted", form(video=b"OggS\0\2" + bytes(5000)), 415, "not_a_video"),
    ("a file past the limit", form(video=MP4 + bytes(2 << 20)), 413, "file_too_large"),
    ("a form without its end", form()[:-10], 400, "bad_form"),
    ("no form", b"hello", 400, "bad_form"),
    ("two files", form(more=form()[:-len(BOUNDARY) - 6]), 400, "bad_form"),
]


def test_what_is_refused(gateway, store):
    gateway.start("--max-mib", "1", "--types", "mp4,mov")
    for name, body, status, code in BAD:
        got = gateway.upload(body)
        assert (got.status, got.code) == (status, code), (name, got.body)
        assert got.json["error"]["message"] and got.headers["Content-Type"] == "application/json", name
    got = gateway.upload(Content_Type="text/plain")
    assert (got.status, got.code) == (415, "bad_form")
    got = gateway.upload(Idempotency_Key="x" * 256)
    assert (got.status, got.code) == (400, "bad_key")
    for method, path, status in (("GET", "/nothing", 404), ("GET", "/api/videos/upload", 405),
                                 ("DELETE", "/api/videos/x", 405), ("GET", "/api/videos/-x", 404),
                                 ("GET", "/api/videos/unknown", 404), ("GET", "/api/videos/unknown/events", 404),
                                 ("GET", "/api/videos/../x", 404)):
        got = gateway.ask(method, path)
        assert got.status == status and got.code in ("not_found", "method"), (method, path)
    assert store.keys() == [] and store.take() == [] and store.parts() == []
    assert gateway.upload().status == 201  # and it goes on


def test_a_large_text_is_refused_before_its_end(gateway, store):
    gateway.start()
    connection = gateway.begin(1 << 30, form(video=TEXT)[:5000])
    answer = connection.getresponse()
    assert answer.status == 415 and json.loads(answer.read())["error"]["code"] == "not_a_video"
    too_large = gateway.begin(100 << 30, Expect="100-continue").getresponse()
    assert too_large.status == 413 and json.loads(too_large.read())["error"]["code"] == "file_too_large"
    assert store.keys() == [] and store.parts() == []


def test_a_client_that_stops_leaves_nothing(gateway, store):
    gateway.start()
    body = form(video=MP4 + bytes(4 * PART))
    connection = gateway.begin(len(body), body[:3 * PART])
    wait_for(store.parts, "an upload in parts")
    connection.close()
    store.clean()
    assert store.keys() == [] and store.take() == []
    wait_for(lambda: gateway.metric('uploads_total{result="left"}') == 1, "a count of who left")


def test_a_key_makes_one_video(gateway, store):
    gateway.start()
    key = new_key()
    first = gateway.upload(Idempotency_Key=key)
    store.clean()
    again = gateway.upload(Idempotency_Key=key)
    assert first.status == again.status == 201 and first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true" and "Idempotency-Replayed" not in first.headers
    other = gateway.upload(Idempotency_Key=new_key())
    assert other.json["video_id"] != first.json["video_id"]
    # One that was cut off is done again under the same ids.
    third = new_key()
    body = form(video=MP4 + bytes(2 * PART))
    connection = gateway.begin(len(body), body[:PART // 2], **{"Idempotency-Key": third})
    wait_for(lambda: len(store.keys("jobs/keys/")) == 3, "a key that is kept")
    connection.close()
    got = gateway.upload(body, Idempotency_Key=third)
    assert got.status == 201, got.body
    assert len(store.take()) == 3
    # Many at once: one is done, the others meet it.
    key, answers = new_key(), []
    threads = [threading.Thread(target=lambda: answers.append(gateway.upload(Idempotency_Key=key))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    done = [a.json["video_id"] for a in answers if a.status == 201]
    assert done and len(set(done)) == 1 and {a.status for a in answers} <= {201, 409}
    assert len(store.take()) == 1


def put_record(store, video_id, **change):
    record = {**store.record(video_id), **change}
    store.s3.put_object(Bucket="anb-videos", Key=f"jobs/{video_id}.json", Body=json.dumps(record).encode())


def test_events_tell_what_happens_until_the_end(gateway, store):
    gateway.start()
    video_id = gateway.upload().json["video_id"]
    store.clean()
    store.s3.put_object(Bucket="anb-videos", Key="processed/out 1.mp4", Body=b"the result", ContentType="video/mp4")
    connection = gateway.connect()
    connection.request("GET", f"/api/videos/{video_id}/events", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"

    def event():
        assert answer.readline() == b"event: state\n"
        data = answer.readline()
        assert answer.readline() == b"\n"
        return json.loads(data.removeprefix(b"data: "))
    assert event()["state"] == "queued"
    put_record(store, video_id, state="processing", progress=40, attempt=1, began_at="2024-01-01T00:00:00Z")
    seen = event()
    assert (seen["state"], seen["progress"]) == ("processing", 40)
    put_record(store, video_id, state="done", outputs=[{"bucket": "anb-videos", "key": "processed/out 1.mp4",
                                                        "bytes": 10, "type": "video/mp4"}])
    seen = event()
    assert seen["state"] == "done" and seen["progress"] == 100
    assert answer.read() == b""  # the stream ends
    output, = seen["outputs"]
    assert (output["name"], output["bytes"], output["type"]) == ("out 1.mp4", 10, "video/mp4")
    with urllib.request.urlopen(output["url"]) as got:
        assert got.read() == b"the result"
    assert gateway.video(video_id)["outputs"][0]["name"] == "out 1.mp4"
    put_record(store, video_id, state="parked", reason="probe: no video stream")
    seen = gateway.video(video_id)
    assert (seen["state"], seen["reason"], seen["outputs"]) == ("parked", "probe: no video stream", [])


def test_neither_broker_is_an_error_that_names_both(programs, gateway, cloud):
    done = programs.call("windlass-gateway", *gateway.options, env=cloud.environment)
    assert done.returncode == 2 and "SQS_QUEUE_URL" in done.stderr and "CELERY_BROKER_URL" in done.stderr
    done = programs.call("windlass-gateway", "--bucket", "b", env={**cloud.environment, "SQS_QUEUE_URL": "http://x/1/q"})
    assert done.returncode == 2 and "--token-file" in done.stderr


def test_a_queue_that_is_away(gateway, store, cloud):
    away = f"http://127.0.0.1:{free_port()}/123456789012/anb-queue"
    gateway.start(SQS_QUEUE_URL=away, AWS_ENDPOINT_URL_SQS=away.rsplit("/", 2)[0])
    for _ in range(2):  # before it is known, and after
        got = gateway.upload()
        assert (got.status, got.code, got.headers["Retry-After"]) == (503, "unavailable", "5"), got.body
        wait_for(lambda: gateway.metric("queue_reachable") == 0, "the queue to be known as away")
    assert gateway.ask("GET", "/readyz", token=None).status == 503
    assert gateway.ask("GET", "/healthz", token=None).status == 200
    wait_for(lambda: store.keys() == [], "an empty bucket")
    assert store.take() == [] and store.parts() == []


def test_a_store_that_is_away(gateway, store, cloud):
    gateway.start(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{free_port()}")
    got = gateway.upload()
    assert (got.status, got.code, got.headers["Retry-After"]) == (503, "unavailable", "5")
    assert store.take() == []


def test_celery_is_the_way_before_the_migration(gateway, store, redis, cloud, programs, tmp_path):
    gateway.environment = {**cloud.environment, "CELERY_BROKER_URL": redis.url()}
    gateway.start()
    got = gateway.upload()
    assert got.status == 201 and got.json["path"] == "celery", got.body
    message, = redis.messages()
    assert message["headers"]["id"] == got.json["task_id"] and store.take() == []
    store.clean()
    redis.program.kill()
    wait_for(lambda: gateway.metric("queue_reachable") == 0, "Redis to be known as away", 60)
    got = gateway.upload()
    assert (got.status, got.headers["Retry-After"]) == (503, "5"), got.body
    assert len(store.keys("uploads/")) == 1


def test_a_gateway_that_is_killed_in_an_upload(gateway, store):
    gateway.start()
    body = form(video=MP4 + bytes(4 * PART))
    connection = gateway.begin(len(body), body[:3 * PART])
    wait_for(store.parts, "an upload in parts")
    gateway.program.kill()
    connection.close()
    assert store.parts()
    gateway.start("--upload-timeout", "0s", "--forgotten-after", "1s", "--sweep-every", "200ms")
    store.clean()
    assert store.keys() == [] and store.take() == []


def test_a_gateway_that_is_killed_before_its_message(gateway, store, cloud, windlass):
    gateway.start()
    hole = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
    gateway.program.stop()
    away = f"http://127.0.0.1:{hole.getsockname()[1]}"
    gateway.start(AWS_ENDPOINT_URL_SQS=away)
    body = form("Forgotten")
    connection = gateway.begin(len(body), body)
    wait_for(lambda: store.keys("uploads/"), "a stored video")
    time.sleep(0.1)
    gateway.program.kill()
    connection.close()
    hole.close()
    assert len(store.keys("jobs/pending/")) == 1 and store.take() == []
    gateway.start("--forgotten-after", "1s", "--sweep-every", "200ms")
    others = [Gateway(gateway.programs, gateway.spool.parent, gateway.environment).start(
        "--forgotten-after", "1s", "--sweep-every", "200ms") for _ in range(2)]
    store.clean()
    message, = store.take()
    job = json.loads(message["Body"])
    record = store.record(job["video_id"])
    assert (record["state"], record["title"], record["task_id"]) == ("queued", "Forgotten", job["task_id"])
    swept = sum(g.metric("swept_sent_total") for g in (gateway, *others))
    assert swept == 1


def test_a_record_without_its_object_is_removed(gateway, store):
    gateway.start("--forgotten-after", "1s", "--sweep-every", "200ms")
    store.s3.put_object(Bucket="anb-videos", Key="jobs/pending/v1", Body=b"")
    store.s3.put_object(Bucket="anb-videos", Key="jobs/v1.json", Body=json.dumps(
        {"version": 1, "video_id": "v1", "task_id": "t1", "bucket": "anb-videos", "key": "uploads/v1/source.mp4",
         "state": "uploaded", "at": "2024-01-01T00:00:00Z", "upload": "gone"}).encode())
    wait_for(lambda: store.keys() == [], "an empty bucket")
    assert store.take() == []


def test_sigterm_lets_an_upload_end(gateway, store):
    gateway.start()
    body = form(video=MP4 + bytes(PART))
    connection = gateway.begin(len(body), body[:PART // 2])
    wait_for(lambda: gateway.metric("uploads_active") == 1, "an upload")
    gateway.program.signal(15)
    wait_for(lambda: gateway.ask("GET", "/readyz", token=None).status == 503, "a gateway that drains")
    assert gateway.upload().status == 503
    connection.send(body[PART // 2:])
    assert connection.getresponse().status == 201
    assert gateway.program.wait_end() == 0
    assert len(store.take()) == 1


def test_from_the_form_to_the_finished_video(programs, around, tmp_path, ffmpeg):
    """Gateway and worker over one record: it waits, is processed, and is done; a broken one is parked."""
    gateway = Gateway(programs, tmp_path, around.environment).start()
    clip = tmp_path / "clip.mp4"
    done = programs.call(ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10", "-t", "1", str(clip))
    assert done.returncode == 0, done.stderr
    good = gateway.upload(form("Good", clip.read_bytes())).json["video_id"]
    bad = gateway.upload(form("Bad")).json["video_id"]
    assert around.worker("--until-empty").wait_end(120) == 0
    wait_for(lambda: gateway.video(good)["state"] == "done", "a finished video", 30)
    seen = gateway.video(good)
    assert seen["title"] == "Good" and seen["attempt"] == 1 and seen["progress"] == 100
    with urllib.request.urlopen(seen["outputs"][0]["url"]) as got:
        assert len(got.read()) == seen["outputs"][0]["bytes"] > 1000
    seen = gateway.video(bad)
    assert seen["state"] == "parked" and seen["reason"] and seen["title"] == "Bad"


def test_moto_takes_what_the_gateway_writes(programs, tmp_path, moto, keys, client_of):
    """The same against a store and a queue that we did not write."""
    store = Store(client_of(moto, "s3"), client_of(moto, "sqs"))
    gateway = Gateway(programs, tmp_path, {**keys, "AWS_ENDPOINT_URL": moto, "SQS_QUEUE_URL": store.queue}, "--part-mib", "5")
    gateway.start()
    video, key = MP4 + bytes(2 * PART), new_key()
    first = gateway.upload(form("By parts", video), Idempotency_Key=key)
    assert first.status == 201, first.body
    store.clean()
    assert gateway.upload(form("By parts", video), Idempotency_Key=key).json == first.json
    assert gateway.upload(form("Small")).status == 201
    video_id = first.json["video_id"]
    assert store.bytes(f"uploads/{video_id}/source.mp4") == video and store.record(video_id)["state"] == "queued"
    assert gateway.video(video_id)["title"] == "By parts" and len(store.take()) == 2
