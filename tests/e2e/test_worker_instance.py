"""Workers as instances of a group: busy means protected, surplus yields, a termination waits or gives back."""

import datetime
import http.server
import json
import os
import signal
import threading

import pytest
from conftest import program_path, wait_for
from fleet import Group, processes_of, wait_gone
from videos import PROFILE, around, clips, ffmpegs_of

__all__ = ["around", "clips"]


def script(around, gate=None, *options):
    lines = [f"export PATH='{gate.path}'"] if gate else []
    usual = [*(["--no-sandbox"] if gate else []), "--wait-time", "1", "--instance-poll", "300ms", "--yield-interval", "1s", "--idle-debounce", "1s",
             "--log-format", "logfmt", "--log-level", "debug"]
    return "\n".join([*lines, " ".join(["exec", program_path("windlass-worker"), "--queue-url", around.url, "--profile",
                                        str(PROFILE), *usual, *options])]) + "\n"


def protected(group):
    return {i["InstanceId"]: i["ProtectedFromScaleIn"] for i in group.instances()}


def wait_log(around, instance, words, seconds=30):
    wait_for(lambda: words in around.cloud.log(instance), f"'{words}' in the log of {instance}", seconds)


def test_busy_is_protected_and_idle_is_not(around, clips):
    gate = around.gate()
    group = Group(around.cloud).create(script(around, gate), desired=1)
    instance, = group.wait(1)
    wait_log(around, instance, "instance of a group")
    assert protected(group) == {instance: False}
    job, = around.send(clips["tiny"])
    gate.wait_started()
    assert protected(group) == {instance: True}, "protected before ffmpeg starts"
    gate.open()
    wait_log(around, instance, "job done")
    wait_for(lambda: protected(group) == {instance: False}, "end of the protection", 15)
    assert len(around.outputs(job["video_id"])) == 1
    log = around.cloud.log(instance)
    assert log.count("protected from scale-in") == 1 and log.count("protection from scale-in cleared") == 1


def test_what_a_killed_worker_left_protected_is_cleared(around, clips):
    gate = around.gate()
    worker = script(around, gate).replace("exec ", "", 1)
    group = Group(around.cloud).create(f"{worker}{program_path('windlass-worker')} --unprotect --log-format logfmt\n"
                                       "exec sleep 1000\n", desired=1)
    instance, = group.wait(1)
    around.send(clips["tiny"])
    gate.wait_started()
    assert protected(group) == {instance: True}
    os.kill(next(pid for pid, command in processes_of(instance).items() if "windlass-worker --queue-url" in command),
            signal.SIGKILL)
    wait_for(lambda: protected(group) == {instance: False}, "end of the protection", 30)


def test_a_new_protected_instance_looks_for_work_before_it_may_go(around, clips):
    group = Group(around.cloud).create(script(around), desired=1, NewInstancesProtectedFromScaleIn=True)
    instance, = group.wait(1)
    assert protected(group) == {instance: True}
    wait_for(lambda: protected(group) == {instance: False}, "end of the protection", 30)


def test_scaling_in_takes_no_busy_instance_and_one_yields(around, clips):
    gate = around.gate()
    group = Group(around.cloud).create(script(around, gate, "--idle-debounce", "60s"), desired=2)
    instances = group.wait(2)
    for instance in instances:
        wait_log(around, instance, "instance of a group")
    jobs = around.send(clips["tiny"], clips["tiny"])
    gate.wait_started(2)
    wait_for(lambda: list(protected(group).values()) == [True, True], "protection of both")
    group.desire(1)
    assert sorted(group.ids("InService")) == sorted(instances)
    gate.open()
    wait_for(lambda: len(group.ids("InService")) == 1, "yield of one", 60)
    stayed, = group.ids("InService")
    gone, = set(instances) - {stayed}
    wait_log(around, gone, "yielding")
    assert "yielding" not in around.cloud.log(stayed)
    wait_gone(gone)
    for job in jobs:
        wait_for(lambda: around.outputs(job["video_id"]), "its output, of the one that stayed too")
        assert around.output(job["video_id"])[1]["Metadata"]["receive-count"] == "1"
    more, = around.send(clips["tiny"])
    wait_for(lambda: around.outputs(more["video_id"]), "a job of the one that stayed")
    assert around.depth(around.dead) == (0, 0)


def test_a_trickle_that_keeps_all_protected_does_not_keep_the_fleet_large(around, clips):
    group = Group(around.cloud).create(script(around, None, "--idle-debounce", "600s"), desired=3)
    for instance in group.wait(3):
        wait_log(around, instance, "instance of a group")
    jobs = []

    def trickle():
        if sum(around.depth()) < 2:
            jobs.extend(around.send(clips["tiny"]))
    wait_for(lambda: trickle() or sum(protected(group).values()) == 3, "protection of all", 60)
    group.desire(1)
    wait_for(lambda: trickle() or len(group.ids()) == 1, "a fleet of one", 90)
    around.wait_drained()
    for job in jobs:
        assert around.output(job["video_id"])[1]["Metadata"]["receive-count"] == "1", "a running job was killed"


def test_an_instance_that_is_to_be_replaced_takes_no_new_job_and_is_not_kept(around, clips):
    gate = around.gate()
    group = Group(around.cloud).create(script(around, gate, "--idle-debounce", "600s"), desired=1)
    instance, = group.wait(1)
    job, = around.send(clips["tiny"])
    gate.wait_started()
    around.call("windlass", "local", "rebalance", instance)
    wait_log(around, instance, "had better be replaced")
    around.send(clips["tiny"])
    gate.open()
    wait_for(lambda: protected(group) == {instance: False}, "end of the protection", 30)
    assert len(around.outputs()) == len(around.outputs(job["video_id"])) == 1 and around.depth() == (1, 0)


def terminate(group, instance):
    group.api.terminate_instance_in_auto_scaling_group(InstanceId=instance, ShouldDecrementDesiredCapacity=True)


def test_a_termination_waits_for_the_job_where_there_is_a_hook(around, clips):
    gate = around.gate()
    group = Group(around.cloud).create(script(around, gate))
    group.api.put_lifecycle_hook(AutoScalingGroupName=group.name, LifecycleHookName="drain", HeartbeatTimeout=30,
                                 LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", DefaultResult="CONTINUE")
    group.desire(1)
    instance, = group.wait(1)
    job, later = around.send(clips["tiny"], clips["tiny"])
    gate.wait_started()
    terminate(group, instance)
    wait_log(around, instance, "the instance is being terminated: no new job")
    assert group.ids("Terminating:Wait") == [instance]
    gate.open()
    wait_log(around, instance, "the termination may go on")
    group.wait_settled(0)
    wait_gone(instance)
    assert "job done" in around.cloud.log(instance)
    assert len(around.outputs()) == 1 and around.depth() == (1, 0)
    keys = around.outputs(job["video_id"]) + around.outputs(later["video_id"])
    head = around.s3.head_object(Bucket="anb-videos", Key=keys[0])
    assert head["Metadata"]["receive-count"] == "1"


def test_a_termination_without_a_hook_gives_the_job_back(around, clips):
    gate = around.gate()
    group = Group(around.cloud).create(script(around, gate), desired=1)
    instance, = group.wait(1)
    wait_log(around, instance, "the group has no termination hook")
    around.send(clips["tiny"])
    gate.wait_started()
    terminate(group, instance)
    wait_for(lambda: around.depth() == (1, 0), "message seen again", 20)
    group.wait_settled(0)
    wait_gone(instance)
    assert not around.outputs() and not processes_of(instance)
    assert around.depth(around.dead) == (0, 0)


def test_the_end_of_the_cloud_is_the_end_of_its_workers(around, clips):
    gate = around.gate()
    group = Group(around.cloud).create(script(around, gate, "--drain-timeout", "1s"), desired=2)
    instances = group.wait(2)
    around.send(clips["tiny"])
    gate.wait_started()
    assert around.cloud.program.stop(60) == 0
    for instance in instances:
        assert not processes_of(instance)


class Metadata(http.server.ThreadingHTTPServer):
    """Metadata of a spot instance, as far as a worker reads it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, status, text=""):
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def do_PUT(self):
            self.answer(200, "token")

        def do_GET(self):
            text = self.server.leaves.get(self.path.removeprefix("/latest/meta-data/"))
            self.answer(404) if text is None else self.answer(200, text)

        def log_message(self, *_):
            pass

    def __init__(self, instance):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.leaves = {"instance-id": instance}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take_away(self, seconds):
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        self.leaves["spot/instance-action"] = json.dumps(
            {"action": "terminate", "time": at.strftime("%Y-%m-%dT%H:%M:%SZ")})


@pytest.fixture
def spot():
    server = Metadata("i-0123456789abcdef0")
    yield server
    server.shutdown()
    server.server_close()


def spot_worker(around, spot, **more):
    return around.worker("--instance-poll", "200ms", "--wait-time", "1", AWS_EC2_METADATA_DISABLED=None,
                         AWS_EC2_METADATA_SERVICE_ENDPOINT=f"http://127.0.0.1:{spot.server_port}", **more)


def test_a_spot_notice_gives_back_what_does_not_fit(around, clips, spot):
    around.send(clips["tiny"])
    gate = around.gate()
    worker = spot_worker(around, spot, PATH=gate.path)
    worker.wait_log("the instance belongs to no group")
    gate.wait_started()
    spot.take_away(120)
    worker.wait_log("the spot instance goes")
    wait_for(lambda: around.depth() == (1, 0), "message seen again", 10)
    assert worker.stop() == 0 and not around.outputs()


def test_a_spot_notice_lets_what_fits_be_finished(around, clips, spot):
    job, other = around.send(clips["hd"], clips["hd"])
    worker = spot_worker(around, spot)
    wait_for(lambda: ffmpegs_of(worker), "ffmpeg", 60)
    worker.wait_log("permille=[1-9]", 60)
    spot.take_away(600)
    worker.wait_log("the spot instance goes")
    worker.wait_log("job done", 120)
    assert worker.stop() == 0
    assert len(around.outputs()) == 1 and around.depth() == (1, 0), "no new job after the notice"
    assert worker.text().count("job started") == 1
