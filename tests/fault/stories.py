#!/usr/bin/env python3
"""What windlassd does on AWS's bad days: each story has a region of its own, and all are told at once.

    tests/fault/stories.py WINDLASSD      prints "ok NAME" or "FAILED NAME: why" for each; exit 1 when one failed

A region is first settled at 2 instances for 20 jobs; then its story changes the backlog and what goes wrong, says
what must be seen, mends it, and says what must come of it. In between no write may leave the bounds (fault/aws.py).
"""

import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "lib"), str(pathlib.Path(__file__).parent)]
import realm  # noqa: E402
from aws import POLICY_MAX, Cloud, Region  # noqa: E402

READ, LOOK, WRITE = "GetQueueAttributes", "DescribeAutoScalingGroups", "SetDesiredCapacity"
POLICY = """\
version: 1
name: {name}
mode: {mode}
fleet: {{ auto_scaling_group: g, region: {region}, min: 0, max: {most}, jobs_per_instance: 1, warm_up: 0s }}
metrics:
  backlog: {{ sqs: {{ queue_url: "https://sqs.{region}.amazonaws.com/1/q", count: [visible, in_flight] }} }}
rules:
  - {{ name: backlog, target_tracking: {{ metric: backlog, per_instance: 10 }} }}
behavior:
  scale_out: {{ stabilization: 0s, cooldown: 0s }}
  scale_in: {{ stabilization: 0s, cooldown: 0s }}
evaluate: {{ every: 1s, idle_every: 1s }}
"""


class Story:
    """@p jobs: the backlog while it goes wrong. @p says: what the policy's error must contain. @p writes: what is
    written while it goes wrong. @p calls: action -> how often it is called at least. @p after: desired once all is
    well again."""

    def __init__(self, name, faults=None, jobs=0, says=None, writes=(), after=1, turns=2, calls=None, mode="enforce",
                 address="127.0.0.1", cert=None, **world):
        self.name, self.faults, self.jobs, self.says, self.writes, self.after = name, faults or {}, jobs, says, list(writes), after
        self.turns, self.calls, self.mode, self.address, self.cert, self.world = turns, calls or {}, mode, address, cert, world

    @property
    def dead(self):  # from its start on
        return self.address != "127.0.0.1" or self.cert

    def run(self, region):
        if self.dead:
            self.stays_dead(region)
            return
        assert region.wait(lambda r: any(t["to"] == 2 for t in r.turns)), "it never settled"
        with region.lock:
            before, errors, calls = len(region.turns), len(region.errors), len(region.calls)
            region.faults = {action: [kind, times] for action, (kind, times) in self.faults.items()}
            region.visible, region.written = self.jobs, []
            for key, value in self.world.items():
                setattr(region, key, value)
        self.sees(region, before, errors, calls)
        with region.lock:
            wrote = list(region.written)
        assert wrote == self.writes, f"{wrote} was written, not {self.writes}"
        self.mends(region)

    def sees(self, region, before, errors, calls):
        assert region.wait(lambda r: len(r.turns) >= before + self.turns and r.written[:len(self.writes)] == self.writes), \
            f"{len(region.turns) - before} turns, wrote {region.written}, {region.errors[errors:]}"
        if self.says:
            assert region.wait(lambda r: any(self.says in e for e in r.errors[errors:])), \
                f"no error says '{self.says}': {region.errors[errors:]}"
        for action, least in self.calls.items():
            seen = region.calls[calls:].count(action)
            assert seen >= least, f"{action} was called {seen} times"

    def mends(self, region):
        with region.lock:
            region.faults = {}
            region.low, region.high, region.gone, region.in_flight = 1, 4, False, 0
            region.lock.notify_all()
        assert region.wait(lambda r: r.desired == self.after), f"desired is {region.desired}, not {self.after}: {region.errors}"

    def stays_dead(self, region):
        assert region.wait(lambda r: any(self.says in e for e in r.errors)), f"no error says '{self.says}': {region.errors}"
        assert not region.calls, f"it was called: {region.calls}"


OUT, IN = 40, 0
STORIES = (
    # Reads that fail: nothing shrinks on what is not known, and what is known is acted on again afterwards.
    Story("throttled", {READ: ("throttle", 2)}, OUT, writes=[4], after=4, calls={READ: 3}),
    Story("broken", {READ: ("broken", None)}, IN, "500 InternalFailure"),
    Story("denied", {READ: ("denied", None)}, IN, "403 AccessDenied"),
    Story("page", {READ: ("page", None)}, IN, "HTML page instead of JSON"),
    Story("truncated", {READ: ("truncated", None)}, IN, "the reply was cut off"),
    Story("reset", {READ: ("reset", None)}, IN, "failed"),
    Story("oversized", {READ: ("oversized", None)}, IN, "larger than"),
    Story("drip", {READ: ("drip", None)}, IN, "the answer did not end in time", turns=1),
    Story("silent", {READ: ("silent", None)}, IN, "no answer in time", turns=1),
    Story("in-flight", {}, IN, writes=[], in_flight=20),  # C3: they are work
    # The group itself: nothing at all without it, not even growth.
    Story("no-group", {LOOK: ("broken", None)}, OUT, "500 InternalFailure", after=4),
    Story("group-gone", {}, OUT, "no such group", after=4, gone=True),
    Story("nonsense", {}, OUT, after=4, low=5, high=3),
    Story("group-page", {LOOK: ("page", None)}, OUT, "HTML page instead of XML", after=4),
    Story("group-oversized", {LOOK: ("oversized", None)}, OUT, "larger than", after=4),
    # Writes: again within the turn only where they provably were not executed (C8).
    Story("write-throttled", {WRITE: ("throttle", 1)}, OUT, writes=[4], after=4, calls={WRITE: 2}),
    Story("write-broken", {WRITE: ("broken", 2)}, OUT, "500 InternalFailure", writes=[4], after=4, calls={WRITE: 3, LOOK: 3}),
    Story("write-lost", {WRITE: ("lost", 1)}, OUT, "the connection was closed without a reply", writes=[4], after=4),
    Story("write-cut", {WRITE: ("truncated", 1)}, OUT, "the reply was cut off", writes=[4], after=4),
    # Keys and clocks.
    Story("expired-token", {READ: ("expired", 1)}, OUT, writes=[4], after=4, calls={READ: 3}),
    Story("clock-ahead", {}, OUT, writes=[4], after=4, ahead=datetime.timedelta(hours=1)),
    Story("clock-behind", {}, OUT, writes=[4], after=4, ahead=datetime.timedelta(hours=-3)),
    # Whoever may not write does not, whatever happens.
    Story("shadow", {READ: ("throttle", 1)}, OUT, after=2, mode="shadow"),
    # Hosts that are not whom they say, or are not there: nothing is sent to them.
    Story("self-signed", says="certificate", cert="self-signed"),
    Story("wrong-host", says="certificate", cert="wrong-host"),
    Story("out-of-date", says="certificate", cert="out-of-date"),
    Story("refuses", says="refused", address="127.0.0.2"),
    Story("hangs", says="no answer in time", address="127.0.0.3"),
    Story("no-name", says="resolving", address=None),
)


class Stage:
    def __init__(self, folder, windlassd):
        self.folder = pathlib.Path(folder)
        self.regions = {s.name: Region(f"xx-{s.name}-1", s.mode == "enforce") for s in STORIES}
        names = {s.name: realm.aws_names(self.regions[s.name].name, services=("sqs", "autoscaling")) for s in STORIES}
        realm.realm_names(folder, {n: s.address for s in STORIES if s.address for n in names[s.name]})
        authority = realm.Authority(folder)
        certs = {None: authority.certify("all", [n for list_ in names.values() for n in list_])}
        kinds = {"self-signed": {"trusted": False}, "out-of-date": {"days": -1}, "wrong-host": {}}
        for s in (s for s in STORIES if s.cert):
            pair = authority.certify(s.cert, ["elsewhere.example"] if s.cert == "wrong-host" else names[s.name], **kinds[s.cert])
            certs.update(dict.fromkeys(names[s.name], pair))
        self.cloud = Cloud(self.regions.values(), certs)
        self.nobody = [realm.listen_and_hang("127.0.0.3"), realm.silent_resolver()]
        policies = self.folder / "policies"
        policies.mkdir()
        for s in STORIES:
            (policies / f"{s.name}.yaml").write_text(POLICY.format(
                name=s.name, mode=s.mode, region=self.regions[s.name].name, most=POLICY_MAX))
        self.start(windlassd, policies, authority.bundle)

    def start(self, windlassd, policies, bundle):
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and "proxy" not in k.lower()}
        env.update(AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="secret", AWS_CA_BUNDLE=str(bundle),
                   AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", AWS_EC2_METADATA_DISABLED="true")
        self.daemon = subprocess.Popen([windlassd, "--policies", policies, "--journal", self.folder / "journal.db",
                                        "--log-level", "debug", "--log-format", "json"], env=env,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.noise = []
        self.reader = threading.Thread(target=self.listen, daemon=True)
        self.reader.start()

    def listen(self):
        for line in self.daemon.stderr:
            try:
                told = json.loads(line)
            except ValueError:
                self.noise.append(line)  # a sanitizer
                continue
            region = self.regions.get(told.get("policy"))
            if not region:
                continue
            with region.lock:
                if "outcome" in told:
                    region.turns.append(told)
                if told.get("error"):
                    region.errors.append(told["error"])
                region.lock.notify_all()

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(timeout=60) == 0, f"windlassd ended with {self.daemon.returncode}"
        self.reader.join()
        assert not self.noise, "".join(self.noise)[:2000]


def tell(story, region, results):
    try:
        story.run(region)
        assert not region.wrong, "; ".join(region.wrong)
        results[story.name] = None
    except AssertionError as e:
        results[story.name] = str(e)


def others_were_on_time(stage, results):
    """A region that hangs, or whose names do, is no reason to wait for any other."""
    hung = min(len(stage.regions[name].turns) for name in ("hangs", "no-name"))
    well = min(len(stage.regions[name].turns) for name in ("throttled", "in-flight"))
    results["others-on-time"] = None if well >= 2 * hung + 2 else f"{well} turns where all is well, {hung} where it hangs"


def main():
    realm.realm_enter()
    results = {}
    with tempfile.TemporaryDirectory(prefix="windlass-fault-") as folder:
        stage = Stage(folder, sys.argv[1])
        threads = [threading.Thread(target=tell, args=(s, stage.regions[s.name], results)) for s in STORIES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        others_were_on_time(stage, results)
        try:
            stage.stop()
            results["ends-well"] = None
        except AssertionError as e:
            results["ends-well"] = str(e)
    for name, why in results.items():
        print(f"FAILED {name}: {why}" if why else f"ok {name}")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
