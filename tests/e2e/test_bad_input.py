"""What a stranger does wrong first: endpoints that are none, folders that are empty, journals that are not there.

Each is one clear line with what to do, and no success where nothing was done.
"""

import http.server
import json
import pathlib
import socket
import subprocess
import threading

import pytest
from conftest import SRC, free_port, wait_for
from videos import PROFILE

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-key", "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SQS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/anb-video-processing-queue"}
POLICY = SRC / "policies" / "anb.yaml"


class Page(http.server.BaseHTTPRequestHandler):
    """What a router or a proxy answers to everything."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        text = b"<!DOCTYPE html><html><body>Welcome</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_HEAD = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def page():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def silence():
    """Takes connections and never says a word."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(64)
        yield f"http://127.0.0.1:{s.getsockname()[1]}"


@pytest.fixture
def nobody():
    return f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize("kind,said", [("nobody", "connection refused -> is the endpoint right and running"),
                                       ("silence", "no answer in time -> is the endpoint right and running"),
                                       ("page", "is the endpoint right")])
def test_a_bad_endpoint_is_one_line_and_no_success(programs, tmp_path, request, kind, said):
    env = {**KEYS, "AWS_ENDPOINT_URL": request.getfixturevalue(kind)}
    video = tmp_path / "v.mp4"
    video.write_bytes(b"x")
    journal = tmp_path / "journal.db"
    daemon = programs.start("windlassd", "--policies", POLICY, "--journal", tmp_path / "daemon.db", env=env)
    started = [programs.start(*argv, env=env) for argv in (
        ("windlass", "plan", "--journal", journal, POLICY),
        ("windlass", "turn", "--journal", journal, POLICY),
        ("windlass", "send", "--bucket", "videos", video),
        ("windlass", "send", "s3://videos/v.mp4"),
        ("windlass", "queue", "create"),
        ("windlass", "queue", "show", "anb-video-processing-queue"),
        ("windlass", "fetch", "s3://videos/x", tmp_path / "out"),
        ("windlass-worker", "--profile", PROFILE, "--work-dir", tmp_path / "work", "--until-empty"))]
    for program in started:
        assert program.wait_end(90) == 1, program.text()
        lines = [line for line in program.text().splitlines() if said in line]
        assert len(lines) == 1 and "AWS_ENDPOINT_URL" in lines[0], program.text()
    daemon.wait_log("a turn met an error.*" + said)
    assert daemon.stop() == 0


def test_an_endpoint_that_is_no_url_ends_the_daemon(programs, tmp_path):
    done = programs.call("windlassd", "--policies", POLICY, "--journal", tmp_path / "j.db",
                         env={**KEYS, "AWS_ENDPOINT_URL": "nonsense"}, seconds=20)
    assert done.returncode == 1 and "no policy can take a turn" in done.stderr and "'nonsense'" in done.stderr


@pytest.mark.parametrize("arguments,status,said", [
    (["plan", "empty"], 2, "empty holds no *.yaml or *.yml file"),
    (["turn", "--journal", "j.db", "empty"], 2, "empty holds no *.yaml or *.yml file"),
    (["plan", "nowhere"], 1, "-> name a policy file or a folder of them"),
    (["turn", "--journal", "nowhere/j.db", "empty"], 1, "-> make the journal's folder, or name another --journal"),
    (["explain", "--journal", "nowhere.db", "anb"], 1, "-> windlassd and windlass turn make it"),
    (["status", "--journal", "nowhere.db"], 1, "-> windlassd and windlass turn make it"),
    (["plan", "--journal", "text.db", "policy.yaml"], 1, "text.db"),
    (["send"], 2, "windlass send: VIDEO… is missing; see windlass help send"),
    (["queue", "mak"], 2, "windlass queue: unexpected 'mak'; see windlass help queue"),
])
def test_a_mistake_is_one_line_with_its_remedy(windlass, tmp_path, arguments, status, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "policy.yaml").write_text(POLICY.read_text())
    (tmp_path / "text.db").write_text("no database, however long it is looked at\n" * 40)
    done = windlass(*arguments, cwd=tmp_path, env=KEYS)
    assert done.returncode == status, done.stderr
    assert done.stderr.count("\n") == 1 and said in done.stderr, done.stderr


THROTTLED = """\
version: 1
name: p{n}
fleet: {{ auto_scaling_group: g{n}, min: 0, max: 3, jobs_per_instance: 1, warm_up: 10s }}
metrics:
  backlog: {{ sqs: {{ queue_url: "https://sqs.us-east-1.amazonaws.com/123456789012/q{n}" }} }}
rules: [ {{ name: backlog, target_tracking: {{ metric: backlog, per_instance: 1 }} }} ]
evaluate: {{ every: 5s, idle_every: 5s }}
"""


class Throttle(Page):
    """Too many calls, whatever is asked."""

    def do_POST(self):
        text = b'{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slower"}'
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def test_status_tells_which_endpoint_is_left_alone_and_which_is_called_slower(programs, windlass, tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Throttle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = tmp_path / "policies"
    folder.mkdir()
    for n in range(3):
        (folder / f"p{n}.yaml").write_text(THROTTLED.format(n=n))
    env = {**KEYS, "AWS_ENDPOINT_URL_AUTO_SCALING": f"http://127.0.0.1:{free_port()}",
           "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{server.server_port}"}
    daemon = programs.start("windlassd", "--policies", folder, "--journal", tmp_path / "j.db", env=env)

    def called():
        told = json.loads(windlass("status", "--journal", tmp_path / "j.db", "-o", "json").stdout)
        return {p["service"]: p for p in told["endpoints"]}

    daemon.wait_log("an endpoint throttles")
    daemon.wait_log("an endpoint fails", seconds=60)
    wait_for(lambda: called()["Auto Scaling"]["breaker"] != "closed", "the breaker", 30)
    seen = called()
    assert seen["Auto Scaling"]["failures_in_a_row"] >= 10 and seen["SQS"]["breaker"] == "closed", seen
    assert 0 < seen["SQS"]["calls_per_second_most"] < 100 and seen["SQS"]["throttled"] > 0, seen
    text = windlass("status", "--journal", tmp_path / "j.db").stdout
    assert "failed in a row" in text and "/s" in text, text
    assert daemon.stop() == 0
    server.shutdown()


def test_a_full_disk_of_the_journal_is_said_and_holds_scale_in(programs, windlass, tmp_path):
    """C9, on a disk that is really full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        (disk / "filler").write_bytes(bytes(6 << 20))
        env = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
        daemon = programs.start("windlassd", "--policies", POLICY, "--journal", disk / "journal.db", env=env)
        daemon.wait_log("journal.db is full.*scale-in waits: free some room")
        status = windlass("status", "--journal", disk / "journal.db")
        assert "the journal's disk is full" in status.stdout, status.stdout + status.stderr
        assert daemon.stop() == 0
        (disk / "filler").unlink()
        daemon = programs.start("windlassd", "--policies", POLICY, "--journal", disk / "journal.db", env=env)
        daemon.wait_log("a turn met an error")
        assert pathlib.Path(disk, "journal.db.reserve").exists() and "is full" not in daemon.text()
        wait_for(lambda: "full" not in windlass("status", "--journal", disk / "journal.db").stdout, "room")
        assert daemon.stop() == 0
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
