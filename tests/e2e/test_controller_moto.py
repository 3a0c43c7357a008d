"""The controller against a server that we did not write: moto plays SQS and Auto Scaling."""

import json
import re
import os
import subprocess

import pytest
from conftest import free_port, wait_for

GROUP = "thumbs-asg"

POLICY = """\
version: 1
name: {name}
mode: {mode}
fleet:
  auto_scaling_group: {group}
  region: us-east-1
  max: {max}
  warm_up: 0s
metrics:
  backlog:
    sqs: {{ queue_url: "{queue}", count: [visible, in_flight] }}
rules:
  - name: backlog
    target_tracking: {{ metric: backlog, per_instance: 10 }}
evaluate: {{ every: 1s, idle_every: 2s }}
"""


class World:
    def __init__(self, moto, client_of, keys, folder):
        self.env = dict(keys, AWS_ENDPOINT_URL=moto)
        self.sqs, self.asg = client_of(moto, "sqs"), client_of(moto, "autoscaling")
        self.queue = self.sqs.create_queue(QueueName="thumbs-in")["QueueUrl"]
        self.asg.create_launch_configuration(LaunchConfigurationName="lc", ImageId="ami-12c6146b", InstanceType="t2.micro")
        self.group(GROUP)
        self.policies = folder / "policies"
        self.policies.mkdir()
        self.journal = folder / "journal.db"

    def group(self, name):
        self.asg.create_auto_scaling_group(AutoScalingGroupName=name, LaunchConfigurationName="lc", MinSize=0, MaxSize=8,
                                           DesiredCapacity=1, AvailabilityZones=["us-east-1a"])

    def policy(self, name="thumbs", mode="enforce", group=GROUP, queue=None, most=6):
        path = self.policies / f"{name}.yaml"
        path.write_text(POLICY.format(name=name, mode=mode, group=group, queue=queue or self.queue, max=most))
        return path

    def send(self, n):
        for _ in range(n):
            self.sqs.send_message(QueueUrl=self.queue, MessageBody="{}")

    def desired(self, group=GROUP):
        return self.asg.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"][0]["DesiredCapacity"]


@pytest.fixture
def world(moto, client_of, keys, tmp_path):
    return World(moto, client_of, keys, tmp_path)


def test_plan_says_what_is_due_and_writes_nothing(world, windlass):
    path = world.policy()
    world.send(35)
    done = windlass("plan", path, "--journal", world.journal, env=world.env)
    assert done.returncode == 3, done.stderr
    assert "2 demand" in done.stdout and "clear 35 jobs" in done.stdout
    assert world.desired() == 1
    assert not world.journal.exists()
    done = windlass("plan", path, "--journal", world.journal, "--output", "json", env=world.env)
    plan = json.loads(done.stdout)[0]
    assert done.returncode == 3 and plan["change"] and plan["plan"]["desired"] == 4


def test_a_turn_writes_once_and_remembers(world, windlass):
    path = world.policy()
    world.send(35)
    done = windlass("turn", path, "--journal", world.journal, env=world.env)
    assert done.returncode == 0, done.stderr
    assert world.desired() == 4
    done = windlass("plan", path, "--journal", world.journal, env=world.env)
    assert done.returncode == 0, done.stdout + done.stderr
    said = windlass("explain", "thumbs", "--journal", world.journal)
    assert said.returncode == 0 and "written: done" in said.stdout and "2 demand" in said.stdout, said.stdout + said.stderr
    status = json.loads(windlass("status", "--journal", world.journal, "--output", "json").stdout)
    assert status["lease_holder"] is None and status["policies"][0]["wanted"] == 4
    called = {p["service"]: p for p in status["endpoints"]}
    assert called.keys() == {"SQS", "Auto Scaling"} and called["SQS"]["breaker"] == "closed", status
    assert called["Auto Scaling"]["calls"] == 2 and called["Auto Scaling"]["calls_per_second_most"] is None, status


def test_the_policy_max_holds_whatever_the_backlog(world, windlass):
    path = world.policy(most=3)
    world.send(200)
    assert windlass("turn", path, "--journal", world.journal, env=world.env).returncode == 0
    assert world.desired() == 3


@pytest.mark.parametrize("mode", ["dry_run", "shadow", "paused"])
def test_modes_that_watch_never_write(world, windlass, mode):
    path = world.policy(mode=mode)
    world.send(35)
    done = windlass("turn", path, "--journal", world.journal, env=world.env)
    assert done.returncode == 0, done.stderr
    assert world.desired() == 1


def test_two_enforcing_policies_of_one_group_are_both_named_and_neither_writes(world, windlass):
    world.policy("first")
    world.policy("second")
    world.send(35)
    done = windlass("turn", world.policies, "--journal", world.journal, env=world.env)
    assert done.returncode == 2
    assert "first" in done.stderr and "second" in done.stderr
    assert world.desired() == 1


def test_one_bad_file_does_not_stop_the_good_ones(world, windlass):
    world.policy("good")
    (world.policies / "bad.yaml").write_text("version: 1\nname: bad\nfleet:\n  auto_scaling_grup: x\n")
    world.send(35)
    done = windlass("turn", world.policies, "--journal", world.journal, env=world.env)
    assert done.returncode == 2
    assert "bad.yaml:4:3:" in done.stderr and "auto_scaling_group" in done.stderr
    assert world.desired() == 4


def test_a_queue_that_cannot_be_read_holds_the_fleet_and_says_so(world, windlass):
    path = world.policy(queue=world.queue + "-gone")
    world.asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=5)
    done = windlass("turn", path, "--journal", world.journal, env=world.env)
    assert done.returncode == 1
    assert "thumbs" in done.stderr and "NonExistentQueue" in done.stderr
    assert world.desired() == 5


def test_a_group_that_is_not_there_is_one_clear_line(world, windlass):
    path = world.policy(group="no-such-group")
    done = windlass("turn", path, "--journal", world.journal, env=world.env)
    assert done.returncode == 1
    assert "no-such-group" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_missing_credentials_are_one_clear_line(world, windlass):
    path = world.policy()
    env = dict(world.env, AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    done = windlass("plan", path, "--journal", world.journal, env=env)
    assert done.returncode == 1
    assert "credentials" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_a_region_that_nobody_names_is_asked_for(world, windlass, tmp_path):
    path = world.policy()
    path.write_text(path.read_text().replace("  region: us-east-1\n", ""))
    env = dict(world.env, AWS_REGION=None, AWS_DEFAULT_REGION=None, HOME=str(tmp_path), AWS_CONFIG_FILE=None)
    done = windlass("plan", path, "--journal", world.journal, env=env)
    assert done.returncode == 1 and "set AWS_REGION, or region in ~/.aws/config" in done.stderr
    assert "the group cannot be read (no region is set: fleet.region or AWS_REGION)" in done.stdout


def test_bounds_that_the_group_does_not_share_are_told(world, windlass):
    path = world.policy(most=60)
    path.write_text(path.read_text().replace("  max: 60", "  min: 20\n  max: 60"))
    world.send(35)
    done = windlass("plan", path, "--journal", world.journal, env=world.env)
    assert "the policy allows 20 to 60, the group none of these" in done.stdout, done.stdout + done.stderr
    assert windlass("turn", path, "--journal", world.journal, env=world.env).returncode == 0
    assert world.desired() == 4


def test_the_daemon_follows_the_queue_and_ends_on_sigterm(world, programs, windlass):
    world.policy()
    daemon = programs.start("windlassd", "--policies", world.policies, "--journal", world.journal, "--log-format", "logfmt",
                            env=world.env)
    daemon.wait_log("windlassd is ready")
    world.send(35)
    daemon.wait_log("desired capacity set.*to=4")
    assert world.desired() == 4
    status = json.loads(windlass("status", "--journal", world.journal, "--output", "json").stdout)
    assert status["lease_holder"] == daemon.pid
    refused = windlass("turn", world.policies, "--journal", world.journal, env=world.env)
    assert refused.returncode == 1 and str(daemon.pid) in refused.stderr
    assert daemon.stop() == 0


def test_a_standby_takes_over_when_the_leader_is_killed(world, programs):
    world.policy()
    start = lambda: programs.start("windlassd", "--policies", world.policies, "--journal", world.journal,
                                   "--log-format", "logfmt", env=world.env)
    first = start()
    first.wait_log("windlassd is ready")
    second = start()
    second.wait_log("standing by")
    first.kill()
    second.wait_log("windlassd is ready")
    world.send(35)
    second.wait_log("desired capacity set.*to=4")
    assert world.desired() == 4


def test_sighup_takes_new_policies_and_keeps_the_old_ones_when_one_is_bad(world, programs):
    path = world.policy(most=2)
    world.group("other-asg")
    world.send(35)
    daemon = programs.start("windlassd", "--policies", world.policies, "--journal", world.journal, "--log-format", "logfmt",
                            env=world.env)
    daemon.wait_log("desired capacity set.*to=2")
    good = path.read_text()
    path.write_text("version: 1\nnonsense: 2\n")
    world.policy("other", group="other-asg")
    daemon.signal(1)
    daemon.wait_log("not read anew.*present policies stay")
    path.write_text(good.replace("max: 2", "max: 5"))
    daemon.signal(1)
    daemon.wait_log("desired capacity set.*to=4")
    daemon.wait_log("desired capacity set.*policy=other")
    assert world.desired() == 4
    assert len(re.findall("policies read anew", daemon.text())) == 1



@pytest.fixture
def small_disk(world, tmp_path):
    """The world's journal on a disk of its own; fills it to the last block."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("only root can mount a small disk")
    world.journal = disk / "journal.db"

    def fill():
        subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filler", "bs=4k"], stderr=subprocess.DEVNULL)
        assert os.statvfs(disk).f_bavail == 0
    yield fill
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_holds_scale_in_and_lets_scale_out_go_on(world, windlass, small_disk):
    path = world.policy()
    assert windlass("turn", path, "--journal", world.journal, env=world.env).returncode == 0
    world.asg.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=1)
    small_disk()
    world.send(35)
    done = windlass("turn", path, "--journal", world.journal, env=world.env)
    assert "is full" in done.stderr and done.returncode == 1, done.stdout + done.stderr
    assert world.desired() == 4, done.stdout + done.stderr
    said = windlass("explain", "thumbs", "--journal", world.journal)
    assert "written: done" in said.stdout, said.stdout + said.stderr
    world.sqs.purge_queue(QueueUrl=world.queue)
    text = path.read_text().replace("evaluate:", "behavior: { scale_in: { stabilization: 0s }, deactivation: { for: 0s } }\nevaluate:")
    path.write_text(text)
    for _ in range(3):
        done = windlass("turn", path, "--journal", world.journal, env=world.env)
        assert world.desired() == 4, done.stdout
    assert "the journal cannot be written -> scale-in waits" in done.stdout, done.stdout + done.stderr
    (world.journal.parent / "filler").unlink()
    for _ in range(3):
        done = windlass("turn", path, "--journal", world.journal, env=world.env)
    assert world.desired() < 4, done.stdout + done.stderr


def test_a_disk_that_fills_under_the_daemon_stops_no_scale_out(world, programs, small_disk):
    world.policy()
    daemon = programs.start("windlassd", "--policies", world.policies, "--journal", world.journal, "--log-format",
                            "logfmt", env=world.env)
    daemon.wait_log("windlassd is ready")
    daemon.wait_log("event=decided")
    small_disk()
    world.send(35)
    wait_for(lambda: world.desired() == 4, "scale-out")
    daemon.wait_log("the disk of the journal .* is full -> its reserve is given up and scale-in waits")
    assert daemon.stop() == 0


def other_account(number, moto, client_of, keys, folder):
    """The same world in another account, seen with the keys of a role of it: moto keeps accounts apart by the keys."""
    taken = client_of(moto, "sts").assume_role(RoleArn=f"arn:aws:iam::{number}:role/test", RoleSessionName="test")["Credentials"]
    role = {"aws_access_key_id": taken["AccessKeyId"], "aws_secret_access_key": taken["SecretAccessKey"],
            "aws_session_token": taken["SessionToken"]}
    folder.mkdir()
    return World(moto, lambda url, service: client_of(url, service, **role), keys, folder)


def test_one_controller_serves_several_accounts(world, windlass, moto, client_of, keys, tmp_path):
    """Groups of one name in three accounts: the base one, and two that are reached by a role."""
    worlds = {"own": world}
    world.policy("own")
    for number in ("222222222222", "333333333333"):
        worlds[number] = other_account(number, moto, client_of, keys, tmp_path / number)
        text = POLICY.format(name=f"of-{number}", mode="enforce", group=GROUP, queue=worlds[number].queue, max=6)
        (world.policies / f"{number}.yaml").write_text(
            text.replace("  max: 6", f"  role_arn: arn:aws:iam::{number}:role/windlass\n  external_id: door\n  max: 6"))
    for name, jobs in (("own", 25), ("222222222222", 15), ("333333333333", 45)):
        worlds[name].send(jobs)
    done = windlass("turn", world.policies, "--journal", world.journal, env=world.env)
    assert done.returncode == 0, done.stderr
    assert {name: w.desired() for name, w in worlds.items()} == {"own": 3, "222222222222": 2, "333333333333": 5}


def test_a_role_that_cannot_be_taken_costs_its_own_policy_only(world, windlass):
    world.policy("good")
    bad = POLICY.format(name="bad", mode="enforce", group="other", queue=world.queue, max=6)
    (world.policies / "bad.yaml").write_text(bad.replace("  max: 6", "  role_arn: arn:aws:iam::222222222222:role/lost\n  max: 6"))
    world.send(35)
    done = windlass("turn", world.policies, "--journal", world.journal,
                    env={**world.env, "AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{free_port()}"})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "policy bad: " in done.stderr and "taking the role arn:aws:iam::222222222222:role/lost: STS AssumeRole" in done.stderr
    assert world.desired() == 4
