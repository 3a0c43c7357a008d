"""The page of the embedded cloud, in a browser."""

import time
import urllib.error
import urllib.request

import pytest
from browser import browser  # noqa: F401
from cloud import Cloud, code_of

@pytest.fixture
def cloud(programs, tmp_path):
    return Cloud(programs, tmp_path).start()


def rows(browser, table):
    """A table's cells, of a page that may be replaced by its next look at any moment."""
    while True:
        try:
            found = browser.run(f"document.querySelector('#calls tbody tr') && [...document.querySelectorAll('#{table} tbody "
                                "tr')].map(r => [...r.cells].map(c => c.textContent))")
        except AssertionError:
            continue
        if found is not None:
            return found


def test_the_page_shows_what_there_is_and_what_is_done(cloud, browser):
    sqs, s3, groups = (cloud.client(name) for name in ("sqs", "s3", "autoscaling"))
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for body in ("<script>alert(1)</script>", "two", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.receive_message(QueueUrl=url)
    s3.create_bucket(Bucket="videos")
    s3.put_object(Bucket="videos", Key="<img src=x onerror=alert(1)>", Body=b"x")
    groups.create_launch_configuration(LaunchConfigurationName="l", ImageId="ami-12345678", InstanceType="t3.small",
                                       UserData="exec sleep 1000\n")
    groups.create_auto_scaling_group(AutoScalingGroupName="workers", LaunchConfigurationName="l", MinSize=0, MaxSize=3,
                                     DesiredCapacity=1, AvailabilityZones=["us-east-1a"])
    assert code_of(s3.get_object, Bucket="videos", Key="none") == "NoSuchKey"
    browser.open(cloud.url + "/")
    assert rows(browser, "queues") == [["jobs", "2", "1", "0", ""]]
    assert rows(browser, "buckets")[0][:2] == ["videos", "1"]
    assert rows(browser, "groups")[0][:5] == ["workers", "0", "1", "3", "1"]
    instance, = rows(browser, "instances")
    assert instance[0].startswith("i-") and instance[1] == "workers"
    calls = [row[1:] for row in rows(browser, "calls")]
    assert calls[0] == ["s3", "GetObject", "videos/none", "404", "NoSuchKey"]
    assert ["s3", "PutObject", "videos/<img src=x onerror=alert(1)>", "200", ""] in calls
    assert ["sqs", "ReceiveMessage", "jobs", "200", ""] in calls
    # it follows by itself
    sqs.send_message(QueueUrl=url, MessageBody="four")
    deadline = time.monotonic() + 60
    while rows(browser, "queues")[:1] != [["jobs", "3", "1", "0", ""]]:
        assert time.monotonic() < deadline, rows(browser, "queues")
        time.sleep(0.2)
    assert browser.asked() == [] and browser.wrong() == []


def ask(cloud, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(cloud.url + "/", headers=headers), timeout=30) as reply:
            return reply.status, dict(reply.headers), reply.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, dict(e.headers), e.read().decode()


def test_the_page_is_for_this_machine(cloud):
    status, headers, text = ask(cloud)
    assert status == 200 and "<h1>windlass-local</h1>" in text and "default-src 'none'" in text
    assert headers["Cache-Control"] == "no-store" and headers["X-Frame-Options"] == "DENY"
    # a page of somebody's whose name was made to lead here
    assert ask(cloud, Host="evil.example")[0] == 403
    assert ask(cloud, Host=f"localhost:{cloud.port}")[0] == 200
    assert ask(cloud, Host=f"127.0.0.1.evil.example:{cloud.port}")[0] == 403
    # a client of S3 that signs still lists its buckets there
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    keys = cloud.keys
    assert keys["aws_access_key_id"] not in text and keys["aws_secret_access_key"] not in text
