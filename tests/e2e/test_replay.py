"""What windlassd decided and recorded, decided once more by the code that simulates: the same plans, or it would not be honest."""

import json
import sqlite3

import pytest
from cloud import Cloud
from conftest import wait_for
from fleet import Group

POLICY = """\
version: 1
name: thumbs
fleet: {{ auto_scaling_group: workers, region: us-east-1, min: 0, max: 4, jobs_per_instance: 1, warm_up: 0s }}
metrics:
  backlog:
    sqs: {{ queue_url: "{queue}", count: [visible, in_flight] }}
rules:
{rules}
behavior:
  deactivation: {{ for: 2s }}
  scale_in: {{ stabilization: 3s, limits: [ {{ instances: 1, per: 2s }} ] }}
evaluate: {{ every: 1s, idle_every: 1s }}
"""
TRACKING = "  - { name: backlog, target_tracking: { metric: backlog, per_instance: 2 } }"
PROMISE = "  - { name: backlog, queue_wait: { metric: backlog, percentile: 95, target: 20s } }"


class Run:
    """A controller beside an embedded cloud whose jobs are only counted: sent here, deleted here."""

    def __init__(self, programs, folder):
        self.programs, self.folder, self.journal = programs, folder, folder / "journal.db"
        self.cloud = Cloud(programs, folder).start()
        self.group = Group(self.cloud).create(most=4)
        self.sqs = self.cloud.client("sqs")
        self.queue = self.sqs.create_queue(QueueName="thumbs")["QueueUrl"]

    def policy(self, name="thumbs", rules=TRACKING, mode="enforce"):
        path = self.folder / f"{name}.yaml"
        path.write_text(POLICY.format(queue=self.queue, rules=rules).replace("name: thumbs", f"name: {name}\nmode: {mode}", 1))
        return path

    def start(self, policies):
        daemon = self.programs.start("windlassd", "--policies", policies, "--journal", self.journal, "--log-format", "logfmt",
                                     env=self.cloud.environment)
        daemon.wait_log("windlassd is ready")
        return daemon

    def send(self, n):
        for i in range(n):
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=str(i))

    def work(self, n):
        for _ in range(n):
            got = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=5)["Messages"]
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=got[0]["ReceiptHandle"])

    def turns(self):
        db = sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True, timeout=30)
        try:
            return db.execute("SELECT sum(1 + length(l) - length(replace(l, ' ', ''))) FROM"
                              " (SELECT coalesce(later, '') AS l FROM sample)").fetchone()[0] or 0
        finally:
            db.close()

    def wait_turns(self, more):
        most = self.turns() + more
        wait_for(lambda: self.turns() >= most, f"{more} more turns", 60)

    def replay(self, policy, *options, status):
        done = self.programs.call("windlass", "replay", "--journal", self.journal, policy, *options, "-o", "json",
                                  env=self.cloud.environment)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def run(programs, tmp_path):
    return Run(programs, tmp_path)


def live(run, policy):
    """A burst, its end, a crash in the middle."""
    daemon = run.start(policy)
    run.wait_turns(2)
    run.send(7)
    run.group.wait(4)
    run.work(4)
    daemon.kill()
    daemon = run.start(policy)
    run.wait_turns(2)
    run.work(3)
    run.group.wait_settled(0, 60)
    run.wait_turns(2)
    assert daemon.stop() == 0


def test_recorded_facts_give_the_recorded_plans_again(run):
    """Two policies on one record: one that writes, and in its shadow one that learns."""
    folder = run.folder / "policies"
    folder.mkdir()
    policy = run.policy().rename(folder / "thumbs.yaml")
    learns = run.policy("learns", PROMISE, "shadow").rename(folder / "learns.yaml")
    live(run, folder)
    found = run.replay(policy, status=0)
    record = found["record"]
    assert record["whole"] and record["turns_without_facts"] == 0 and record["policy_versions"] == 1, found
    assert found["compared"] == found["same"] == record["turns"] > 8, found["differences"]
    assert 0.5 < record["usual_seconds"] < 30 and found["differences"] == []
    text = run.programs.call("windlass", "replay", "--journal", run.journal, policy, env=run.cloud.environment)
    assert text.returncode == 0 and "nothing is known between two turns" in text.stdout, text.stdout
    found = run.replay(learns, status=0)
    assert found["compared"] == found["same"] == found["record"]["turns"] > 8, found["differences"]

    # The negative control: what is recorded is really compared.
    db = sqlite3.connect(run.journal)
    db.execute("UPDATE sample SET facts = replace(facts, '\"visible\":7', '\"visible\":1') WHERE facts LIKE '%\"visible\":7%'")
    assert db.execute("SELECT changes()").fetchone()[0] > 0
    db.commit()
    db.close()
    spoilt = run.replay(policy, status=3)
    assert spoilt["other_size"] > 0 and spoilt["differences"]


def test_another_policy_differs_with_both_staircases(run):
    policy = run.policy()
    run.send(3)
    daemon = run.start(policy)
    run.group.wait(2)
    run.wait_turns(2)
    assert daemon.stop() == 0
    other = run.policy("eager", TRACKING.replace("per_instance: 2", "per_instance: 1"))
    missing = run.programs.call("windlass", "replay", "--journal", run.journal, other, env=run.cloud.environment)
    assert missing.returncode == 1 and "no turn of policy 'eager'" in missing.stderr and "--of NAME" in missing.stderr
    found = run.replay(other, "--of", "thumbs", "--first", "1", status=3)
    assert found["other_size"] >= 2 and found["differences_left_off"] >= 1
    one, = found["differences"]
    assert one["decided"]["desired"] == 2 and one["replayed"]["desired"] == 3
    assert one["decided"]["stairs"] and one["replayed"]["stairs"]
    text = run.programs.call("windlass", "replay", "--journal", run.journal, other, "--of", "thumbs",
                             env=run.cloud.environment).stdout
    assert "decided: thumbs" in text and "replayed: eager" in text and "of another size" in text, text


def compare(run, *options, status=0):
    done = run.programs.call("windlass", "history", "--compare", "--journal", run.journal, *options, env=run.cloud.environment)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def test_a_shadow_runs_beside_and_is_scored(run):
    folder = run.folder / "policies"
    folder.mkdir()
    for name, per, mode in (("thumbs", 2, "enforce"), ("eager", 1, "shadow")):
        path = run.policy(name, TRACKING.replace("per_instance: 2", f"per_instance: {per}"), mode)
        path.rename(folder / path.name)
    run.send(3)
    daemon = run.start(folder)
    run.group.wait(2)  # and never 3, as its shadow wants
    run.wait_turns(6)
    assert run.group.describe()["DesiredCapacity"] == 2
    assert daemon.stop() == 0
    found = json.loads(compare(run, "-o", "json").stdout)
    lead, shadow = found["played"]
    assert (lead["policy"], lead["mode"], shadow["policy"], shadow["mode"]) == ("thumbs", "enforce", "eager", "shadow")
    assert shadow["wanted_mean"] > lead["wanted_mean"] and shadow["estimated"]
    assert found["recorded"]["actions"] == 1 and found["recorded"]["instance_hours"] > 0
    assert found["recorded"]["wait_p95_seconds"] is None  # nobody recorded when a job was started
    # The shadow's record replays as well: its plans were taken, and never written.
    replayed = run.replay(folder / "eager.yaml", status=0)
    assert replayed["same"] == replayed["compared"] > 3, replayed["differences"]


def test_a_comparison_is_near_what_was_recorded(run):
    """Six hours of a fleet of two with one job in flight and none that waits: the record, and what is played of it."""
    folder = run.folder / "policies"
    folder.mkdir()
    for name, mode, least, per in (("thumbs", "enforce", 2, 1), ("lean", "shadow", 1, 4)):
        path = run.policy(name, TRACKING.replace("per_instance: 2", f"per_instance: {per}"), mode)
        path.write_text(path.read_text().replace("min: 0", f"min: {least}"))
        path.rename(folder / path.name)
    done = run.programs.call("windlass", "turn", "--journal", run.journal, folder, env=run.cloud.environment)
    assert done.returncode == 0, done.stderr
    db = sqlite3.connect(run.journal)
    begin = db.execute("SELECT max(at) FROM sample").fetchone()[0] + 15000
    seen = {"group": {"why": "readable", "seen_at": 0, "min": 0, "max": 4, "desired": 2, "in_service": 2},
            "metrics": {"backlog": {"why": "readable", "seen_at": 0, "queue": True, "visible": 0, "in_flight": 1}}}
    assert db.execute("SELECT count(*) FROM sample WHERE facts LIKE '%\"why\":\"readable\"%'").fetchone()[0] == 2
    for name in ("thumbs", "lean"):
        db.executemany("INSERT INTO sample (name, at, facts) VALUES (?, ?, ?)",
                       [(name, begin + 15000 * i, json.dumps(seen)) for i in range(6 * 240)])
    db.commit()
    db.close()
    options = ("--plant", "service=constant:60s", "--since", "2020-01-01T00:00:00Z")
    found = json.loads(compare(run, *options, "-o", "json").stdout)
    lead, shadow = found["played"]
    assert 355 <= found["jobs_guessed"] <= 362, found  # a job a minute
    assert abs(found["recorded"]["instance_hours"] - 12) < 0.1 and found["recorded"]["wait_mean_seconds"] == 0
    assert lead["instance_hours"] >= 12 and shadow["instance_hours"] < lead["instance_hours"]
    assert shadow["wait_mean_seconds"] > lead["wait_mean_seconds"]
    text = compare(run, "thumbs", *options).stdout
    assert "lean (shadow, played)" in text and "recorded" in text and "guessed from the counts" in text, text
    alone = compare(run, "lean", status=1)
    assert "no policy 'lean' that enforces with a shadow beside it" in alone.stderr
