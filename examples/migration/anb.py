"""The Celery application as it was before the migration: its worker makes of a video what windlass's profile makes."""

import os
import pathlib
import subprocess
import tempfile

import boto3
from celery import Celery

app = Celery("anb", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_BROKER_URL"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1,
                broker_transport_options={"visibility_timeout": int(os.environ["CELERY_VISIBILITY_TIMEOUT"])})
s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])


@app.task(name="video.transcode", bind=True)
def transcode(self, video_id, video_path):
    bucket, key = video_path.removeprefix("s3://").split("/", 1)
    with tempfile.TemporaryDirectory() as folder:
        source, made = pathlib.Path(folder, "source"), pathlib.Path(folder, "made.mp4")
        s3.download_file(bucket, key, str(source))
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(source), "-t", "30", "-vf",
                        "scale=1280:720:force_original_aspect_ratio=decrease,pad=1280:720:(ow-iw)/2:(oh-ih)/2", "-an",
                        "-c:v", "libx264", "-crf", "23", "-preset", "veryfast", str(made)], check=True,
                       stdin=subprocess.DEVNULL)
        s3.upload_file(str(made), bucket, f"processed_videos/{video_id}/video.mp4",
                       ExtraArgs={"Metadata": {"task-id": self.request.id, "made-by": "celery"}})
    return {"video_id": video_id}
