"""What every end-to-end test stands on: the built programs, started and stopped by process.

A test never sleeps a guess. It waits for something seen: a log line, a file, an HTTP answer,
or a condition it names; each wait has an end and says what it waited for. Whatever a test
started is gone after it, whether it passed or not, and a sanitizer report in any program that
it started, or in a child of one, fails it.
"""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

SRC = pathlib.Path(os.environ.get("WINDLASS_SRC", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("WINDLASS_BUILD", SRC / "build" / "tests"))
PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.05


def pytest_configure(config):
    # Orphans of a killed program come to us instead of to init, so that they can be found.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def program_path(name):
    """The built program of that name, or the test is skipped by name."""
    for folder in (BUILD, BUILD / "src" / "programs"):
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    pytest.fail(f"{name} is not built in {BUILD}: run make there, or set WINDLASS_BUILD")


def wait_for(condition, what, seconds=30.0):
    """Looks until condition() is true and returns what it gave; fails naming what was awaited."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > end:
            pytest.fail(f"after {seconds:g} s there was still no {what}")
        time.sleep(POLL_SECONDS)


def free_port():
    """A TCP port on 127.0.0.1 that was free a moment ago and that the kernel gives to no one else soon."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def http_get(url, seconds=2.0):
    """(status, body) of a GET, or None when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()
    except OSError:
        return None


def processes():
    """{pid: (parent, state, command line)} of everything that runs."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        state, parent = stat.rsplit(")", 1)[1].split()[:2]
        found[int(folder.name)] = (int(parent), state, command)
    return found


def descendants(root):
    """{pid: command line} of all that root and its children started and that still runs."""
    everything = processes()
    found, front = {}, {root}
    while front:
        front = {pid for pid, (parent, _, _) in everything.items() if parent in front}
        for pid in front:
            if everything[pid][1] != "Z":
                found[pid] = everything[pid][2]
    return found


class Program:
    """One started program: its log, its waits, its end."""

    def __init__(self, name, argv, env, cwd, log):
        self.name, self.argv, self.log = name, argv, log
        self.out = open(log, "ab")
        self.process = subprocess.Popen(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self.process.pid

    @property
    def running(self):
        return self.process.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def wait(self, condition, what, seconds=30.0):
        """As wait_for, but ends at once when the program does."""
        def look():
            got = condition()
            if got:
                return got
            if not self.running and not condition():
                pytest.fail(f"{self.name} ended with status {self.process.returncode} before {what}; it said:\n"
                            + self.text()[-4000:])
            return None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = look()
            if got:
                return got
            time.sleep(POLL_SECONDS)
        pytest.fail(f"after {seconds:g} s {self.name} had shown no {what}; it said:\n{self.text()[-4000:]}")

    def wait_log(self, pattern, seconds=30.0):
        """Waits for a line that matches; returns the match."""
        return self.wait(lambda: re.search(pattern, self.text(), re.M), f"line /{pattern}/", seconds)

    def wait_file(self, path, seconds=30.0):
        self.wait(lambda: os.path.exists(path), f"file {path}", seconds)

    def wait_http(self, url, seconds=30.0):
        """Waits until url answers, whatever it says; returns (status, body)."""
        return self.wait(lambda: http_get(url), f"answer from {url}", seconds)

    def wait_end(self, seconds=30.0):
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{self.name} still ran after {seconds:g} s; it said:\n{self.text()[-4000:]}")

    def signal(self, number):
        if self.running:
            self.process.send_signal(number)

    def stop(self, seconds=30.0):
        """SIGTERM, and the exit status; fails when it does not end."""
        self.signal(signal.SIGTERM)
        return self.wait_end(seconds)

    def kill(self):
        """SIGKILL to the program alone, as a crash would be: its children live on."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def children(self):
        return descendants(self.pid)


class Programs:
    """Starts programs for one test and answers for them."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []
        self.before = descendants(os.getpid())  # a server that the whole session shares
        self.home = folder / "home"
        self.home.mkdir()
        self.reports = folder / "sanitizer"
        self.reports.mkdir()
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("AWS_", "SQS_", "CELERY_", "WINDLASS_", "PYTEST_", "LC_"))
                    and k not in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
        self.env.update(
            HOME=str(self.home), LC_ALL="C.UTF-8", TZ="UTC", AWS_EC2_METADATA_DISABLED="true",
            ASAN_OPTIONS=f"log_path={self.reports}/asan:exitcode=99:detect_leaks=1",
            UBSAN_OPTIONS=f"log_path={self.reports}/ubsan:exitcode=99:print_stacktrace=1")

    def environment(self, more):
        env = dict(self.env)
        for key, value in (more or {}).items():
            if value is None:
                env.pop(key, None)
            else:
                env[key] = str(value)
        return env

    def start(self, name, *arguments, env=None, cwd=None):
        """Starts a built program (or, with a slash in name, any other) and returns a Program."""
        path = name if "/" in name else program_path(name)
        base = os.path.basename(name)
        log = self.folder / f"{base}.{len(self.started)}.log"
        program = Program(base, [path, *map(str, arguments)], self.environment(env), cwd or self.folder, log)
        self.started.append(program)
        return program

    def call(self, name, *arguments, env=None, cwd=None, seconds=60.0, input=None):
        """Runs a built program to its end: .returncode, .stdout, .stderr (text)."""
        path = name if "/" in name else program_path(name)
        try:
            return subprocess.run([path, *map(str, arguments)], env=self.environment(env), cwd=cwd or self.folder,
                                  input=input, stdin=subprocess.DEVNULL if input is None else None,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=seconds)
        except subprocess.TimeoutExpired as e:
            pytest.fail(f"{name} {' '.join(map(str, arguments))} still ran after {seconds:g} s: {e.stderr}")

    def leftovers(self):
        """{pid: command line} of all that this test started and that still runs, orphans too."""
        return {pid: command for pid, command in descendants(os.getpid()).items() if pid not in self.before}

    def end(self):
        for program in reversed(self.started):
            program.signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for program in reversed(self.started):
            try:
                program.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                program.signal(signal.SIGKILL)
                program.process.wait()
        while self.leftovers():
            for pid in self.leftovers():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            reap()
            time.sleep(POLL_SECONDS)
        reap()
        for program in self.started:
            program.out.close()

    def sanitizer_reports(self):
        return [(path.name, path.read_text(errors="replace")) for path in sorted(self.reports.iterdir())
                if path.stat().st_size]


def reap():
    """Takes the status of orphans that came to us and have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


@pytest.fixture
def programs(tmp_path, request):
    """Start and call the built programs; all of them are gone after the test."""
    started = Programs(tmp_path)
    failed_before = request.session.testsfailed
    try:
        yield started
    finally:
        started.end()
    reports = started.sanitizer_reports()
    if reports:
        pytest.fail("\n".join(f"sanitizer report {name}:\n{text[:6000]}" for name, text in reports))
    for program in started.started:
        if program.process.returncode == 99:
            pytest.fail(f"{program.name} ended with the status of a sanitizer report:\n{program.text()[-4000:]}")
    if request.session.testsfailed > failed_before:
        for program in started.started:
            print(f"--- {program.name} ---\n{program.text()[-4000:]}")


@pytest.fixture
def windlass(programs):
    """windlass(verb, arguments…): runs the command to its end."""
    def call(*arguments, **options):
        return programs.call("windlass", *arguments, **options)
    return call


@pytest.fixture
def keys():
    """Credentials that the embedded cloud and moto take, as environment."""
    return {"AWS_ACCESS_KEY_ID": "AKIDWINDLASSTESTS000", "AWS_SECRET_ACCESS_KEY": "not/a/secret+key/of/any/account",
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def client_of(keys):
    """client_of(endpoint, service, options…): a boto3 client, the independent client of every test."""
    boto3 = pytest.importorskip("boto3", reason="needs: boto3")
    from botocore.config import Config

    def make(endpoint, service, **options):
        usual = {"region_name": keys["AWS_REGION"], "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
                 "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
                 "config": Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"})}
        return boto3.client(service, endpoint_url=endpoint, **{**usual, **options})
    return make


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory):
    """moto's server, started once: it takes seconds to start and forgets on request."""
    pytest.importorskip("moto.server", reason="needs: moto")
    started = Programs(tmp_path_factory.mktemp("moto"))
    port = free_port()
    server = started.start(sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port)
    try:
        server.wait_http(f"http://127.0.0.1:{port}/moto-api/", seconds=60)
        yield server, f"http://127.0.0.1:{port}"
    finally:
        started.end()


@pytest.fixture
def moto(moto_server):
    """The URL of moto's server, the independent server of every client test; it begins empty."""
    server, url = moto_server
    reset = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(reset, timeout=30) as reply:
        assert reply.status == 200, server.text()[-2000:]
    return url


@pytest.fixture
def ffmpeg():
    """The path of ffmpeg."""
    path = shutil.which("ffmpeg")
    if path is None:
        pytest.fail("ffmpeg is missing: apt-get install ffmpeg")
    return path
