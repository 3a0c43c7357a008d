"""AWS on a bad day: SQS and Auto Scaling of as many regions as there are stories, each with its own faults.

Every region has one queue, one group and one policy. What is written to a group is checked as it comes: within
the bounds of policy and group (C1), by a policy that may write (C5), and never twice without a look in between
(C8).
"""

import datetime
import email.utils
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
import urllib.parse

GROUP_MIN, GROUP_MAX, POLICY_MAX = 1, 4, 5  # together: 1 to 4
INSTANCE = ("<member><InstanceId>i-{k:017x}</InstanceId><LifecycleState>InService</LifecycleState>"
            "<HealthStatus>Healthy</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>")
GROUP = ("<member><AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>{low}</MinSize><MaxSize>{high}</MaxSize>"
         "<DesiredCapacity>{desired}</DesiredCapacity><DefaultCooldown>300</DefaultCooldown>"
         "<Instances>{instances}</Instances></member>")


class Region:
    """What there is in a region, and what goes wrong with it. Changed under `lock` only."""

    def __init__(self, name, writes=True):
        self.name, self.may_write = name, writes
        self.lock = threading.Condition()
        self.visible, self.in_flight, self.desired = 20, 0, 2
        self.low, self.high, self.gone = GROUP_MIN, GROUP_MAX, False
        self.faults = {}  # action -> [kind, how many more times or None]
        self.ahead = datetime.timedelta()  # of the service's clock
        self.calls, self.written, self.wrong = [], [], []
        self.turns, self.errors = [], []
        self.looked, self.last = True, None  # since the last write; how that went

    def change(self, **what):
        with self.lock:
            for key, value in what.items():
                setattr(self, key, value)
            self.lock.notify_all()

    def wait(self, true, seconds=60):
        with self.lock:
            return self.lock.wait_for(lambda: true(self), seconds)

    def count(self, action):
        return sum(name == action for name in self.calls)

    def fault_of(self, action):
        fault = self.faults.get(action)
        if not fault or fault[1] == 0:
            return None
        if fault[1] is not None:
            fault[1] -= 1
        return fault[0]

    def write(self, size):
        if not (max(self.low, 0) <= size <= min(self.high, POLICY_MAX)):
            self.wrong.append(f"{size} is out of bounds (C1)")
        if not self.may_write:
            self.wrong.append("a policy wrote that may not (C5)")
        self.desired = size
        self.written.append(size)


class Answer:
    def __init__(self, status, body, kind="text/xml"):
        self.status, self.body, self.kind = status, body.encode(), kind


def sqs(region, action):
    if action != "GetQueueAttributes":
        return sqs_error(400, "InvalidAction")
    return Answer(200, json.dumps({"Attributes": {
        "ApproximateNumberOfMessages": str(region.visible), "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": str(region.in_flight)}}), "application/x-amz-json-1.0")


def sqs_error(status, code):
    return Answer(status, json.dumps({"__type": f"com.amazonaws.sqs#{code}", "message": "told to"}),
                  "application/x-amz-json-1.0")


def xml_error(status, code):
    return Answer(status, f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>told to</Message>"
                          "</Error><RequestId>1</RequestId></ErrorResponse>")


def autoscaling(region, action, fields):
    members = ""
    if action == "DescribeAutoScalingGroups" and not region.gone:
        members = GROUP.format(name="g", low=region.low, high=region.high, desired=region.desired,
                               instances="".join(INSTANCE.format(k=k) for k in range(region.desired)))
    if action == "SetDesiredCapacity":
        region.write(int(fields["DesiredCapacity"][0]))
    return Answer(200, f"<{action}Response xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><{action}Result>"
                       f"<AutoScalingGroups>{members}</AutoScalingGroups></{action}Result><ResponseMetadata>"
                       f"<RequestId>1</RequestId></ResponseMetadata></{action}Response>")


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.settimeout(120)
            with self.server.context.wrap_socket(self.request, server_side=True) as self.tls:
                while self.serve_one():
                    pass
        except OSError:
            pass  # the daemon hung up, or would not take the certificate: it tells

    def read(self):
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.tls.recv(65536)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        headers = {name.lower(): value for name, value in headers.items()}
        while len(body) < int(headers.get("content-length", 0)):
            body += self.tls.recv(65536)
        return headers, body

    def serve_one(self):
        asked = self.read()
        if not asked:
            return False
        headers, body = asked
        service, name = headers["host"].split(".")[:2]
        region = self.server.regions[name]
        fields = urllib.parse.parse_qs(body.decode()) if service == "autoscaling" else {}
        action = fields["Action"][0] if fields else headers["x-amz-target"].split(".")[1]
        with region.lock:
            region.calls.append(action)
            fault = region.fault_of(action)
            if action == "DescribeAutoScalingGroups":
                region.looked = True
            if action == "SetDesiredCapacity":
                if not region.looked and region.last != "throttle":
                    region.wrong.append("written again without a look (C8)")
                region.looked, region.last = False, fault
            error = sqs_error if service == "sqs" else xml_error
            answer = self.answer(region, service, action, fields, headers, fault, error)
            region.lock.notify_all()
        return self.send(region, answer, fault)

    def answer(self, region, service, action, fields, headers, fault, error):
        now = datetime.datetime.now(datetime.timezone.utc) + region.ahead
        sent = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%S%z")
        if abs(now - sent) > datetime.timedelta(minutes=5):
            return error(403, "SignatureDoesNotMatch" if service == "sqs" else "RequestExpired")
        refusals = {"throttle": (400, "ThrottlingException" if service == "sqs" else "Throttling"),
                    "broken": (500, "InternalFailure"), "expired": (403, "ExpiredToken"),
                    "denied": (403, "AccessDenied")}
        if fault in refusals:
            return error(*refusals[fault])
        if fault == "page":
            return Answer(200, "<html><body>Welcome to the hotel's network</body></html>", "text/html")
        answer = sqs(region, action) if service == "sqs" else autoscaling(region, action, fields)
        if fault == "oversized":
            answer.body = answer.body + b" " * (5 << 20)
        return answer

    def send(self, region, answer, fault):
        date = email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc) + region.ahead, usegmt=True)
        head = (f"HTTP/1.1 {answer.status} Told\r\nDate: {date}\r\nContent-Type: {answer.kind}\r\n"
                f"Content-Length: {len(answer.body)}\r\n\r\n").encode()
        if fault in ("lost", "silent"):
            if fault == "silent":
                region.wait(lambda r: "silent" not in [f[0] for f in r.faults.values()], 60)
            return False
        if fault in ("truncated", "reset"):
            self.tls.sendall(head + answer.body[:len(answer.body) // 2])
            if fault == "reset":
                self.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if fault == "drip":
            self.tls.sendall(head)
            for byte in answer.body:
                self.tls.sendall(bytes([byte]))
                time.sleep(0.3)  # the fault itself: an answer that goes on for longer than a turn
            return True
        self.tls.sendall(head + answer.body)
        return True


class Cloud(socketserver.ThreadingTCPServer):
    """Listens on port 443 of this namespace; its certificate is chosen by the name that is called."""

    daemon_threads, allow_reuse_address, request_queue_size = True, True, 128

    def __init__(self, regions, certificates):
        """@p certificates: host -> (certificate, key); None: every other host."""
        super().__init__(("127.0.0.1", 443), Handler)
        self.regions = {region.name: region for region in regions}
        contexts = {}
        for host, (cert, key) in certificates.items():
            contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            contexts[host].load_cert_chain(cert, key)
        self.context = contexts[None]

        def choose(sock, host, _):
            sock.context = contexts.get(host, contexts[None])

        self.context.sni_callback = choose
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass
