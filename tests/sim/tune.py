#!/usr/bin/env python3
"""windlass tune as a user runs it: as cheap as the whole grid, the same on any number of cores, and never lost when stopped."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import cases

TOP = pathlib.Path(os.environ.get("WINDLASS_SRC", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("WINDLASS_BUILD", TOP / "build"))
POLICY = TOP / "policies" / "anb.yaml"
DAY = ("--load", "diurnal:per_hour=60,for=12h", "--promise", "p95 wait < 5m", "--seeds", "3")
ENV = dict(os.environ, SQS_QUEUE_URL="https://sqs.us-east-1.amazonaws.com/123456789012/q")


def run(folder, *argv, verb="tune"):
    return subprocess.run([BUILD / "windlass", verb, *map(str, argv)], env=ENV, cwd=folder, capture_output=True, text=True)


def tuned(folder, *argv):
    done = run(folder, *argv, "-o", "json")
    assert done.returncode == 0, (argv, done.stderr)
    return json.loads(done.stdout)


def patched(text, diff):
    """What patch would make of it; every line of context must be there."""
    old, new, at = text.split("\n"), [], 0
    for line in diff.splitlines()[2:]:
        if line.startswith("@@"):
            start, length = map(int, re.match(r"@@ -(\d+),(\d+) \+\d+,\d+ @@", line).groups())
            new += old[at:start - 1]
            at = start - 1
        elif line[0] == "+":
            new.append(line[1:])
        else:
            assert old[at] == line[1:], (old[at], line)
            new += [] if line[0] == "-" else [old[at]]
            at += 1
    return "\n".join(new + old[at:])


def test_as_cheap_as_the_grid_with_a_tenth_of_the_plays(folder):
    found = tuned(folder, POLICY, *DAY)
    grid = tuned(folder, POLICY, *DAY, "--search", "grid")
    assert found["varied_chosen"] and list(found["varied"]) == [
        "rules.backlog.target_tracking.per_instance", "behavior.scale_in.stabilization", "behavior.scale_in.cooldown"]
    assert grid["plays"] == 3 * grid["grid"] and found["plays"] * 10 <= grid["plays"], (found["plays"], grid["plays"])
    assert grid["best"]["kept"] and found["best"]["kept"]
    assert found["best"]["cost_usd"]["mean"] <= grid["best"]["cost_usd"]["mean"] * (1 + 1e-9), (found["best"], grid["best"])
    assert found["best"]["late_share"]["mean"] <= 0.05 and found["best"]["cost_usd"]["half_width_95"] > 0
    front = sorted((p["cost_usd"]["mean"], p["late_share"]["mean"]) for p in found["settings"] if p["front"])
    assert len(front) > 2 and all(a[1] > b[1] for a, b in zip(front, front[1:])), front

    # What it says is what simulate says of the same settings and seeds.
    sets = [w for k, v in found["best"]["settings"].items() if v for w in ("--set", f"{k}={v}")]
    money = []
    for seed in ("1", "2", "3"):
        done = run(folder, POLICY, *DAY[:4], "--seed", seed, *sets, "-o", "json", verb="simulate")
        one, = json.loads(done.stdout)["results"]
        money.append(one["cost_usd"] + one["api_cost_usd"])
    assert abs(sum(money) / 3 - found["best"]["cost_usd"]["mean"]) < 1e-9, (money, found["best"])


def test_equal_on_any_number_of_cores(folder):
    argv = (POLICY, *DAY, "-o", "json")
    one, many = run(folder, *argv, "--jobs", "1"), run(folder, *argv, "--jobs", "7")
    assert one.returncode == many.returncode == 0 and one.stdout == many.stdout


def test_the_diff_changes_the_file_and_keeps_its_comments(folder):
    bare = folder / "bare.yaml"
    bare.write_text("# A comment at the head.\nversion: 1\nname: bare\nfleet: { auto_scaling_group: g, max: 6 } # the group\nmetrics:\n"
                    "  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\nrules:\n  # of the rule\n  - name: r\n    target_tracking:\n"
                    "      metric: backlog\n      per_instance: 10 # jobs\n")
    nested = folder / "nested.yaml"
    nested.write_text(bare.read_text().replace("bare", "nested") + "behavior:\n  # how it shrinks\n  scale_in:\n    cooldown: '10m' # long\n")
    for path in (POLICY, bare, nested):
        found = tuned(folder, path, *DAY)
        text = path.read_text()
        new = patched(text, found["diff"])
        assert re.findall("#.*", text) == re.findall("#.*", new) and new != text
        tuned_file = folder / f"tuned-{path.name}"
        tuned_file.write_text(new)
        assert run(folder, tuned_file, verb="validate").returncode == 0
        sets = [w for k, v in found["best"]["settings"].items() if v for w in ("--set", f"{k}={v}")]
        a = json.loads(run(folder, tuned_file, *DAY[:4], "-o", "json", verb="simulate").stdout)["results"]
        b = json.loads(run(folder, path, *DAY[:4], *sets, "-o", "json", verb="simulate").stdout)["results"]
        assert a == b
        text = run(folder, path, *DAY).stdout
        assert found["diff"] in text and "kept" in text and "±" in text
    # Two keys of a map that is not there, and one that is.
    assert "+behavior: " in tuned(folder, bare, *DAY)["diff"]


def test_interrupted_and_resumed(folder):
    argv = [POLICY, "--load", "diurnal:per_hour=60,for=6d", "--seeds", "3", "-o", "json", "--jobs", "2"]
    whole = tuned(folder, *argv[:-4], "--jobs", "2")
    state = folder / "anb.tune.json"
    assert not state.exists()
    # As a shell starts what runs behind it: with SIGINT ignored.
    running = subprocess.Popen([BUILD / "windlass", "tune", *map(str, argv)], env=ENV, cwd=folder, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    end = time.monotonic() + 120
    while not state.exists() and running.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 4, (running.returncode, err)
    assert json.loads(out)["interrupted"] and state.exists()
    done = run(folder, *argv)
    assert done.returncode == 0 and "goes on from anb.tune.json" in done.stderr, done.stderr
    again = json.loads(done.stdout)
    assert again.pop("plays_resumed") > 0 and whole.pop("plays_resumed") == 0
    assert again == whole and not state.exists()

    # A state of another question is not taken for this one.
    state.write_text(json.dumps({"windlass_tune": "0" * 64, "played": {}}))
    done = run(folder, POLICY, *DAY)
    assert done.returncode == 0 and "begun anew" in done.stderr
    state.write_text("{}")
    done = run(folder, POLICY, *DAY)
    assert done.returncode == 2 and "not a state" in done.stderr


def test_what_cannot_be_kept_is_said(folder):
    done = run(folder, POLICY, *DAY[:2], "--promise", "p99 wait < 1s", "--seeds", "2", "--chart", "chart.svg")
    assert done.returncode == 1 and "no setting within these ranges keeps the promise" in done.stdout, done.stdout
    chart = (folder / "chart.svg").read_text()
    assert chart.startswith("<svg") and "<circle" in chart


def test_mistakes_end_in_one_sentence(folder):
    other = folder / "guide.yaml"
    other.write_text("version: 1\nname: o\nfleet: { auto_scaling_group: g, max: 3 }\nmetrics:\n"
                     "  q: { sqs: { queue_url: \"http://h/1/q\" } }\nrules:\n"
                     "  - { name: r, step_scaling: { metric: q, steps: [ { above: 5, add: 1 } ] } }\n")
    for argv, says in [
        ((POLICY,), "--load"),
        ((POLICY, *DAY, "--vary", "fleet.max"), "is not KEY=RANGE"),
        ((POLICY, *DAY, "--vary", "fleet.max=9..1"), "rising"),
        ((POLICY, *DAY, "--vary", "fleet.max=1..20/0"), "rising"),
        ((POLICY, *DAY, "--vary", "fleet.max=1..500/1"), "more than 64 values"),
        ((POLICY, *DAY, "--vary", "fleet.max=1,,2"), "an empty value"),
        ((POLICY, *DAY, "--vary", "fleet.max=2,3", "--vary", "fleet.max=4,5"), "is there twice"),
        ((POLICY, *DAY, "--vary", "fleet.maxx=1..5"), "no value makes a valid policy"),
        ((POLICY, *DAY, "--vary", "rules.none.target_tracking.per_instance=1..5"), "no entry of the list has the name"),
        ((POLICY, "--load", folder / "none.csv"), "none.csv"),
        ((POLICY, *DAY[:2], "--promise", "p95 weight < 5m"), "--promise"),
        ((POLICY, "--load", "poisson:per_hour=1", "--for", "1ms"), "no job comes within --for"),
        ((folder / "none.yaml", *DAY), "none.yaml"),
        ((other, *DAY), "say what may change with --vary"),
    ]:
        done = run(folder, *argv)
        assert done.returncode == 2, (argv, done.returncode, done.stdout, done.stderr)
        said = [line for line in done.stderr.splitlines() if ": warning: " not in line]
        assert done.stdout == "" and len(said) == 1 and says in said[0], (argv, done.stderr)
        assert not list(folder.glob("*.tune.json"))


if __name__ == "__main__":
    sys.exit(cases.run(globals()))
