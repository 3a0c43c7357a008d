"""Celery over SQS on windlass-local: five lines, and the keys come from the environment. ./celery-run runs it."""

import os

from celery import Celery

app = Celery("jobs", broker=os.environ["AWS_ENDPOINT_URL"].replace("http:", "sqs:"))
app.conf.broker_transport_options = {"region": "us-east-1", "is_secure": False, "wait_time_seconds": 1}


@app.task
def transcode(name):
    print(f"transcoded {name}", flush=True)
