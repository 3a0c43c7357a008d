"""The harness itself: what it starts ends, and what goes wrong in a child is seen."""

import os
import signal
import sys

import pytest

from conftest import Programs, descendants, free_port, wait_for


def test_harness_waits_for_a_line_and_stops(programs):
    p = programs.start(sys.executable, "-u", "-c", "print('ready 7'); import signal; signal.pause()")
    assert p.wait_log(r"^ready (\d)$").group(1) == "7"
    assert p.stop() == -signal.SIGTERM


def test_harness_names_a_program_that_ends_early(programs):
    p = programs.start(sys.executable, "-c", "import sys; sys.exit('no disk')")
    with pytest.raises(pytest.fail.Exception, match="status 1 before (.|\n)*no disk"):
        p.wait_log("ready")


def test_harness_finds_and_ends_orphans(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    inner = Programs(folder)
    p = inner.start("/bin/sh", "-c", "sleep 1000 & echo up; wait")
    p.wait_log("up")
    orphan = next(iter(wait_for(p.children, "child")))
    p.kill()
    assert orphan in inner.leftovers()
    inner.end()
    assert orphan not in descendants(os.getpid())


def test_harness_hides_the_callers_cloud(programs, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    shown = Programs.environment(programs, {"SQS_REGION": "r"})
    assert "AWS_PROFILE" not in programs.env and shown["SQS_REGION"] == "r"


def test_harness_sees_a_sanitizer_report(programs):
    programs.call("/bin/sh", "-c", 'p=${ASAN_OPTIONS#log_path=}; echo "ERROR: AddressSanitizer" > "${p%%:*}.1"')
    reports = programs.sanitizer_reports()
    assert reports and "AddressSanitizer" in reports[0][1]
    for path in programs.reports.iterdir():
        path.unlink()


def test_moto_answers(moto, client_of):
    url = client_of(moto, "sqs").create_queue(QueueName="q")["QueueUrl"]
    assert url.endswith("/q")
    assert free_port() != free_port()
