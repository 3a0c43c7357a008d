"""The reads of ten-thousand by boto3 and threads: one pass over all queues and groups, after a short warm-up.

Arguments: policies, region... Prints one line of JSON: calls, CPU seconds, private MiB.
"""

import concurrent.futures
import json
import pathlib
import re
import sys
import threading
import time

import boto3
from botocore.config import Config

THREADS = 16  # more of them only wait for the interpreter


def main():
    count, regions = int(sys.argv[1]), sys.argv[2:]
    config = Config(max_pool_connections=THREADS, retries={"mode": "standard"})
    sessions = boto3.session.Session()
    clients = {r: (sessions.client("sqs", region_name=r, config=config),
                   sessions.client("autoscaling", region_name=r, config=config)) for r in regions}
    calls, lock = 0, threading.Lock()

    def counted():
        nonlocal calls
        with lock:
            calls += 1

    def queue(n):
        region = regions[n % len(regions)]
        clients[region][0].get_queue_attributes(
            QueueUrl=f"https://sqs.{region}.amazonaws.com/123456789012/q{n:05}",
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible",
                            "ApproximateNumberOfMessagesDelayed"])
        counted()

    def groups(region, names):
        found = clients[region][1].describe_auto_scaling_groups(AutoScalingGroupNames=names, MaxRecords=100)
        assert len(found["AutoScalingGroups"]) == len(names)
        counted()

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(queue, range(min(count, 200))))
        calls, began, cpu = 0, time.monotonic(), time.process_time()
        jobs = [pool.submit(queue, n) for n in range(count)]
        for k, region in enumerate(regions):
            names = [f"g{n:05}" for n in range(count) if n % len(regions) == k]
            jobs += [pool.submit(groups, region, names[i:i + 100]) for i in range(0, len(names), 100)]
        for job in jobs:
            job.result()
    text = pathlib.Path("/proc/self/smaps_rollup").read_text()
    private = sum(int(kb) for kb in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", text, re.M)) / 1024
    print(json.dumps({"calls": calls, "cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - began,
                      "private_mib": private}))


if __name__ == "__main__":
    main()
