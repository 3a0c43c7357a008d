"""Everything goes wrong at once: the bench that shows it, with few jobs."""

import re

from conftest import BUILD, SRC

BENCH = SRC / "tests" / "bench"


def test_chaos_loses_no_job_and_makes_none_twice(programs, tmp_path):
    done = programs.call("/usr/bin/python3", "-B", BENCH / "chaos", "--jobs", "20", "--fleet", "3", "--spot-every", "5",
                         "--build", BUILD, seconds=200)
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(re.search(r"workers killed with -9 +(\S+)", done.stdout).group(1)) >= 1, done.stdout
    assert done.stdout.count("limit 0") == 7 and "MISSED" not in done.stdout
