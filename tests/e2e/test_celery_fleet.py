"""A fleet that follows a queue of Celery beside one of SQS: real Redis, real Celery, embedded cloud."""

import json
import re

import pytest
from celery_redis import SEPARATOR, Celery, redis
from conftest import SRC, wait_for
from fleet import Cloud, Group

__all__ = ["redis"]
POLICY = SRC / "policies" / "celery-and-sqs.yaml"


class Migration:
    """The group and the queue that the shipped policy names."""

    def __init__(self, programs, folder, redis, queue="celery"):
        self.programs, self.folder, self.policy = programs, folder, folder / "celery-and-sqs.yaml"
        text = POLICY.read_text().replace("queue: celery }", f"queue: {json.dumps(queue, ensure_ascii=False)} }}")
        self.policy.write_text(re.sub("^mode: shadow", "mode: enforce", text, flags=re.M))
        self.cloud = Cloud(programs, folder).start()
        self.group = Group(self.cloud, "anb-worker-asg").create(least=1, most=3, desired=1)
        self.sqs = self.cloud.client("sqs")
        self.url = self.sqs.create_queue(QueueName="anb-video-processing-queue")["QueueUrl"]
        self.environment = {**self.cloud.environment, "SQS_QUEUE_URL": self.url, "CELERY_BROKER_URL": redis.url(2)}

    def send(self, count):
        for number in range(count):
            self.sqs.send_message(QueueUrl=self.url, MessageBody=str(number))

    def call(self, *arguments, **env):
        return self.programs.call("windlass", *arguments, env={**self.environment, **env})

    def turn(self, **env):
        """One turn, and what it said."""
        done = self.call("turn", "--journal", self.folder / "journal.db", self.policy, **env)
        return done.stdout + done.stderr

    def plan(self, **env):
        done = self.call("plan", "--journal", self.folder / "plan.db", self.policy, **env)
        return done.stdout + done.stderr

    def legacy(self, **env):
        """What the metric of Celery's queue says now; None while it cannot be read."""
        said = re.search(r" legacy (\d+)", self.plan(**env))
        return int(said.group(1)) if said else None


def test_the_fleet_follows_the_sum_of_both_queues(programs, tmp_path, redis):
    migration = Migration(programs, tmp_path, redis)
    migration.send(8)
    for number in range(8):
        redis.call("LPUSH", "celery", number, db=2)
        redis.call("LPUSH", f"celery{SEPARATOR}9", number, db=2)
    redis.call("LPUSH", "another", "x", db=2)
    redis.call("LPUSH", "celery", "x", db=0)
    said = migration.turn()
    assert "backlog 8" in said and "legacy 16" in said and "both is 24" in said, said
    assert "acks at their start" in said, "the reason says what cannot be seen"
    assert migration.group.describe()["DesiredCapacity"] == 3


def test_without_its_broker_the_fleet_grows_with_sqs_and_does_not_shrink(programs, tmp_path, redis):
    migration = Migration(programs, tmp_path, redis)
    migration.send(12)
    redis.program.kill()
    said = migration.turn()
    assert "legacy (unreachable)" in said and "was not measured" in said, said
    assert migration.group.describe()["DesiredCapacity"] == 2
    migration.sqs.purge_queue(QueueUrl=migration.url)
    said = migration.turn()
    assert migration.group.describe()["DesiredCapacity"] == 2, said
    redis.start("--requirepass", "hush")
    assert "legacy (denied)" in migration.plan()
    said = migration.plan(CELERY_BROKER_URL=redis.url(2, user=":wrong@"))
    assert "WRONGPASS" in said and "wrong@" not in said, said
    assert migration.legacy(CELERY_BROKER_URL=redis.url(2, user=":hush@")) == 0


@pytest.mark.parametrize("queue", ["celery", "vídeos 𝄞\\\"x"])
def test_what_a_celery_worker_holds_counts(programs, tmp_path, redis, queue):
    """One runs, acked late, and is in unacked; the rest waits. Other queues have the same hash."""
    migration = Migration(programs, tmp_path, redis, queue)
    celery = Celery(programs, tmp_path, redis.url(2), task_acks_late=True)
    celery.open_file.unlink()
    celery.python(f"for n in range(5): transcode.apply_async(args=[str(n), 'p'], queue={queue!r})")
    assert migration.legacy() == 5
    worker = celery.worker("-Q", queue)
    wait_for(lambda: redis.call("HLEN", "unacked", db=2) == 1, "task that is held")
    redis.call("HSET", "unacked", "tag", json.dumps([{"body": f', "{queue}"]'}, "", "other"]), db=2)
    assert redis.call("LLEN", queue, db=2) == 4 and migration.legacy() == 5, redis.call("HVALS", "unacked", db=2)
    celery.open_file.touch()
    celery.wait_ran(5)
    wait_for(lambda: redis.call("HLEN", "unacked", db=2) == 1, "end of all tasks")
    assert migration.legacy() == 0
    assert worker.stop() == 0


def seen(migration, **env):
    """The fact of Celery's metric, and the stairs that speak of it."""
    done = migration.call("plan", "--output", "json", "--journal", migration.folder / "plan.db", migration.policy, **env)
    assert done.returncode in (0, 3), done.stderr
    turn, = json.loads(done.stdout)
    codes = {s["reason"] for s in turn["plan"]["stairs"]}
    return turn["facts"]["metrics"]["legacy"], {c for c in codes if c.startswith("early")}


@pytest.mark.parametrize("prefix", ["", "anb:"])
def test_what_early_acking_workers_run_is_counted_where_they_tell(programs, tmp_path, redis, prefix):
    """By the workers themselves: nowhere in Redis is a task that was acked at its start."""
    migration = Migration(programs, tmp_path, redis)
    names = f", key_prefix: '{prefix}'" if prefix else ""
    text = migration.policy.read_text()
    assert 'queue: "celery" }' in text
    migration.policy.write_text(text.replace('queue: "celery" }', f'queue: "celery"{names}, ask_workers: true }}'))
    celery = Celery(programs, tmp_path, redis.url(2), broker_transport_options={"global_keyprefix": prefix})
    fact, early = seen(migration)
    assert (fact["visible"], fact["in_flight"]) == (0, 0) and "early" not in fact and early == {"early_acks"}, "nobody is there"
    celery.open_file.unlink()
    celery.python("for n in range(4): transcode.apply_async(args=[str(n), 'p'])\n"
                  "transcode.apply_async(args=['x', 'p'], queue='other')")
    celery.worker("-P", "prefork", "-c", "2")
    other = celery.worker("-P", "prefork", "-c", "1", "-Q", "other")
    celery.wait_ran(3)
    fact, early = wait_for(lambda: (got := seen(migration))[0].get("early") == 2 and got, "two that run", 60)
    assert fact["early_silent"] == 0 and early == {"early_counted"}
    assert fact["visible"] + fact["in_flight"] == 4, "those that wait, are held ahead, and run"
    assert not redis.call("KEYS", "*.reply.celery.pidbox", db=2), "nothing is left of the question"
    celery.worker("-P", "solo", "-Q", "other2")
    celery.python("transcode.apply_async(args=['y', 'p'], queue='other2')")
    celery.wait_ran(4)
    fact, early = seen(migration)
    assert (fact["early"], fact["early_silent"]) == (2, 1) and early == {"early_counted"}, "who runs one alone is silent"
    other.kill()
    celery.open_file.touch()
    celery.wait_ran(6)
    fact, early = wait_for(lambda: (got := seen(migration))[0].get("early") == 0 and got, "end of all tasks", 60)
    assert fact["visible"] + fact["in_flight"] == 0 and early == {"early_counted"}
