"""That a worker lives and polls: told to the service manager, and acted on by itself where it does not."""

import os
import pathlib
import re
import signal
import socket
import threading
import time

import pytest
from conftest import wait_for
from test_worker_last_receive import front
from test_worker_outside import get, metric
from videos import around, clips

__all__ = ["around", "clips", "front"]


class Manager:
    """What systemd hears of a unit of Type=notify."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []
        self.environment = {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "1000000"}
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while lines := self.socket.recv(65536).decode().splitlines():
            self.heard += lines

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self.path)

    def count(self, line):
        return self.heard.count(line)

    def wait(self, pattern, seconds=30):
        wait_for(lambda: any(re.search(pattern, line) for line in list(self.heard)), f"notice /{pattern}/", seconds)


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path)
    yield made
    made.close()


def test_the_service_manager_hears_that_it_is_ready_lives_and_stops(around, clips, manager):
    gate = around.gate()
    worker = around.worker("--wait-time", "1", PATH=gate.path, **manager.environment)
    manager.wait("^READY=1$")
    worker.wait_log("worker ready")
    alive = manager.count("WATCHDOG=1")
    wait_for(lambda: manager.count("WATCHDOG=1") >= alive + 2, "life", 10)
    around.send(clips["tiny"])
    gate.wait_started()
    manager.wait("^STATUS=1 of 1 slots busy, 0 stored, 0 parked, last good poll [0-9]+ s ago$")
    slot, = [pid for pid, line in worker.children().items() if "--slot" in line]
    names = {pair.split(b"=")[0] for pair in open(f"/proc/{slot}/environ", "rb").read().split(b"\0")}
    assert not names & {b"NOTIFY_SOCKET", b"WATCHDOG_USEC"}, "it speaks for itself alone"
    assert manager.count("STOPPING=1") == 0
    worker.signal(signal.SIGTERM)
    manager.wait("^STOPPING=1$")
    manager.wait("^STATUS=draining: 1 jobs under way$")
    gate.open()
    assert worker.wait_end() == 0 and manager.count("READY=1") == 1


def test_a_supervisor_that_stands_still_is_not_told_alive(around, manager):
    worker = around.worker("--wait-time", "1", **manager.environment)
    manager.wait("^READY=1$")
    os.kill(worker.pid, signal.SIGSTOP)
    wait_for(lambda: ") T " in pathlib.Path(f"/proc/{worker.pid}/stat").read_text(), "standstill")
    before = manager.count("WATCHDOG=1")
    time.sleep(1.2)  # what the manager waits for before it kills: the time itself is what is tested
    assert manager.count("WATCHDOG=1") == before
    os.kill(worker.pid, signal.SIGCONT)
    assert worker.stop() == 0


def test_a_worker_that_waits_for_its_queue_is_ready_and_does_not_wait_for_ever(around, manager):
    around.cloud.program.kill()
    worker = around.worker("--wait-time", "1", "--poll-watchdog", "2s", **manager.environment)
    manager.wait("^READY=1$")
    assert worker.wait_end(30) == 1 and "to be started anew" in worker.text()
    manager.wait("^STOPPING=1$")


def test_a_worker_whose_polls_are_not_answered_ends_when_its_jobs_have(around, clips, front):
    """No poll is asked for while all slots are busy, and none is missed then; once one is free and none is answered,
    the job under way is neither killed nor given back."""
    gate, refusing = around.gate(), threading.Event()

    def refused(handler, body):
        if refusing.is_set() and handler.headers["X-Amz-Target"] == "AmazonSQS.ReceiveMessage":
            return 403, "application/x-amz-json-1.0", '{"__type":"com.amazon.coral.service#AccessDeniedException"}'
        return None

    one, two = around.send(clips["tiny"], clips["tiny"])
    worker = around.worker("--wait-time", "1", "--slots", "2", "--poll-watchdog", "2s", "--drain-timeout", "1s",
                           "--listen", "127.0.0.1:0", PATH=gate.path, AWS_ENDPOINT_URL_SQS=front(refused))
    base = "http://127.0.0.1:" + worker.wait_log(r"listening.*port=(\d+)").group(1)
    gate.wait_started(2)
    refusing.set()
    wait_for(lambda: metric(base, "poll_age_seconds") > 4, "a poll that is long ago")
    assert get(base, "/healthz")[0] == 200 and "no poll is answered" not in worker.text()
    os.kill(gate.started()[0], signal.SIGKILL)
    worker.wait_log("no poll is answered.*jobs=1")
    end = time.monotonic() + 2  # past the drain's own limit
    wait_for(lambda: time.monotonic() > end, "time")
    assert worker.running
    gate.open()
    assert worker.wait_end() == 1
    assert "no poll was answered" in worker.text() and worker.text().count("job done") == 1
    assert len(around.outputs()) == 1 and sum(around.depth()) == 1, "the other's is in the queue"
    assert {one["video_id"], two["video_id"]} >= {around.outputs()[0].split("/")[1][:36]}
