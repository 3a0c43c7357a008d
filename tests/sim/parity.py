"""windlass simulate against an independent simulation in Python, on the same jobs and boot times.

Skipped where ../shared/eval, which holds that simulation, is not beside the tree. The peers of one
name have to agree within 2 % in cost and 5 % in p95 wait, in the mean of several runs. Counts are
fresh and datapoints equally late on both sides. What is left to chance is which busy instances
drain; drawn apart, that moves the bill of one run by up to 5 %.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(os.environ.get("WINDLASS_SRC", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("WINDLASS_BUILD", TOP / "build"))
OTHER = TOP.resolve().parent / "shared" / "eval"
COST, WAIT, WAIT_LEAST = 0.02, 0.05, 0.5  # the last in seconds: below it a share means nothing
RUNS = {"target-tracking": 8}

CASES = [  # peer here, class there, target, trace
    ("fixed", "Fixed", 12, "worldcup"), ("naive", "Naive", 1, "worldcup"), ("naive", "Naive", 3, "genai"),
    ("keda", "Keda", 5, "worldcup"), ("keda", "Keda", 2, "genai"),
    ("target-tracking", "TargetTracking", 1.2, "worldcup"), ("target-tracking", "TargetTracking", 0.5, "genai"),
]


def export(folder, work, sim, traces, config):
    """The jobs, and boot times in the order in which they are drawn."""
    jobs, boots = folder / "jobs.csv", folder / "boots.txt"
    with jobs.open("w") as out:
        out.write("t_seconds,service_seconds\n")
        out.writelines(f"{a:.6f},{s:.6f}\n" for a, s in zip(work.arrivals, work.service))
    rng = traces.seeded("boot", work.name, config.seed)
    with boots.open("w") as out:
        out.writelines(f"{traces.lognormal(rng, config.boot_mean, config.boot_cv):.6f}\n" for _ in range(50000))
    return jobs, boots


def ours(peer, target, jobs, boots, work, config, first_look):
    knobs = {"boot": f"list:{boots}", "scale_in": "drain", "minimum_billing": "0s", "initial": work.initial(config.minimum),
             "group_min": config.minimum, "group_max": config.maximum, "first_look": f"{first_look:g}s",
             "stale": "0s", "lag_least": "120s", "lag_most": "120s"}
    argv = [BUILD / "windlass", "simulate", "--load", jobs, "--for", f"{work.horizon:.0f}s", "--against", f"{peer}:{target}",
            "--output", "json", "--seed", str(config.seed)]
    for name, value in knobs.items():
        argv += ["--plant", f"{name}={value}"]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"windlass simulate: {done.stderr}")
    return json.loads(done.stdout)["results"][0]


def main():
    if not (OTHER / "sim.py").exists():
        print("skipped: the simulation in ../shared/eval is not beside this tree")
        return 77
    sys.path.insert(0, str(OTHER))
    import controllers
    import sim
    import traces
    failed = 0
    with tempfile.TemporaryDirectory() as made:
        for peer, name, target, trace in CASES:
            work = traces.load(trace, "A", 1)
            costs, waits, n = [0, 0], [0, 0], RUNS.get(peer, 2)
            for seed in range(1, n + 1):
                controller = getattr(controllers, name)(target)
                config = sim.Config(minimum=controller.minimum, stale_max=0, lag=(120.0, 120.0), seed=seed)
                jobs, boots = export(pathlib.Path(made), work, sim, traces, config)
                theirs = sim.simulate(work, config, controller)
                mine = ours(peer, target, jobs, boots, work, config, controller.phase)
                if mine["jobs"] != len(work.arrivals):
                    sys.exit(f"{peer} on {trace}: {mine['jobs']} jobs of {len(work.arrivals)}")
                costs = [costs[0] + mine["instance_hours"] / n, costs[1] + theirs.instance_hours / n]
                waits = [waits[0] + mine["wait_p95_seconds"] / n, waits[1] + theirs.wait(.95) / n]
            good = (abs(costs[0] / costs[1] - 1) <= COST
                    and abs(waits[0] - waits[1]) <= max(WAIT * waits[1], WAIT_LEAST))
            failed += not good
            print(f"{peer}:{target} on {trace}: {costs[0]:.2f} instance-hours, there {costs[1]:.2f}; p95 {waits[0]:.1f} s, "
                  f"there {waits[1]:.1f} s{'' if good else '   FAILED'}")
    print(f"{len(CASES) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
