"""Any job: a command with the message on its standard input, by the same guarantees as a video's."""

import json
import os
import shlex
import signal
import socket
import time

import pytest
from conftest import wait_for
from videos import BUCKET, alive, around, slots_of

__all__ = ["around"]


def profile(around, command, more="", **exec_keys):
    keys = "".join(f"  {k}: {v}\n" for k, v in exec_keys.items())
    path = around.folder / f"exec-{len(list(around.folder.iterdir()))}.yaml"
    words = json.dumps(command).replace("$", "$$")  # a profile expands its environment
    path.write_text(f"version: 1\nname: any\nprocessor: exec\nexec:\n  command: {words}\n{keys}{more}")
    return path


def outputs(around, prefix):
    got = around.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return {o["Key"]: around.s3.get_object(Bucket=BUCKET, Key=o["Key"]) for o in got}


def test_a_command_gets_each_message_and_its_status_says_what_becomes_of_it(around):
    seen = around.folder / "seen"
    seen.mkdir()
    script = (f'cat > "{seen}/$WINDLASS_MESSAGE_ID"; body=$(cat "{seen}/$WINDLASS_MESSAGE_ID"); '
              'case $body in bad*) echo "no good: $body" >&2; exit 65;; '
              'again) [ "$WINDLASS_RECEIVE_COUNT" -gt 1 ] || { echo later >&2; exit 7; };; esac')
    bodies = ["hello", '{"not": "a video"}', "\u00fcmlaut \u2713", "x" * 300000, "bad \u2620", "again"]
    for body in bodies:
        around.put_message(body, kept={"DataType": "String", "StringValue": "yes"})
    worker = around.programs.start("windlass-worker", "--exec", script, "--work-dir", around.work, "--log-format",
                                   "logfmt", "--retry-delay", "1s", "--slots", "2", "--max-jobs", "7",
                                   env=around.environment)
    assert worker.wait_end(60) == 0
    assert sorted(f.read_text() for f in seen.iterdir()) == sorted(bodies)
    parked, = around.take_all(around.dead)
    note = json.loads(parked["MessageAttributes"]["windlass-parked"]["StringValue"])
    assert parked["Body"] == "bad \u2620" and note["stage"] == "run" and note["attempt"] == 1
    assert "status 65" in note["reason"] and "no good: bad" in note["stderr"]
    assert parked["MessageAttributes"]["kept"]["StringValue"] == "yes"
    assert "message returned" in worker.text() and "status 7" in worker.text()
    assert around.depth() == (0, 0) and around.clean()


def test_what_a_command_leaves_is_stored_once_and_recognised(around):
    runs = around.folder / "runs"
    command = ["sh", "-c", f'echo run >> {runs}; pwd; read n; for i in $(seq $n); do echo part $i > out/part-$i.txt; done; '
               'ln -s /etc/passwd out/part-link.txt; mkdir out/part-folder.txt; echo whole > out/whole']
    file = profile(around, command, f"""outputs:
  - {{ name: parts, file: "part-*.txt", bucket: {BUCKET}, key: "parts/{{digest}}/{{file}}", type: text/plain }}
  - {{ name: whole, file: whole, bucket: {BUCKET}, key: "whole/{{digest}}" }}
manifest: "parts/{{digest}}/manifest.json"
""")
    around.put_message("3")
    around.put_message("3")  # an equal message is the same job
    assert around.worker("--until-empty", profile=file).wait_end(60) == 0
    assert runs.read_text() == "run\n"
    found = outputs(around, "parts/")
    assert sorted(k.rsplit("/", 1)[1] for k in found) == ["manifest.json", "part-1.txt", "part-2.txt", "part-3.txt"]
    digest = next(iter(found)).split("/")[1]
    assert found[f"parts/{digest}/part-2.txt"]["Body"].read() == b"part 2\n"
    assert found[f"parts/{digest}/part-2.txt"]["ContentType"] == "text/plain"
    assert all(f["Metadata"]["receive-count"] == "1" for f in found.values()), "a lease's token on each"
    manifest = json.loads(found[f"parts/{digest}/manifest.json"]["Body"].read())
    assert [f["key"].rsplit("/", 1)[1] for f in manifest["files"]] == ["part-1.txt", "part-2.txt", "part-3.txt", digest]
    latest = max(f["LastModified"] for f in found.values())
    assert found[f"parts/{digest}/manifest.json"]["LastModified"] == latest, "the manifest comes last"
    assert around.depth() == (0, 0) and around.depth(around.dead) == (0, 0) and around.clean()


def test_what_a_command_was_to_leave_and_did_not_parks_its_message(around):
    file = profile(around, ["true"], f"outputs:\n  - {{ name: a, file: a, bucket: {BUCKET}, key: \"a/{{digest}}\" }}\n")
    around.put_message("x")
    assert around.worker("--until-empty", profile=file).wait_end(60) == 0
    parked, = around.take_all(around.dead)
    assert "left no a" in parked["MessageAttributes"]["windlass-parked"]["StringValue"]


@pytest.mark.parametrize("who", ["slot", "worker"])
def test_kill_9_leaves_no_grandchild_and_loses_no_message(around, who):
    pids = around.folder / "pids"
    command = ["sh", "-c", f'[ "$WINDLASS_RECEIVE_COUNT" = 1 ] || exit 0; sleep 600 & echo $! $$ > {pids}; wait']
    file = profile(around, command)
    around.put_message("x")
    worker = around.worker("--visibility-timeout", "5", "--wait-time", "1", profile=file)
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2, "command and its child", 30)
    victims = [int(p) for p in pids.read_text().split()]
    slot, = slots_of(worker)
    os.kill(slot if who == "slot" else worker.process.pid, signal.SIGKILL)
    wait_for(lambda: not any(alive(p) for p in victims), f"end of {victims}", 20)
    if who == "worker":
        worker.process.wait()
        worker = around.worker("--wait-time", "1", profile=file)
    around.wait_drained(60)
    assert worker.stop() == 0
    assert around.depth(around.dead) == (0, 0) and around.clean()


def test_a_command_past_its_time_is_killed_whole_and_tried_again(around):
    pids = around.folder / "pids"
    script = f'[ "$WINDLASS_RECEIVE_COUNT" = 1 ] || exit 0; sleep 600 & echo $! > {pids}; wait'
    around.put_message("x")
    began = time.monotonic()
    worker = around.programs.start("windlass-worker", "--exec", script, "--exec-timeout", "2s", "--work-dir", around.work,
                                   "--retry-delay", "1s", "--log-format", "logfmt", "--wait-time", "1", "--max-jobs", "2",
                                   env=around.environment)
    assert worker.wait_end(60) == 0 and time.monotonic() - began < 55
    assert not alive(int(pids.read_text()))
    assert "had not ended at its time limit" in worker.text()
    assert around.depth() == (0, 0)


@pytest.mark.parametrize("sign", ["says nothing", "says", "touches", "writes"])
def test_a_command_without_a_sign_of_life_is_killed_and_one_with_any_is_not(around, sign):
    """Three seconds of work where two without a sign are too many."""
    sign_of_life = {"says nothing": ":", "says": "echo . >&2", "touches": 'touch "$WINDLASS_ALIVE"', "writes": "echo ."}[sign]
    more = f'outputs:\n  - {{ name: o, file: stdout, bucket: {BUCKET}, key: "o/{{digest}}" }}\n' if sign == "writes" else ""
    file = profile(around, ["sh", "-c", '[ "$WINDLASS_RECEIVE_COUNT" = 1 ] || exit 0; '
                            f"for i in 1 2 3 4 5 6; do sleep 0.5; {sign_of_life}; done; echo ended"],
                   more + "limits: { stall: 2s }\n")
    around.put_message("x")
    worker = around.worker("--wait-time", "1", "--max-jobs", "2" if sign == "says nothing" else "1", profile=file)
    assert worker.wait_end(60) == 0
    assert ("made no progress for too long" in worker.text()) == (sign == "says nothing")
    assert around.depth() == (0, 0) and around.clean()


ATTACKS = {
    "reads a file outside": "cat {canary}",
    "writes over a file outside": "echo x > {canary}",
    "makes a file outside": "touch {outside}/made",
    "connects": "exec 3<>/dev/tcp/127.0.0.1/{port}",
    "reads the worker's environment": "cat /proc/$PPID/environ",
    "removes a file outside": "rm -f {canary}; test ! -e {canary}",
}


def test_a_command_in_a_sandbox_keeps_to_its_folder(around, programs):
    probe = programs.call("windlass-worker", "--self-test", "--work-dir", around.folder / "probe", seconds=90).stdout
    if "Landlock" not in probe.splitlines()[0] or "seccomp" not in probe.splitlines()[0]:
        pytest.skip("the kernel, or this build, lacks a layer of the sandbox")
    outside = around.folder / "outside"
    outside.mkdir()
    canary = outside / "canary"
    canary.write_text("untouched")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    script = "mkdir -p a/b && echo fine > a/b/c && cat a/b/c | grep -q fine && python3 -c 'print(1)' >&2 || exit 1\n"
    for name, attack in ATTACKS.items():
        line = attack.format(canary=canary, outside=outside, port=listener.getsockname()[1])
        script += f"if (bash -c {shlex.quote(line)}) >/dev/null 2>&1; then echo {shlex.quote(name)} >&2; exit 65; fi\n"
    around.put_message("x")
    worker = around.programs.start("windlass-worker", "--exec", script, "--exec-sandbox", "all", "--work-dir", around.work,
                                   "--log-format", "logfmt", "--until-empty", env=around.environment)
    assert worker.wait_end(60) == 0
    assert [m["MessageAttributes"]["windlass-parked"]["StringValue"] for m in around.take_all(around.dead)] == []
    assert around.depth() == (0, 0) and "message returned" not in worker.text(), worker.text()
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert canary.read_text() == "untouched" and [f.name for f in outside.iterdir()] == ["canary"]


def test_a_command_sees_no_secret_and_what_its_profile_names(around):
    seen = around.folder / "seen"
    file = profile(around, ["sh", "-c", f"env > {seen}"], environment="[GREETING, AWS_SECRET_ACCESS_KEY]")
    around.put_message("x")
    worker = around.worker("--until-empty", profile=file, GREETING="hello", AWS_ACCESS_KEY_ID="AKIDEXAMPLE",
                           AWS_SECRET_ACCESS_KEY=around.environment.get("AWS_SECRET_ACCESS_KEY", "s3cr3t"))
    assert worker.wait_end(60) in (0, 1)
    text = seen.read_text() if seen.exists() else ""
    assert "s3cr3t" not in text and "AWS_" not in text
    if text:
        assert "GREETING=hello" in text and "WINDLASS_RECEIVE_COUNT=1" in text


def test_a_wrong_start_names_both_ways(around):
    both = around.call("windlass-worker", "--exec", "true", "--profile", "/x", status=2)
    assert "--exec and --profile exclude each other" in both.stderr
    neither = around.call("windlass-worker", status=2)
    assert "no profile" in neither.stderr and "--exec" in neither.stderr
