"""The last receive of a message: a failure of the job itself is parked with its reason, before the queue would move it
without one; what is not the job's fault never brings it there."""

import http.client
import http.server
import json
import os
import signal
import socket
import threading

import pytest
from conftest import wait_for
from videos import around, clips, ffmpegs_of, slots_of

__all__ = ["around", "clips"]


class Front(http.server.BaseHTTPRequestHandler):
    """Stands before the cloud, and refuses what refused() says."""

    cloud = None

    def refused(self, body):
        return None

    def pass_on(self, body):
        """Status, data and headers of the cloud's answer."""
        there = http.client.HTTPConnection(self.cloud)
        there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":
                there.putheader(name, value)
        there.endheaders(body)
        reply = there.getresponse()
        return reply.status, reply.read(), reply.getheaders()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.refused(body)
        if answer and answer[0] == "break":  # as a connection that is reset half way
            self.send_response(206)
            self.send_header("Content-Length", "5242880")
            self.send_header("ETag", self.headers["If-Match"])
            self.end_headers()
            self.wfile.write(bytes(100000))
            self.close_connection = True
            return
        if answer:
            status, kind, data, headers = answer[0], answer[1], answer[2].encode(), []
        else:
            status, data, headers = self.pass_on(body)
            kind = None
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("x-amz-request-id", "r")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def front(around):
    """front(refused, port) starts one; its URL."""
    servers = []

    def start(refused, port=0):
        handler = type("Here", (Front,), {"cloud": around.cloud.url.removeprefix("http://"), "refused": refused})
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", port), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"
    yield start
    for server in servers:
        server.shutdown()


def note_of(around):
    parked, = around.take_all(around.dead)
    return json.loads(parked["MessageAttributes"]["windlass-parked"]["StringValue"])


def test_a_source_that_is_denied_is_parked_with_its_reason(around, clips, front):
    around.make_queue("--max-receives", "2", "--update")
    around.send(clips["tiny"])
    url = front(lambda self, body: (403, "application/xml", "<Error><Code>AccessDenied</Code></Error>"))
    worker = around.worker("--wait-time", "1", AWS_ENDPOINT_URL_S3=url)
    worker.wait_log("message parked", 30)
    assert worker.text().count("message returned") == 1
    assert worker.stop() == 0
    note = note_of(around)
    assert note["stage"] == "fetch" and note["attempt"] == 2 and "403" in note["reason"]
    assert around.depth() == (0, 0)


def test_a_slot_killed_at_its_last_receive_is_parked_with_its_reason(around, clips):
    around.make_queue("--max-receives", "1", "--update")
    around.send(clips["hd"])
    worker = around.worker("--wait-time", "1")
    wait_for(lambda: ffmpegs_of(worker), "ffmpeg", 60)
    os.kill(slots_of(worker)[0], signal.SIGKILL)
    worker.wait_log("message parked", 30)
    assert worker.stop() == 0
    assert note_of(around)["reason"] == "its slot was killed by signal 9"


def test_s3_away_for_longer_than_all_receives_loses_no_job(around, clips, front):
    around.make_queue("--max-receives", "1", "--update")
    job, = around.send(clips["tiny"])
    with socket.create_server(("127.0.0.1", 0)) as held:  # an address where nobody is, yet
        port = held.getsockname()[1]
    worker = around.worker("--wait-time", "1", AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{port}")
    wait_for(lambda: worker.text().count("message sent again: this was its last receive") >= 2, "two receives", 60)
    assert worker.text().count("S3 does not answer") >= 2
    assert worker.text().count("job started") <= 4, "receiving goes on while S3 is away"
    front(lambda self, body: None, port)
    worker.wait_log("job done", 60)
    assert worker.stop() == 0
    assert len(around.outputs(job["video_id"])) == 1
    assert around.depth() == (0, 0) and around.depth(around.dead) == (0, 0)


def test_a_job_interrupted_for_ever_is_parked_with_its_reason(around, clips):
    around.make_queue("--max-receives", "1", "--update")
    around.send(clips["tiny"])
    sent, = around.take_all(around.url)
    around.put_message(sent["Body"], **{"windlass-interrupted": {"DataType": "Number", "StringValue": "20"}})
    worker = around.worker("--wait-time", "1", AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    worker.wait_log("message parked", 40)
    assert worker.stop() == 0
    assert "interrupted at its last receive" in note_of(around)["reason"]


def test_a_worker_that_may_not_read_the_queues_attributes_says_what_that_means(around, clips, front):
    def refused(self, body):
        if b"GetQueueAttributes" in body or "GetQueueAttributes" in self.headers.get("X-Amz-Target", ""):
            return 403, "application/x-amz-json-1.0", json.dumps({"__type": "AccessDeniedException", "message": "no"})
        return None

    job, = around.send(clips["tiny"])
    url = front(refused)
    worker = around.worker("--wait-time", "1", AWS_ENDPOINT_URL_SQS=url)
    worker.wait_log("job done", 40)
    assert worker.stop() == 0
    assert "worker ready" not in worker.text()
    assert "sqs:GetQueueAttributes" in worker.text() and "dead_letters=unknown" in worker.text()
    assert len(around.outputs(job["video_id"])) == 1


def test_evidence_that_no_attribute_holds_is_an_object(around):
    command = "i=0; while [ $i -lt 100 ]; do echo \"line $i of a long complaint\" >&2; i=$((i+1)); done; exit 65"
    message = around.sqs.send_message(QueueUrl=around.url, MessageBody="no good")["MessageId"]
    worker = around.programs.start("windlass-worker", "--exec", command, "--work-dir", around.work, "--until-empty",
                                   "--evidence", "s3://anb-videos/evidence", env=around.environment)
    assert worker.wait_end(60) == 0
    note = note_of(around)
    assert note["evidence"] == f"s3://anb-videos/evidence/{message}-1.json"
    got = around.s3.get_object(Bucket="anb-videos", Key=f"evidence/{message}-1.json")
    kept = json.loads(got["Body"].read())
    assert kept["message_id"] == message and kept["attempt"] == 1 and kept["reason"] == note["reason"]
    assert "line 10 of" in kept["stderr"] and "line 10 of" not in note["stderr"], "more than the attribute holds"


def test_evidence_that_cannot_be_stored_keeps_no_message_from_its_dead_letters(around):
    around.put_message("no job")
    worker = around.worker("--until-empty", "--evidence", "s3://no-such-bucket-here/evidence")
    assert worker.wait_end(60) == 0
    assert "could not be stored" in worker.text()
    assert note_of(around)["stage"] == "receive"
    assert around.worker("--evidence", "evidence").wait_end(20) == 2
