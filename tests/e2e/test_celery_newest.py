"""The newest Celery beside Debian's: it runs what windlass sends, and windlass works on what it sends."""

import subprocess
import sys

import pytest
from celery_redis import Celery, redis
from conftest import wait_for
from videos import BUCKET, around, clips

__all__ = ["around", "clips", "redis"]


@pytest.fixture
def newest(programs, tmp_path, redis):
    """newest(**conf): an application of the Celery that pip gave."""
    probe = subprocess.run([sys.executable, "-c", "import celery, redis; print(celery.__version__)"],
                           capture_output=True, text=True)
    if probe.returncode or tuple(map(int, probe.stdout.split(".")[:2])) < (5, 3):
        pytest.skip("needs: celery 5.3 or newer from pip")
    return lambda db, **conf: Celery(programs, tmp_path, redis.url(db), python=sys.executable, **conf)


def test_it_runs_what_windlass_sent(windlass, redis, newest):
    celery = newest(3)
    lines = "".join(f'{{"video_path": "s3://{BUCKET}/{n}.mp4", "task_id": "task-{n}"}}\n' for n in range(5))
    done = windlass("send", "--batch", "-", input=lines, env={"CELERY_BROKER_URL": redis.url(3)})
    assert done.returncode == 0, done.stderr
    celery.worker()
    ran = celery.wait_ran(5)
    assert {(r["id"], r["video_path"]) for r in ran} == {(f"task-{n}", f"s3://{BUCKET}/{n}.mp4") for n in range(5)}
    assert celery.python("print(json.dumps(app.AsyncResult('task-3').get(timeout=60)))")["video_id"]


def test_windlass_works_on_what_it_sent_and_it_gets_the_result(around, clips, redis, newest):
    celery = newest(4, task_acks_late=True)
    around.s3.upload_file(str(clips["tiny"]), BUCKET, "uploads/tiny.mp4")
    celery.python(f"transcode.apply_async(kwargs={{'video_id': 'v-1', 'video_path': 's3://{BUCKET}/uploads/tiny.mp4'}}, "
                  "task_id='t-1')\ntranscode.apply_async(kwargs={'video_id': 'v-2', 'video_path': 'nowhere'}, task_id='t-2')")
    worker = around.worker("--until-empty", WINDLASS_BROKER=redis.url(4), SQS_QUEUE_URL=None)
    assert worker.wait_end(90) == 0, worker.text()[-2000:]
    assert len(around.outputs("v-1")) == 1
    assert celery.python("print(json.dumps(app.AsyncResult('t-1').get(timeout=60)))")["video_id"] == "v-1"
    said = celery.python("try: app.AsyncResult('t-2').get(timeout=60)\nexcept Exception as e: print(json.dumps(str(e)))")
    assert "s3://bucket/key" in said
    wait_for(lambda: redis.call("HLEN", "unacked", db=4) == 0, "empty hash of what is held")
