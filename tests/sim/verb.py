"""windlass simulate as a user runs it: outputs that agree, runs that repeat, mistakes that end in one sentence."""

import csv
import io
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import cases

TOP = pathlib.Path(os.environ.get("WINDLASS_SRC", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("WINDLASS_BUILD", TOP / "build"))
POLICY = TOP / "policies" / "anb.yaml"
HAS_CHARTS = "define CHARTJS_FILE" in (BUILD / "config.h").read_text()
DAY = ("--load", "diurnal:per_hour=100")
ENV = dict(os.environ, SQS_QUEUE_URL="https://sqs.us-east-1.amazonaws.com/123456789012/q")


def run(*argv):
    return subprocess.run([BUILD / "windlass", "simulate", *map(str, argv)], env=ENV, capture_output=True, text=True)


def good(*argv):
    done = run(*argv)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout


def test_outputs_agree(_):
    argv = (POLICY, *DAY, "--against", "naive,fixed:3,hpa,keda,target-tracking,step,nomad,buildkite")
    found = json.loads(good(*argv, "-o", "json"))["results"]
    rows = list(csv.DictReader(io.StringIO(good(*argv, "-o", "csv"))))
    text = good(*argv)
    names = ["anb-transcode", "naive:1", "fixed:3", "hpa:5", "keda:5", "target-tracking:5", "step:20", "nomad:5", "buildkite:1"]
    assert [r["name"] for r in found] == [r["name"] for r in rows] == names
    for a, b in zip(found, rows):
        assert a["name"] in text and f"{a['instance_hours']:.1f}" in text
        for key in ("instance_hours", "wait_p95_seconds", "late_share", "jobs", "actions"):
            assert float(b[key]) == a[key], key
        assert (b["promise_kept"] == "true") == a["promise_kept"]
    assert len({r["jobs"] for r in found}) == 1, "all meet the same jobs"


def test_every_number_is_there_and_explained(_):
    argv = ("--against", "fixed:9,fixed:1,naive", *DAY)
    help_ = good("--help")
    found = json.loads(good(*argv, "-o", "json"))["results"]
    rows = list(csv.DictReader(io.StringIO(good(*argv, "-o", "csv"))))
    text = good(*argv)
    assert list(found[0]) == list(rows[0])
    for column in rows[0]:
        assert f"\n{column}: " in help_ or f"\n{column}, " in help_ or f", {column}: " in help_, column
    for wanted in ("instance-hours", "money", "utilisation", "wait p50", "wait p95", "wait p99", "wait max", "backlog peak",
                   "jobs over the promise", "scale actions", "direction changes an hour", "jobs killed", "API calls",
                   "price of API calls"):
        assert f"\n{wanted}" in text, wanted
    total = [r["cost_usd"] + r["api_cost_usd"] for r in found]
    best = min(t for t, r in zip(total, found) if r["promise_kept"])
    assert not found[1]["promise_kept"] and total[1] < best
    for r, t in zip(found, total):
        assert abs(r["cost_ratio"] - t / best) < 1e-9


def test_where_no_promise_is_kept_there_is_no_best(_):
    argv = ("--against", "fixed:1", *DAY)
    assert json.loads(good(*argv, "-o", "json"))["results"][0]["cost_ratio"] is None
    assert list(csv.DictReader(io.StringIO(good(*argv, "-o", "csv"))))[0]["cost_ratio"] == ""


def charts(test):
    """A test of reports; of a build without them, that they are refused."""
    def either(folder):
        if HAS_CHARTS:
            return test(folder)
        done = run(POLICY, *DAY, "--report", folder / "a.html")
        assert done.returncode == 1 and done.stdout == "" and "libjs-chart.js" in done.stderr, done.stderr
    return either


@charts
def test_a_report_is_one_page_that_repeats(folder):
    page, again = folder / "a.html", folder / "b.html"
    load = folder / "a <b onclick='x()'> & c.csv"
    load.write_text("t_seconds,arrivals\n" + "".join(f"{60 * i},{3 if 400 < i < 900 else 1}\n" for i in range(1440)))
    argv = (POLICY, "--load", load, "--against", "fixed:3,keda")
    assert good(*argv, "--report", page) == good(*argv)
    good(*argv, "--report", again)
    text = page.read_text()
    assert text == again.read_text()
    assert "a <b onclick" not in text and "a &lt;b onclick=&#39;x()&#39;&gt; &amp; c.csv" in text
    data = json.loads(text.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    assert [r["name"] for r in data["rows"]] == ["anb-transcode", "fixed:3", "keda:5"]
    found = json.loads(good(*argv, "-o", "json"))["results"]
    for row, result in zip(data["rows"], found):
        assert sum(row["arrivals"]) == result["jobs"]
        assert max(row["backlog_most"]) == result["backlog_peak"] and max(row["ready_most"]) == result["capacity_peak"]
        assert abs(max(row["wait_most_ms"]) - 1000 * result["wait_max_seconds"]) < 1.1
    assert any("10 a worker" in r for r in data["rows"][0]["reasons"]), data["rows"][0]["reasons"][:3]


@charts
def test_a_year_of_minutes_is_a_page_of_a_few_megabytes(folder):
    page = folder / "year.html"
    good(POLICY, POLICY, "--load", "diurnal:per_hour=20,for=365d", "--against", "keda,naive", "--report", page)
    size = page.stat().st_size
    assert 300_000 < size < 3_000_000, size


@charts
def test_a_report_that_cannot_be_written_is_one_sentence(folder):
    done = run(POLICY, *DAY, "--report", folder / "none" / "a.html")
    assert done.returncode == 1 and done.stderr.splitlines()[-1].count("none/a.html") and done.stdout == "", done.stderr
    done = run(POLICY, *DAY, "--report", folder)  # found out at the end: the numbers are not lost
    assert done.returncode == 1 and "Is a directory" in done.stderr and "instance-hours" in done.stdout, done.stderr
    done = run(POLICY, *DAY, "--report", "")
    assert done.returncode == 2 and "--report" in done.stderr


def test_the_bound_lies_below_who_keeps_the_promise_and_can_be_left_out(_):
    argv = ("--against", "fixed:6,naive:1,keda:1", *DAY)
    with_it = json.loads(good(*argv, "-o", "json"))["results"]
    without = json.loads(good(*argv, "-o", "json", "--no-bound"))["results"]
    for a, b in zip(with_it, without):
        assert a["promise_kept"] and a["bound_ratio"] >= 1 and 0 < a["bound_usd"] <= a["cost_usd"], a
        assert b["bound_usd"] is None and b["bound_ratio"] is None and b["cost_usd"] == a["cost_usd"]
    rows = list(csv.DictReader(io.StringIO(good(*argv, "-o", "csv"))))
    assert [float(r["bound_ratio"]) for r in rows] == [a["bound_ratio"] for a in with_it]
    assert "cost to the bound" in good(*argv) and "dynamic programming" in good("--help")


def test_a_seed_repeats_a_run(_):
    argv = (POLICY, *DAY, "--against", "naive,keda", "--plant", "spot_per_hour=0.1", "-o", "json")
    assert good(*argv) == good(*argv)
    assert good(*argv) != good(*argv, "--seed", "2")


def test_a_policy_that_only_watches_is_played(folder):
    shadow = folder / "shadow.yaml"
    shadow.write_text(POLICY.read_text().replace("fleet:", "mode: shadow\nfleet:", 1))
    assert good(shadow, *DAY) == good(POLICY, *DAY)


def test_a_key_can_be_overridden(_):
    plain = json.loads(good(POLICY, *DAY, "-o", "json"))["results"][0]
    wide = json.loads(good(POLICY, *DAY, "-o", "json", "--set", "rules.backlog.target_tracking.per_instance=2"))["results"][0]
    assert wide["wait_p95_seconds"] < plain["wait_p95_seconds"]


def test_the_promise_is_asked_for(_):
    kept = [json.loads(good("--against", "fixed:3", *DAY, "-o", "json", "--promise", p))["results"][0]["promise_kept"]
            for p in ("p50 wait < 1h", "p99 wait < 1s")]
    assert kept == [True, False]


def test_the_plant_is_listed_with_its_sources(_):
    out = good("--print-plant", "--plant", "slots=4")
    assert "SQS Developer Guide" in out and "EC2 pricing" in out and "slots" in out


def test_mistakes_end_in_one_sentence(folder):
    empty, order, negative, nan = (folder / f"{n}.csv" for n in ("empty", "order", "negative", "nan"))
    empty.write_text("t_seconds,arrivals\n")
    order.write_text("t_seconds,arrivals\n60,1\n0,1\n")
    negative.write_text("t_seconds,arrivals\n0,-1\n")
    nan.write_text("t_seconds,arrivals\n0,nan\n")
    later = folder / "later.ndjson"
    later.write_text('{"enqueued_at": "2024-01-02T00:00:00Z"}\n{"enqueued_at": "2024-01-01T00:00:00Z"}\n')
    minus, nothing, half = (folder / f"{n}.json" for n in ("minus", "nothing", "half"))
    minus.write_text('{"Datapoints": [{"Timestamp": "2024-01-01T00:05:00Z", "Sum": -3}]}')
    nothing.write_text('{"Label": "NumberOfMessagesSent", "Datapoints": []}')
    half.write_text('{"Datapoints": [{"Timestamp": "2024-01-01T00:05:00Z", "Sum": NaN}]}')
    other = folder / "other.yaml"
    other.write_text("version: 1\nname: other\nfleet: { auto_scaling_group: g, region: us-east-1, max: 3 }\nmetrics:\n"
                     "  cpu: { cloudwatch: { namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, period: 60s } }\n"
                     "rules:\n  - { name: r, target_tracking: { metric: cpu, value: 50 } }\n")
    for argv, says in [
        ((POLICY, "--load", empty), "the load is empty"),
        ((POLICY, "--load", order), "order.csv:3: times are out of order"),
        ((POLICY, "--load", negative), "negative.csv:2: the count is not a number from 0"),
        ((POLICY, "--load", nan), "nan.csv:2: the count is not a number from 0"),
        ((POLICY, "--load", later), "later.ndjson:2: times are out of order"),
        ((POLICY, "--load", minus), "minus.json: a count is not a number from 0"),
        ((POLICY, "--load", nothing), "the load is empty"),
        ((POLICY, "--load", half), "half.json:1: JSON at byte"),
        ((POLICY, "--load", "constant:per_hour=0"), "the load is empty"),
        ((POLICY, "--load", "constant:per_hour=60", "--for", "1ms"), "no job comes within --for"),
        ((POLICY, "--load", "poisson:per_hour=nan"), "not a number from 0"),
        ((POLICY, "--load", folder), "Is a directory"),
        ((POLICY, "--load", folder / "none.csv"), "none.csv"),
        ((POLICY, "--load", "poisson:per_hours=3"), "did you mean 'per_hour'"),
        ((POLICY,), "--load"),
        (DAY, "name a policy"),
        ((folder / "none.yaml", *DAY), "none.yaml"),
        ((POLICY, *DAY, "--against", "kedo"), "did you mean 'keda'"),
        ((POLICY, *DAY, "--plant", "boots=constant:1s"), "did you mean 'boot'"),
        ((POLICY, *DAY, "--promise", "p95 weight < 5m"), "--promise"),
        ((POLICY, *DAY, "--queue", "none"), "no metric 'none'"),
        ((other, *DAY), "policy other has no metric that a load can give"),
    ]:
        done = run(*argv)
        assert done.returncode == 2, (argv, done.returncode, done.stderr)
        said = [line for line in done.stderr.splitlines() if ": warning: " not in line]
        assert done.stdout == "" and len(said) == 1 and says in said[0], (argv, done.stderr)


def test_a_load_in_another_unit_is_warned_about(_):
    done = run(POLICY, "--load", "constant:per_hour=100000,for=10m")
    assert done.returncode == 0 and "is it in another unit?" in done.stderr


def test_what_the_load_cannot_give_is_said(folder):
    mixed = folder / "mixed.yaml"
    mixed.write_text(POLICY.read_text().replace(
        "metrics:", "metrics:\n  cpu: { cloudwatch: { namespace: AWS/EC2, metric: CPUUtilization, statistic: Average, "
                    "period: 60s } }", 1))
    done = run(mixed, *DAY)
    assert done.returncode == 0 and "metric cpu is not in the load: taken to be missing" in done.stderr, done.stderr


def test_a_journal_is_a_load(folder):
    journal = folder / "journal.db"
    env = dict(ENV, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b", AWS_MAX_ATTEMPTS="1")
    subprocess.run([BUILD / "windlass", "turn", "--journal", journal, POLICY], env=env, capture_output=True)  # makes it
    db = sqlite3.connect(journal)
    db.execute("DELETE FROM sample")
    # Three running for an hour, jobs of a minute: about 180 came.
    db.executemany("INSERT INTO sample (name, at, visible, in_flight) VALUES ('anb-transcode', ?, 0, 3)",
                   [(1706745600000 + 15000 * i,) for i in range(241)])
    db.commit()
    db.close()
    found = json.loads(good(POLICY, "--load", f"journal:{journal}:anb-transcode", "--plant", "service=constant:60s", "-o", "json"))
    assert 175 <= found["results"][0]["jobs"] <= 185 and found["load"]["start"] == "2024-02-01T00:00:00Z", found
    for name, says in ((f"journal:{journal}", "say which policy's"), (f"journal:{journal}:none", "the load is empty"),
                       (f"journal:{folder}/none.db:x", "none.db")):
        done = run(POLICY, "--load", name)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and says in done.stderr, done.stderr


if __name__ == "__main__":
    sys.exit(cases.run(globals()))
