"""The story of the migration, small, as a stranger would run it, and its guide."""

import os
import pathlib
import re

from celery_redis import group_with_hook, redis
from conftest import BUILD, SRC, program_path, wait_for
from videos import BUCKET, around, clips

__all__ = ["around", "clips", "redis"]

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


def blocks(name):
    return re.findall(r"^```sh\n(.*?)^```", (SRC / "examples" / "migration" / name).read_text(), re.M | re.S)


def test_the_guide_works_from_top_to_bottom(around, redis, clips):
    """Its commands as they stand there, in one shell; the same in both languages."""
    assert blocks("README.md") == blocks("README.es.md")
    around.s3.upload_file(str(clips["tiny"]), BUCKET, "uploads/clip.mp4")
    group_with_hook(around)
    env = {**around.environment, "SQS_QUEUE_URL": None, "CELERY_BROKER_URL": redis.url(), "TMPDIR": str(around.folder),
           "PATH": f"{pathlib.Path(program_path('windlass')).parent}:{os.environ['PATH']}"}
    script = "".join(blocks("README.md")).replace("anb.env", f"{around.folder}/anb.env").replace(". ./", ". ")
    done = around.programs.call("/bin/sh", "-eu", "-c", script, env=env, cwd=SRC, seconds=200)
    assert done.returncode == 0, done.stdout + done.stderr
    ways = re.findall(r"by (celery|sqs)$", done.stdout, re.M)
    assert ways == ["celery", "sqs", "sqs", "celery"], done.stdout
    assert "Celery's queue is empty" in done.stdout and "moved from SQS to Celery: 1" in done.stdout
    assert "Celery  2 waiting, 0 held" in done.stdout.splitlines()[-1], done.stdout
    assert len(around.outputs()) == 2
    assert re.findall(r"^step (\w+), .*: in place$", done.stdout, re.M) == \
        ["1", "1", "2", "1", "2", "3", "1", "2", "3", "4", "1", "2", "3", "4", "5", "back"], done.stdout
