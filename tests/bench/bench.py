"""What the benches share: a release build, an embedded cloud with queues and groups, and figures beside limits.

Nothing but the repository's own programs and python3; the few calls that windlass has no verb for are
signed here.
"""

import contextlib
import datetime
import hashlib
import hmac
import html
import http.client
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build" / "bench"
REGION = "us-east-1"


def build(instead=None):
    """A release tree in build/bench, of what the sources are now; or what is built in another folder."""
    global BUILD
    if instead:
        BUILD = pathlib.Path(instead).resolve()
        return
    script = ("set -eu; cd " + shlex.quote(str(TOP)) + "; . tests/lib/setup.sh; packages_install $PACKAGES_BUILD; "
              "build_tree build/bench all CFLAGS='-O2 -g'")
    if subprocess.run(["sh", "-c", script], stdin=subprocess.DEVNULL).returncode != 0:
        sys.exit(1)


class Figures:
    """Prints each figure beside its limit; the exit status says whether one is missed."""

    def __init__(self):
        self.missed = 0

    def say(self, name, value, limit, unit):
        good = value <= limit
        self.missed += not good
        print(f"{name:<58} {value:9.3f} {unit:<6} limit {limit:g} {unit}{'' if good else '   MISSED'}", flush=True)

    def least(self, name, value, limit, unit):
        good = value >= limit
        self.missed += not good
        print(f"{name:<58} {value:9.3f} {unit:<6} at least {limit:g} {unit}{'' if good else '   MISSED'}", flush=True)

    def note(self, name, value, unit):
        print(f"{name:<58} {value:9.3f} {unit}", flush=True)

    def status(self):
        return 1 if self.missed else 0


class TlsFront:
    """Takes TLS off connections and hands what they carry to a port of this machine."""

    def __init__(self, listener, context, port):
        self.listener, self.context, self.port = listener, context, port

    def serve(self):
        while True:
            raw, _ = self.listener.accept()
            threading.Thread(target=self.carry, args=(raw,), daemon=True).start()

    def carry(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as near, \
                    socket.create_connection(("127.0.0.1", self.port)) as far:
                back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
                back.start()
                self.pump(near, far)
                back.join()
        except OSError:
            pass  # the client tells what it made of it

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Bench:
    """One folder, one windlass-local, and what is started on it; all of it ends with the block."""

    def __init__(self, *buckets, port="0", options=()):
        self.started, self.buckets, self.port, self.options = [], buckets, port, options  # of windlass-local
        self.cleanup = contextlib.ExitStack()  # what else is to be undone before the folder goes
        self.patient = False  # asks again when a call fails: faults are set

    def __enter__(self):
        self.folder_ = tempfile.TemporaryDirectory(prefix="windlass-bench-")
        self.folder = pathlib.Path(self.folder_.name)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("AWS_", "SQS_", "CELERY_", "WINDLASS_")) and "proxy" not in k.lower()}
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            self.start_cloud()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop_one(self):
        """Ends what was started last."""
        child = self.started.pop()
        child.terminate()
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def stop(self):
        while self.started:
            self.stop_one()
        self.cleanup.close()
        self.folder_.cleanup()

    def start(self, name, *argv, alone=False):
        """Alone: with its own copies of its libraries, so that it shares no page with anybody by chance."""
        env = dict(self.env)
        if alone:
            env["LD_LIBRARY_PATH"] = str(self.copy_libraries(name))
        with (self.folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen([self.program(name), *argv], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.started.append(child)
        return child

    def copy_libraries(self, name):
        folder = self.folder / f"{name}-libraries"
        if not folder.exists():
            folder.mkdir()
            text = subprocess.run(["ldd", self.program(name)], capture_output=True, text=True, check=True).stdout
            for path in re.findall(r"=> (/\S+)", text):
                shutil.copy(path, folder)
        return folder

    @staticmethod
    def program(name):
        path = BUILD / name
        return path if path.exists() else BUILD / "src" / "programs" / name

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def wait(self, what, true, seconds=30.0):
        end = time.monotonic() + seconds
        while not true():
            for child in self.started:
                if child.poll() is not None:
                    sys.exit(f"bench: a program ended by itself while waiting for {what}:\n{self.tails()}")
            if time.monotonic() > end:
                sys.exit(f"bench: no {what} in {seconds:g} s:\n{self.tails()}")
            time.sleep(0.02)

    def tails(self):
        return "\n".join(line for log in self.folder.glob("*.log") for line in log.read_text().splitlines()[-10:])

    def start_cloud(self):
        made = self.folder / "cloud.yaml"
        made.write_text(f"buckets: [ {', '.join(self.buckets)} ]\n")
        self.cloud = self.start("windlass-local", "--state", self.folder / "state", "--port", self.port,
                                *self.options, *(["--declare", made] if self.buckets else []))
        self.wait("windlass-local", lambda: "ready on" in self.log("windlass-local"))
        self.endpoint = re.search(r"ready on (\S+)", self.log("windlass-local")).group(1)
        keys = self.folder / "state" / "credentials"
        self.env.update(AWS_ENDPOINT_URL=self.endpoint, AWS_REGION=REGION, AWS_CONFIG_FILE="/dev/null",
                        AWS_SHARED_CREDENTIALS_FILE=str(keys))
        self.direct = self.endpoint
        found = dict(re.findall(r"^(\w+)\s*=\s*(\S+)$", keys.read_text(), re.M))
        self.key, self.secret = found["aws_access_key_id"], found["aws_secret_access_key"]

    def crash_cloud(self):
        """kill -9, and a start on the same folder and port."""
        before = self.log("windlass-local").count("ready on")
        self.started.remove(self.cloud)
        self.cloud.kill()
        self.cloud.wait()
        self.cloud = self.start("windlass-local", "--state", self.folder / "state", "--port", self.port)
        self.wait("windlass-local", lambda: self.log("windlass-local").count("ready on") > before)

    def encrypt(self):
        """What is started from now on reaches the cloud over TLS, as it would reach AWS. False where
        that cannot be had."""
        if not shutil.which("openssl"):
            return False
        cert, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], check=True,
                       capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        listener = socket.create_server(("127.0.0.1", 0))
        front = TlsFront(listener, context, urllib.parse.urlsplit(self.direct).port)
        threading.Thread(target=front.serve, daemon=True).start()
        self.endpoint = f"https://127.0.0.1:{listener.getsockname()[1]}"
        self.env.update(AWS_ENDPOINT_URL=self.endpoint, AWS_CA_BUNDLE=str(cert))
        return True

    def windlass(self, *argv, may_fail=False):
        done = subprocess.run([self.program("windlass"), *argv], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True)
        if done.returncode != 0 and not may_fail:
            sys.exit(f"bench: windlass {' '.join(map(str, argv))}: {done.stderr.strip()}")
        return done.stdout

    def sign(self, service, method="POST", path="/", query="", body=b""):
        """A request of urllib. A query is given encoded, its names in order."""
        now = datetime.datetime.now(datetime.timezone.utc)
        date, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        digest = hashlib.sha256(body).hexdigest()
        headers = {"host": urllib.parse.urlsplit(self.direct).netloc, "x-amz-date": date}
        if service == "s3":
            headers["x-amz-content-sha256"] = digest
        names = ";".join(sorted(headers))
        scope = f"{day}/{REGION}/{service}/aws4_request"
        canonical = "\n".join([method, path, query, *(f"{n}:{headers[n]}" for n in sorted(headers)), "", names, digest])
        text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = ("AWS4" + self.secret).encode()
        for part in (*scope.split("/"), text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        headers.pop("host")
        return urllib.request.Request(self.direct + path + ("?" + query if query else ""),
                                         body if method in ("POST", "PUT") else None, {
            **headers, "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, "
                             f"Signature={key.hex()}"}, method=method)

    def signed(self, service, method="POST", path="/", query="", body=b""):
        """One signed call that must go well; the reply's text."""
        return self.answer(self.sign(service, method, path, query, body), f"{service} {method} {path} {body[:100]!r}")

    def attempt(self, path, **fields):
        """One call of SQS; raises what urllib raises."""
        body = urllib.parse.urlencode({"Version": "2012-11-05", **fields}).encode()
        with urllib.request.urlopen(self.sign("sqs", path=path, body=body), timeout=20) as reply:
            return reply.read().decode()

    def answer(self, request, what):
        for tries in range(30 if self.patient else 1, 0, -1):
            try:
                with urllib.request.urlopen(request, timeout=3 if self.patient else 20) as reply:
                    return reply.read().decode()
            except (OSError, http.client.HTTPException) as e:
                said = e.read().decode()[:400] if isinstance(e, urllib.error.HTTPError) else ""
                if tries == 1:
                    sys.exit(f"bench: {what}: {e} {said}")
            time.sleep(0.1)

    def query(self, service, path="/", **fields):
        """One signed call of the Query protocol; the reply's XML."""
        version = "2011-01-01" if service == "autoscaling" else "2012-11-05"
        return self.signed(service, path=path, body=urllib.parse.urlencode({"Version": version, **fields}).encode())

    def objects(self, bucket, prefix):
        """{key: ETag} of a bucket."""
        found, token = {}, ""
        while True:
            query = {"list-type": "2", "prefix": prefix, **({"continuation-token": token} if token else {})}
            text = self.signed("s3", "GET", f"/{bucket}", urllib.parse.urlencode(sorted(query.items()),
                                                                                 quote_via=urllib.parse.quote))
            for key, etag in re.findall(r"<Contents>.*?<Key>(.*?)</Key>.*?<ETag>(.*?)</ETag>", text, re.S):
                found[key] = etag
            more = re.search(r"<NextContinuationToken>(.*?)</NextContinuationToken>", text)
            if not more:
                return found
            token = html.unescape(more.group(1))

    def take_all(self, url):
        """The bodies of all messages of a queue, taken out of it."""
        found = []
        while True:
            text = self.query("sqs", urllib.parse.urlsplit(url).path, Action="ReceiveMessage", MaxNumberOfMessages=10,
                              VisibilityTimeout=3600)
            bodies = re.findall(r"<Body>(.*?)</Body>", text, re.S)
            if not bodies:
                return found
            found += map(html.unescape, bodies)

    def depth(self, url):
        """(visible, in flight) of a queue."""
        text = self.query("sqs", urllib.parse.urlsplit(url).path, Action="GetQueueAttributes",
                          **{"AttributeName.1": "All"})
        value = dict(re.findall(r"<Name>(\w+)</Name><Value>([^<]*)</Value>", text))
        return int(value["ApproximateNumberOfMessages"]), int(value["ApproximateNumberOfMessagesNotVisible"])

    def make(self, name, most):
        """A queue and a group whose instances only sleep. Returns the queue's address."""
        lines = self.windlass("queue", "create", f"{name}-queue")
        self.query("autoscaling", Action="CreateLaunchConfiguration", LaunchConfigurationName=f"{name}-launch",
                   ImageId="ami-12345678", InstanceType="t3.small", UserData="ZXhlYyBzbGVlcCAxMDAwCg==")
        self.query("autoscaling", Action="CreateAutoScalingGroup", AutoScalingGroupName=f"{name}-asg", MinSize=0,
                   MaxSize=most, DesiredCapacity=0, LaunchConfigurationName=f"{name}-launch",
                   **{"AvailabilityZones.member.1": REGION + "a"})
        return re.search(r"SQS_QUEUE_URL=\"?'?([^\s'\"]+)", lines).group(1)

    def policy(self, name, url, most, every, idle_every):
        folder = self.folder / "policies"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(f"""\
version: 1
name: {name}
mode: enforce
fleet: {{ auto_scaling_group: {name}-asg, min: 0, max: {most}, jobs_per_instance: 1, warm_up: 10s }}
metrics:
  backlog:
    sqs: {{ queue_url: "{url}", count: [visible, in_flight] }}
rules:
  - {{ name: backlog, target_tracking: {{ metric: backlog, per_instance: 1 }} }}
behavior:
  tolerance: 10%
  activation: {{ above: 0, samples: 1 }}
  deactivation: {{ for: 1s }}
  scale_in: {{ stabilization: 1s, cooldown: 0s }}
evaluate: {{ every: {every}, idle_every: {idle_every} }}
""")
        return folder

    def send(self, url, body="{}"):
        self.query("sqs", urllib.parse.urlsplit(url).path, Action="SendMessage", MessageBody=body)

    def desired(self, name):
        text = self.query("autoscaling", Action="DescribeAutoScalingGroups",
                          **{"AutoScalingGroupNames.member.1": f"{name}-asg"})
        return int(re.search(r"<DesiredCapacity>(\d+)<", text).group(1))


def private_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kb) * 1024 for kb in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", text, re.M))


def cpu_seconds(pid):
    """What the whole process has used, threads that have ended too; the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)
