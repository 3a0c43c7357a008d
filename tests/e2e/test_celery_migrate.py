"""windlass migrate: both queues seen, the old one watched, the new one moved back; real Redis, real Celery."""

import json

import pytest
from celery_redis import Celery, group_with_hook, redis
from conftest import SRC, wait_for
from videos import BUCKET, around, clips

__all__ = ["around", "clips", "redis"]


@pytest.fixture
def migrate(around, redis):
    """migrate(action, options…): both queues are there."""
    around.environment["CELERY_BROKER_URL"] = redis.url(1)

    def call(*arguments, **env):
        return around.programs.call("windlass", "migrate", *arguments, env={**around.environment, **env})
    return call


def put_jobs(around, count):
    jobs = [around.job(f"s3://{BUCKET}/uploads/{n}.mp4") for n in range(count)]
    for at in range(0, count, 10):
        around.sqs.send_message_batch(QueueUrl=around.url, Entries=[
            {"Id": str(n), "MessageBody": json.dumps(job)} for n, job in enumerate(jobs[at:at + 10])])
    return jobs


def counts(migrate):
    done = migrate("status", "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rollback_moves_every_job_to_celery_which_runs_them(around, redis, migrate, programs, tmp_path):
    jobs = put_jobs(around, 25)
    around.put_message("no job")
    assert counts(migrate) == {"sqs": {"visible": 26, "in_flight": 0, "delayed": 0}, "celery": {"waiting": 0, "held": 0}}
    done = migrate("rollback", "--timeout", "60s")
    assert done.returncode == 1 and "moved from SQS to Celery: 25" in done.stdout, done.stdout + done.stderr
    assert "stays in SQS" in done.stderr and "no jobs, left in SQS: 1" in done.stdout
    seen = counts(migrate)
    assert seen["celery"]["waiting"] == 25 and seen["sqs"]["visible"] + seen["sqs"]["in_flight"] == 1
    celery = Celery(programs, tmp_path, redis.url(1))
    celery.worker()
    ran = {r["id"]: (r["video_id"], r["video_path"]) for r in celery.wait_ran(25)}
    assert ran == {j["task_id"]: (j["video_id"], j["video_path"]) for j in jobs}
    done = migrate("cutover", "--timeout", "60s")
    assert done.returncode == 0 and "is empty" in done.stdout, done.stderr


def test_rollback_killed_half_way_loses_none(around, redis, migrate):
    jobs = put_jobs(around, 200)
    program = around.programs.start("windlass", "migrate", "rollback", env=around.environment)
    wait_for(lambda: redis.call("LLEN", "celery", db=1) >= 10, "jobs that were moved")
    program.kill()
    assert redis.call("LLEN", "celery", db=1) < len(jobs), "it was killed half-way"
    # What it held comes back after its two minutes, which need not be waited for.
    around.call("windlass", "local", "advance", "3m")
    done = migrate("rollback", "--timeout", "60s")
    assert done.returncode == 0, done.stdout + done.stderr
    ids = [m["headers"]["id"] for m in redis.messages(db=1)]
    assert set(ids) == {j["task_id"] for j in jobs} and len(ids) <= len(jobs) + 1, "one may be there twice"
    assert counts(migrate)["sqs"] == {"visible": 0, "in_flight": 0, "delayed": 0}


def test_what_cannot_be_moved_stays(around, redis, migrate):
    put_jobs(around, 3)
    done = migrate("rollback", CELERY_BROKER_URL=redis.url(port=1))
    assert done.returncode == 1 and "refused" in done.stderr and "moved from SQS to Celery: 0" in done.stdout
    assert sum(around.depth()) == 3
    redis.call("LPUSH", "celery", "x", db=1)
    done = migrate("cutover", "--timeout", "1s")
    assert done.returncode == 1 and "1 tasks are left" in done.stderr
    for options, env in ((["rollback"], {"CELERY_BROKER_URL": ""}), (["rollback"], {"SQS_QUEUE_URL": ""}), (["sideways"], {}),
                         ([], {})):
        done = migrate(*options, **env)
        assert done.returncode == 2 and not done.stdout, (options, done.stderr)


POLICY = SRC / "policies" / "celery-and-sqs.yaml"


def check(migrate, *options, clean=None, **env):
    done = migrate("check", "--output", "json", *options, **env)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    report = json.loads(done.stdout)
    assert report["clean"] == (done.returncode == 0)
    ills = {(f["step"], f["check"]) for f in report["findings"] if f["level"] in ("warning", "error")}
    assert all(f["remedy"] for f in report["findings"] if f["level"] in ("warning", "error") and
               f["check"] not in ("call-failed",)), report
    return ills


def test_check_says_what_is_not_in_place_for_a_step(around, redis, migrate):
    """Each thing that may be missing is found at its step and not before it, and nothing where nothing is."""
    group = group_with_hook(around)
    fleet = ("--policies", str(POLICY))
    enforced = around.folder / "enforced.yaml"
    enforced.write_text(POLICY.read_text().replace("mode: shadow", "mode: enforce"))
    assert check(migrate, "--policies", str(enforced)) == set()
    assert check(migrate, *fleet) == {("5", "not-enforced")}
    for step in "1", "2", "3", "4":
        assert check(migrate, "--step", step, *fleet) == set(), step
    assert check(migrate, "--step", "back") == set()
    assert check(migrate, "--step", "1", CELERY_BROKER_URL="") == {("1", "celery-unset")}
    for broken in redis.url(port=1), redis.url(user="nobody:pw@"), "amqp://h":
        assert check(migrate, "--step", "3", CELERY_BROKER_URL=broken) == {("1", "celery-unreadable")}, broken
    assert check(migrate, "--step", "2", SQS_QUEUE_URL="") == set(), "the queue is made in step 2"
    assert check(migrate, "--step", "3", SQS_QUEUE_URL="") == {("3", "queue-unknown")}
    assert check(migrate, "--step", "5", SQS_QUEUE_URL="") == {("3", "queue-unknown"), ("5", "producer-celery")}
    assert check(migrate, "--step", "3", SQS_VISIBILITY_TIMEOUT="30", SQS_WAIT_TIME_SECONDS="20") == \
        {("3", "environment-differs")}
    assert check(migrate, "--step", "2", AWS_SHARED_CREDENTIALS_FILE="/nowhere") == {("2", "credentials")}
    one = around.folder / "one.yaml"
    one.write_text((SRC / "policies" / "anb.yaml").read_text())
    assert ("4", "follows-one") in check(migrate, "--step", "4", "--policies", str(one))
    group.api.delete_lifecycle_hook(AutoScalingGroupName=group.name, LifecycleHookName="drain")
    put_jobs(around, 2)
    assert check(migrate, "--policies", str(enforced)) == {("4", "no-hook"), ("5", "nobody-receives")}
    around.sqs.delete_queue(QueueUrl=around.dead)
    assert check(migrate, "--step", "3") == {("3", "no-dead-letter-queue")}
    around.sqs.delete_queue(QueueUrl=around.url)
    assert check(migrate, "--step", "3") == {("3", "no-queue")} and ("back", "no-queue") in check(migrate, "--step", "back")


def test_check_is_read_by_people_too(around, migrate):
    done = migrate("check", "--step", "3")
    assert done.returncode == 0 and done.stdout.count(": in place\n") == 3, done.stdout
    done = migrate("check", "--step", "3", SQS_QUEUE_URL="")
    assert done.returncode == 1 and "step 3, a worker for both queues: not yet" in done.stdout
    assert "         -> windlass queue create" in done.stdout and done.stdout.endswith("1 finding\n")
    assert migrate("check", "--step", "9").returncode == 2
    assert migrate("check", "--policies", "/nowhere").returncode in (1, 2)
