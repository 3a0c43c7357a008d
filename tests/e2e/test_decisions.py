"""What the controller decides under a world that does not obey, and what explain tells of it afterwards."""

import json
import re

import pytest
from conftest import wait_for
from fleet import Cloud, Group

POLICY = """\
version: 1
name: thumbs
fleet: { auto_scaling_group: workers, max: %(max)d, warm_up: 0s }
metrics:
  backlog: { sqs: { queue_url: "%(queue)s" } }
rules:
  - { name: backlog, target_tracking: { metric: backlog, per_instance: 10 } }
behavior: { scale_in: { stabilization: 0s }, tolerance: 0%% }
evaluate: { every: 1s, idle_every: 1s }
"""


class World:
    """A queue, a group of one and windlassd that follows them."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.cloud = Cloud(programs, folder).start("--stop-grace", "2s")
        self.sqs = self.cloud.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="thumbs-in")["QueueUrl"]
        self.group = Group(self.cloud).create(desired=1, most=30)
        self.group.wait(1)
        self.journal = folder / "journal.db"
        self.policies = folder / "policies"
        self.policies.mkdir()
        self.policy = self.policies / "thumbs.yaml"
        self.daemon = None

    def follow(self, most=20):
        self.policy.write_text(POLICY % {"queue": self.queue, "max": most})
        self.daemon = self.programs.start("windlassd", "--policies", self.policies, "--journal", self.journal,
                                          "--log-format", "logfmt", env=self.cloud.environment)
        self.daemon.wait_log("windlassd is ready")

    def send(self, n):
        for i in range(0, n, 10):
            self.sqs.send_message_batch(QueueUrl=self.queue, Entries=[
                {"Id": str(k), "MessageBody": "{}"} for k in range(min(10, n - i))])

    def local(self, *arguments):
        done = self.programs.call("windlass", "local", *arguments, env=self.cloud.environment)
        assert done.returncode == 0, done.stderr

    def wait_desired(self, n):
        wait_for(lambda: self.group.describe()["DesiredCapacity"] == n, f"desired capacity {n}")

    def planned(self):
        """What somebody without a memory would do."""
        return self.programs.call("windlass", "plan", self.policy, "--journal", self.folder / "other.db",
                                  env=self.cloud.environment)

    def said(self, *arguments, status=0):
        done = self.programs.call("windlass", "explain", "thumbs", "--journal", self.journal, *arguments)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    def told(self, *arguments):
        """The decisions as explain tells them in JSON, newest first."""
        return json.loads(self.said("--output", "json", *arguments))

    def wait_told(self, reason, want=lambda stair, entry: True):
        """The newest decision that has such a stair."""
        def find():
            for entry in self.told("--last", "1000"):
                for stair in entry["plan"]["stairs"]:
                    if stair["reason"] == reason and want(stair, entry):
                        return entry, stair
        return wait_for(find, f"a stair {reason}")


@pytest.fixture
def world(programs, tmp_path):
    return World(programs, tmp_path)


def test_launches_that_fail_cap_what_is_asked_until_they_work(world):
    shadow = (POLICY % {"queue": world.queue, "max": 20}).replace("name: thumbs", "name: shadow\nmode: shadow", 1)
    (world.policies / "shadow.yaml").write_text(shadow)
    world.follow()
    world.send(30)
    world.wait_desired(3)
    world.group.wait(3)
    world.local("fault", "capacity")
    world.send(30)
    world.wait_desired(6)
    world.wait_told("launch_failed")
    world.send(90)
    entry, stair = world.wait_told("launch_failed", lambda s, _: s["from"] == 15)
    assert stair["to"] == 6 == entry["plan"]["desired"] and entry["plan"]["act"] == "hold" and stair["step"] == 7
    assert entry["facts"]["group"]["launch_failures"] >= 1 and entry["without"]["reach"] == 15, entry
    text = world.said("--last", "1")
    assert "launches fail" in text and "EC2 has no capacity" in text and "instances missing: 3" in text
    assert re.search("AWS says: We currently do not have sufficient capacity", text)
    beside = lambda: world.programs.call("windlass", "explain", "shadow", "--journal", world.journal).stdout
    wait_for(lambda: "launches fail" in beside(), "the same reason for the policy's shadow", 60)
    once = world.planned()
    assert "launches fail" in once.stdout and once.returncode == 0, once.stdout + once.stderr
    world.local("fault", "fail", "--action", "DescribeScalingActivities", "--code", "AccessDenied")
    once = world.planned()
    assert "the activities of the group cannot be read (denied)" in once.stdout, once.stdout + once.stderr
    assert once.returncode == 3, "without the reason the turn goes on"
    assert world.group.describe()["DesiredCapacity"] == 6
    world.local("heal")
    world.local("advance", "1h")
    world.wait_desired(15)
    world.group.wait(15)
    assert world.daemon.stop() == 0


def test_a_size_set_by_somebody_else_is_recorded_and_not_fought_at_once(world):
    world.follow()
    world.send(50)
    world.wait_desired(5)
    world.group.desire(9)
    entry, stair = world.wait_told("foreign")
    assert stair["args"][:2] == [5, 9], stair
    assert entry["plan"]["current"] == entry["plan"]["desired"] == 9 and entry["plan"]["act"] == "hold", entry
    assert "foreign_held" in [s["reason"] for s in entry["plan"]["stairs"]]
    world.wait_desired(5)
    assert world.said().count("moved from 5 to 9 by somebody else") == 1
    assert world.daemon.stop() == 0


def test_explain_tells_what_was_at_a_time_and_what_kept_the_fleet_from_a_size(world):
    world.follow(most=4)
    world.send(20)
    world.wait_desired(2)
    world.send(60)
    world.wait_desired(4)
    assert world.daemon.stop() == 0
    entries = world.told("--last", "1000")
    first = [e for e in entries if e["plan"]["desired"] == 2 and e["wrote"]][-1]
    last = [e for e in entries if e["plan"]["desired"] == 4 and e["wrote"]][0]
    assert first["last"] < last["first"] and first["outcome"] == last["outcome"] == "done"
    # --at
    assert world.told("--at", first["last"], "--last", "1") == [first]
    assert world.told("--at", last["first"], "--last", "1")[0]["plan"]["desired"] == 4
    text = world.said("--at", first["last"], "--last", "1")
    assert first["first"] in text and "clear 20 jobs at 10 a worker" in text and "written: done" in text
    assert last["first"] not in text
    assert "no decision" in world.said("--at", "2001-01-01T00:00:00Z", status=1)
    assert "when" in world.said("--at", "when", status=2)
    # --why-not
    asked = ("--at", last["first"], "--why-not")
    assert "policy's max is 4" in world.said(*asked, "8")
    why = world.told(*asked, "8")[0]["why_not"]
    assert why["size"] == 8 and any("max" in line for line in why["because"]), why
    for size in ("4", "20"):
        told = world.told(*asked, size)[0]["why_not"]["because"]
        assert told and all(line in world.said(*asked, size) for line in told), told
    assert last["without"] == {"bounds": 8}
