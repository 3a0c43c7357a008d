#!/usr/bin/env python3
"""The bound of windlass simulate against the same construction in Python, on recorded series.

Skipped where ../shared/eval, which holds that, is not beside the tree, or numpy is not installed.
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
SLOTS, BOOT = 1, 120.0
CASES = [("genai", 60, 20), ("genai", 300, 20), ("worldcup", 60, 40), ("worldcup", 300, 40)]  # series, wait, step


def ours(folder, work, wait, step):
    jobs = folder / "jobs.csv"
    with jobs.open("w") as out:
        out.write("t_seconds,service_seconds\n")
        out.writelines(f"{a:.6f},{s:.6f}\n" for a, s in zip(work.arrivals, work.service))
    argv = [BUILD / "windlass", "simulate", "--load", jobs, "--for", f"{work.horizon:.0f}s", "--against", "fixed:1", "--output",
            "json", "--promise", f"p95 wait < {wait}s", "--plant", f"boot=constant:{BOOT:g}s", "--plant",
            f"initial={work.initial()}", "--plant", "instance_hour_price=3600", "--bound-step", f"{step}s"]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"windlass simulate: {done.stderr}")
    found = json.loads(done.stdout)["results"][0]
    assert found["bound_step_seconds"] == step, found
    return found["bound_usd"]  # at a dollar a second


def main():
    if not (OTHER / "bound.py").exists():
        print("skipped: the bound in ../shared/eval is not beside this tree")
        return 77
    sys.path.insert(0, str(OTHER))
    import bound
    import traces
    if bound.numpy is None:
        print("skipped: needs python3-numpy")
        return 77
    failed = 0
    with tempfile.TemporaryDirectory() as made:
        for name, wait, step in CASES:
            work = traces.load(name, "A", 1)
            theirs, _ = bound.bound(work, wait, BOOT, work.initial(), SLOTS, step)
            mine = ours(pathlib.Path(made), work, wait, step)
            good = abs(mine / theirs - 1) < 0.002
            failed += not good
            print(f"{name}, {wait} s: {mine:.0f} s, there {theirs:.0f} s{'' if good else '   FAILED'}")
    print(f"{len(CASES) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
