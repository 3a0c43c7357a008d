"""The story of the migration, small, as a stranger would run it."""

import re

from conftest import BUILD, SRC, wait_for

MAIN = SRC / "examples" / "migration" / "main.py"


def test_jobs_survive_two_cutovers_and_two_rollbacks(programs, tmp_path):
    story = programs.start("/usr/bin/python3", "-B", MAIN, "--bin", BUILD, "--out", tmp_path / "out", "--jobs", "20",
                           "--rate", "8", "--timeout", "250")
    assert story.wait_end(280) == 0, story.text()[-4000:]
    said = story.text()
    rows = re.findall(r"^(\w+(?: \d)?) +(sqs|celery) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$", said, re.M)
    assert [row[1] for row in rows] == ["celery", "sqs", "celery", "sqs", "celery"], said
    for _, _, jobs, celery, windlass, parked, lost, twice in rows:
        assert int(jobs) == 4 == int(celery) + int(windlass) + int(parked) and (lost, twice) == ("0", "0"), said
    assert sum(int(row[5]) for row in rows) == 4, "two videos of each cutover are none"
    assert "20 jobs: each has its output once or is parked" in said and said.count("moved from SQS to Celery") == 2
    wait_for(lambda: not programs.leftovers(), "end of every process", 20)
