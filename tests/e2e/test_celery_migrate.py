"""windlass migrate: both queues seen, the old one watched, the new one moved back; real Redis, real Celery."""

import json

import pytest
from celery_redis import Celery, redis
from conftest import wait_for
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
