"""windlass doctor on set-ups that are broken on purpose, and windlass iam-policy proved by taking away."""

import datetime
import json
import urllib.request

import pytest
from cloud import Cloud

POLICY = """\
version: 1
name: anb
fleet: {{ auto_scaling_group: workers, region: us-east-1, min: {least}, max: {most} }}
metrics:
  backlog:
    sqs: {{ queue_url: "{queue}", count: [visible, in_flight] }}
rules:
  - name: backlog
    target_tracking: {{ metric: backlog, per_instance: 10 }}
"""


class Place:
    """A queue with its dead-letter queue and a group with its hook, all as they should be; each test breaks some of it."""
    def __init__(self, env, client, windlass, folder):
        self.env, self.windlass, self.folder = env, windlass, folder
        self.sqs, self.asg = client("sqs"), client("autoscaling")
        self.dead = self.sqs.create_queue(QueueName="jobs-dlq", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        self.queue = self.sqs.create_queue(QueueName="jobs-queue", Attributes={
            "VisibilityTimeout": "300", "MessageRetentionPeriod": "1209600", "ReceiveMessageWaitTimeSeconds": "20",
            "RedrivePolicy": self.redrive})["QueueUrl"]
        self.asg.create_launch_configuration(LaunchConfigurationName="lc", ImageId="ami-12c6146b", InstanceType="t2.micro",
                                             UserData="sleep 1000")
        self.asg.create_auto_scaling_group(AutoScalingGroupName="workers", LaunchConfigurationName="lc", MinSize=0, MaxSize=8,
                                           DesiredCapacity=0, AvailabilityZones=["us-east-1a"])
        self.hook()

    def hook(self):
        self.asg.put_lifecycle_hook(AutoScalingGroupName="workers", LifecycleHookName="drain", HeartbeatTimeout=300,
                                    LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", DefaultResult="CONTINUE")

    def set(self, queue, **attributes):
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={k: str(v) for k, v in attributes.items()})

    def doctor(self, *arguments, least=0, most=8, queue=None, **env):
        path = self.folder / "policy.yaml"
        path.write_text(POLICY.format(queue=queue or self.queue, least=least, most=most))
        done = self.windlass("doctor", path, "--output", "json", *arguments, env={**self.env, **env}, seconds=60)
        assert done.returncode in (0, 1) and done.stderr == "", done.stderr
        report = json.loads(done.stdout)
        assert report["clean"] == (done.returncode == 0)
        return {f["check"]: f for f in report["findings"]}


def ills(found):
    return {check for check, f in found.items() if f["level"] in ("warning", "error")}


@pytest.fixture(params=["moto", "embedded"])
def place(request, moto_server, windlass, programs, keys, client_of, tmp_path):
    if request.param == "moto":
        moto = request.getfixturevalue("moto")
        return Place({**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s), windlass, tmp_path)
    cloud = Cloud(programs, tmp_path).start()
    return Place(dict(cloud.environment), cloud.client, windlass, tmp_path)


def test_nothing_is_found_where_nothing_is_wrong(place):
    found = place.doctor("--job-time", "4m", "--spot")
    assert ills(found) == set(), found
    assert "identity" in found and "ReceiveMessage" in found["not-tried"]["text"]


def no_queue(p):
    return {"queue": p.queue + "-gone"}


def no_redrive(p):
    p.set(p.queue, RedrivePolicy="")


def few_receives(p):
    p.set(p.queue, RedrivePolicy=p.redrive.replace(": 5", ": 1"))


def no_dead_letter_queue(p):
    p.sqs.delete_queue(QueueUrl=p.dead)


def dead_letters_drop(p):
    p.set(p.dead, MessageRetentionPeriod=3600)


def dead_letters(p):
    p.sqs.send_message(QueueUrl=p.dead, MessageBody="{}")


def short_polling(p):
    p.set(p.queue, ReceiveMessageWaitTimeSeconds=0)


def visibility_short(p):
    p.set(p.queue, VisibilityTimeout=30)


def retention_short(p):
    p.set(p.queue, MessageRetentionPeriod=600)


def no_group(p):
    p.asg.delete_auto_scaling_group(AutoScalingGroupName="workers", ForceDelete=True)


def no_hook(p):
    p.asg.delete_lifecycle_hook(AutoScalingGroupName="workers", LifecycleHookName="drain")


def suspended(p):
    p.asg.suspend_processes(AutoScalingGroupName="workers", ScalingProcesses=["Launch"])


BROKEN = [("no-queue", no_queue), ("no-redrive", no_redrive), ("receives-few", few_receives),
          ("no-dead-letter-queue", no_dead_letter_queue), ("dead-letters-drop", dead_letters_drop),
          ("dead-letters", dead_letters), ("short-polling", short_polling), ("visibility-short", visibility_short),
          ("retention-short", retention_short), ("no-group", no_group), ("no-hook", no_hook), ("suspended", suspended),
          ("bounds-apart", lambda p: {"least": 9, "most": 20}), ("bounds-narrow", lambda p: {"most": 20}),
          ("region-differs", lambda p: {"SQS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/x",
                                        "SQS_REGION": "us-east-1"}),
          ("url-wrong", lambda p: {"SQS_QUEUE_URL": "jobs-queue"}),
          ("url-open", lambda p: {"queue": "${NOT_SET_ANYWHERE}"})]


@pytest.mark.parametrize("check,breaks", BROKEN, ids=[b[0] for b in BROKEN])
def test_what_is_broken_is_named(place, check, breaks):
    how = breaks(place) or {}
    if check == "url-open":
        path = place.folder / "policy.yaml"
        path.write_text(POLICY.format(queue="${NOT_SET_ANYWHERE}", least=0, most=8))
        done = place.windlass("doctor", path, env=place.env)
        assert done.returncode == 1 and "[url-open]" in done.stdout, done.stdout + done.stderr
        return
    found = place.doctor("--job-time", "4m", **how)
    assert check in ills(found), found
    assert found[check]["remedy"] and found[check]["text"]
    expected = {check} | ({"not-followed", "no-queue"} if check == "region-differs" else set())
    assert ills(found) <= expected, found


class Site:
    """One queue, its dead-letter queue and its group of a name of their own, in a place that has many."""
    def __init__(self, place, name):
        self.sqs, self.asg, self.name = place.sqs, place.asg, name
        self.dead = self.sqs.create_queue(QueueName=f"{name}-dlq", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
        self.queue = self.sqs.create_queue(QueueName=f"{name}-queue", Attributes={
            "VisibilityTimeout": "300", "MessageRetentionPeriod": "1209600", "ReceiveMessageWaitTimeSeconds": "20",
            "RedrivePolicy": self.redrive})["QueueUrl"]
        self.asg.create_auto_scaling_group(AutoScalingGroupName=name, LaunchConfigurationName="lc", MinSize=0, MaxSize=8,
                                           DesiredCapacity=0, AvailabilityZones=["us-east-1a"])
        self.asg.put_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName="drain", HeartbeatTimeout=300,
                                    LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", DefaultResult="CONTINUE")

    def set(self, queue, **attributes):
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={k: str(v) for k, v in attributes.items()})


SITES = {
    "no-queue": lambda s: s.sqs.delete_queue(QueueUrl=s.queue),
    "no-redrive": lambda s: s.set(s.queue, RedrivePolicy=""),
    "receives-few": lambda s: s.set(s.queue, RedrivePolicy=s.redrive.replace(": 5", ": 3")),
    "no-dead-letter-queue": lambda s: s.sqs.delete_queue(QueueUrl=s.dead),
    "dead-letters-drop": lambda s: s.set(s.dead, MessageRetentionPeriod=3600),
    "dead-letters": lambda s: s.sqs.send_message(QueueUrl=s.dead, MessageBody="{}"),
    "short-polling": lambda s: s.set(s.queue, ReceiveMessageWaitTimeSeconds=0),
    "visibility-short": lambda s: s.set(s.queue, VisibilityTimeout=30),
    "no-group": lambda s: s.asg.delete_auto_scaling_group(AutoScalingGroupName=s.name, ForceDelete=True),
    "no-hook": lambda s: s.asg.delete_lifecycle_hook(AutoScalingGroupName=s.name, LifecycleHookName="drain"),
    "suspended": lambda s: s.asg.suspend_processes(AutoScalingGroupName=s.name, ScalingProcesses=["Terminate"]),
    "native-policy": lambda s: s.asg.put_scaling_policy(
        AutoScalingGroupName=s.name, PolicyName="old-steps", PolicyType="SimpleScaling",
        AdjustmentType="ChangeInCapacity", ScalingAdjustment=1),
    "group-closed": lambda s: s.asg.update_auto_scaling_group(AutoScalingGroupName=s.name, MinSize=0, MaxSize=0),
}


def test_one_run_names_every_broken_set_up_and_none_that_is_well(place):
    policies = place.folder / "policies"
    policies.mkdir()
    for check in ("well", *SITES):
        site = Site(place, f"site-{check}")
        text = POLICY.format(queue=site.queue, least=0, most=8).replace("name: anb", f"name: {check}")
        (policies / f"{check}.yaml").write_text(text.replace("auto_scaling_group: workers", f"auto_scaling_group: {site.name}"))
        SITES.get(check, lambda s: None)(site)
    done = place.windlass("doctor", policies, "--output", "json", "--job-time", "4m", "--spot", env=place.env, seconds=60)
    assert done.returncode == 1 and done.stderr == "", done.stderr
    found = [f for f in json.loads(done.stdout)["findings"] if f["level"] in ("warning", "error")]
    assert len(SITES) >= 10 and {f["check"] for f in found} == set(SITES), found
    assert all(f["remedy"] and f["subject"].startswith(f"site-{f['check']}") for f in found), found


def test_steerers_whose_process_is_suspended_are_only_noted(place):
    p = place
    p.asg.put_scaling_policy(AutoScalingGroupName="workers", PolicyName="old-steps", PolicyType="SimpleScaling",
                             AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)
    p.asg.suspend_processes(AutoScalingGroupName="workers", ScalingProcesses=["AlarmNotification"])
    found = p.doctor()
    assert ills(found) == set() and "if the process AlarmNotification were not suspended" in found["native-policy"]["text"]


def test_other_steerers_of_the_group_are_named(place):
    p = place
    p.asg.put_scaling_policy(AutoScalingGroupName="workers", PolicyName="old-steps", PolicyType="SimpleScaling",
                             AdjustmentType="ChangeInCapacity", ScalingAdjustment=1)
    p.asg.put_scheduled_update_group_action(AutoScalingGroupName="workers", ScheduledActionName="mornings",
                                            Recurrence="0 8 * * *", MinSize=0, MaxSize=8, DesiredCapacity=2)
    found = p.doctor()
    assert ills(found) == {"native-policy", "native-schedule"}
    assert "old-steps (SimpleScaling)" in found["native-policy"]["text"] and "mornings" in found["native-schedule"]["text"]


def test_what_sits_and_a_dead_letter_queue_that_fills_are_told_by_cloudwatch(moto, windlass, keys, client_of, tmp_path):
    """On moto alone: like AWS, the embedded cloud takes no values for AWS/SQS."""
    p = Place({**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s), windlass, tmp_path)
    p.sqs.send_message(QueueUrl=p.queue, MessageBody="{}")
    p.sqs.send_message(QueueUrl=p.dead, MessageBody="{}")
    assert ills(p.doctor()) == {"dead-letters"}
    now = datetime.datetime.now(datetime.timezone.utc)

    def put(metric, queue, hours_ago, value):
        client_of(moto, "cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[{
            "MetricName": metric, "Dimensions": [{"Name": "QueueName", "Value": queue}], "Value": value,
            "Timestamp": now - datetime.timedelta(hours=hours_ago)}])
    put("ApproximateAgeOfOldestMessage", "jobs-queue", 0.1, 7300)
    put("ApproximateNumberOfMessagesVisible", "jobs-dlq", 20, 3)
    put("ApproximateNumberOfMessagesVisible", "jobs-dlq", 2, 40)
    found = p.doctor()
    assert ills(found) == {"dead-letters", "messages-sit"}
    assert "has waited for 2h1m40s" in found["messages-sit"]["text"] and "it fills: 37 more than a day ago" in found["dead-letters"]["text"]
    assert "messages-sit" not in ills(p.doctor("--job-time", "1h"))


def test_a_metric_without_values_is_named(place):
    text = POLICY.replace("rules:", "  gone:\n    cloudwatch: {{ namespace: Shop, metric: Orders }}\nrules:")
    (place.folder / "policy.yaml").write_text(text.format(queue=place.queue, least=0, most=8))
    done = place.windlass("doctor", place.folder / "policy.yaml", env=place.env)
    assert done.returncode == 1 and "no value of Shop Orders in the last 15 minutes [no-values]" in done.stdout, done.stdout


def test_fix_mends_and_a_second_look_finds_nothing(place):
    short_polling(place)
    dead_letters_drop(place)
    no_hook(place)
    found = place.doctor("--fix")
    assert {c for c, f in found.items() if f["level"] == "fixed"} == {"short-polling", "dead-letters-drop", "no-hook"}
    assert ills(found) == set()
    assert ills(place.doctor()) == set()
    hooks = place.asg.describe_lifecycle_hooks(AutoScalingGroupName="workers")["LifecycleHooks"]
    assert [h["LifecycleTransition"] for h in hooks] == ["autoscaling:EC2_INSTANCE_TERMINATING"]


def test_leaked_protection_is_found_and_cleared(moto, windlass, keys, client_of, tmp_path):
    p = Place({**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s), windlass, tmp_path)
    p.asg.set_desired_capacity(AutoScalingGroupName="workers", DesiredCapacity=3)
    instances = [i["InstanceId"] for i in p.asg.describe_auto_scaling_instances()["AutoScalingInstances"]]
    p.asg.set_instance_protection(AutoScalingGroupName="workers", InstanceIds=instances[:2], ProtectedFromScaleIn=True)
    (tmp_path / "policy.yaml").write_text(POLICY.format(queue=p.queue, least=0, most=8))
    for _ in range(2):
        done = windlass("turn", tmp_path / "policy.yaml", "--journal", tmp_path / "j.db", env=p.env)
        assert done.returncode == 0, done.stdout + done.stderr
    found = p.doctor("--journal", tmp_path / "j.db")
    assert ills(found) == {"protection-leaked"}
    assert "2 instances are protected from scale-in, as for the last " in found["protection-leaked"]["text"]
    assert all(i in found["protection-leaked"]["text"] for i in instances[:2]), found
    assert p.doctor("--fix")["protection-leaked"]["level"] == "fixed"
    assert not any(i["ProtectedFromScaleIn"] for i in p.asg.describe_auto_scaling_instances()["AutoScalingInstances"])
    p.sqs.send_message(QueueUrl=p.queue, MessageBody="{}")
    assert ills(p.doctor()) == {"nobody-receives"}


def test_no_credentials_and_nobody_there_are_said_once(windlass, keys, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.format(queue="http://127.0.0.1:1/123456789012/q", least=0, most=8))
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
           "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": str(tmp_path)}
    done = windlass("doctor", path, env=env, seconds=90)
    assert done.returncode == 1 and done.stdout.count("[credentials]") == 1, done.stdout
    assert windlass("doctor", tmp_path / "none.yaml", env=env).returncode in (1, 2)


class Iam:
    """Moto enforces IAM policies once it is told to."""
    def __init__(self, moto, client_of):
        self.moto, self.client = moto, client_of(moto, "iam")
        self.client.create_user(UserName="controller")
        self.key = self.client.create_access_key(UserName="controller")["AccessKey"]

    def enforce(self, on):
        body = b"0" if on else b"1000000000"
        request = urllib.request.Request(f"{self.moto}/moto-api/reset-auth", data=body, method="POST", headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request, timeout=30).close()

    def allow(self, document):
        self.enforce(False)
        self.client.put_user_policy(UserName="controller", PolicyName="p", PolicyDocument=json.dumps(document))
        self.enforce(True)


def without(document, action):
    cut = json.loads(json.dumps(document))
    for statement in cut["Statement"]:
        statement["Action"] = [a for a in statement["Action"] if a != action] or ["ec2:DescribeImages"]
    return cut


def test_the_controller_needs_each_action_of_its_policy_and_no_other(moto, windlass, keys, client_of, tmp_path):
    p = Place({**keys, "AWS_ENDPOINT_URL": moto}, lambda s: client_of(moto, s), windlass, tmp_path)
    iam = Iam(moto, client_of)
    p.env.update(AWS_ACCESS_KEY_ID=iam.key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=iam.key["SecretAccessKey"])
    (tmp_path / "policy.yaml").write_text(POLICY.format(queue=p.queue, least=0, most=8))
    printed = windlass("iam-policy", "controller", "--policies", tmp_path / "policy.yaml", env=p.env)
    assert printed.returncode == 0, printed.stderr
    document = json.loads(printed.stdout)
    for statement in document["Statement"]:
        statement["Resource"] = "*"  # moto knows the resources of few actions
    for _ in range(15):
        p.sqs.send_message(QueueUrl=p.queue, MessageBody="{}")
    try:
        iam.allow(document)
        assert "permission" not in p.doctor()
        done = windlass("turn", tmp_path / "policy.yaml", "--journal", tmp_path / "j.db", env=p.env)
        assert done.returncode == 0, done.stdout + done.stderr
        for action in sorted({a for s in document["Statement"] for a in s["Action"]} - {"autoscaling:SetDesiredCapacity"}):
            iam.allow(without(document, action))
            found = p.doctor()
            assert found["permission"]["text"] == f"{action} is not allowed", found
        iam.enforce(False)
        for _ in range(20):  # now a write is due, which doctor does not try
            p.sqs.send_message(QueueUrl=p.queue, MessageBody="{}")
        iam.allow(without(document, "autoscaling:SetDesiredCapacity"))
        done = windlass("turn", tmp_path / "policy.yaml", "--journal", tmp_path / "j.db", env=p.env)
        assert done.returncode == 1 and "SetDesiredCapacity: 403 AccessDenied" in done.stderr, done.stderr
    finally:
        iam.enforce(False)


@pytest.mark.parametrize("arguments,status,said", [
    (["wrker"], 2, "did you mean worker"),
    (["worker"], 2, "--bucket is missing"),
    (["controller"], 2, "give --policies, or set SQS_QUEUE_URL"),
    (["controller", "--account", "12"], 2, "is not 12 digits"),
])
def test_what_iam_policy_cannot_know_is_said(windlass, keys, arguments, status, said):
    done = windlass("iam-policy", *arguments, env=keys)
    assert done.returncode == status and said in done.stderr, done.stderr


def test_worker_and_producer_policies_name_their_resources(windlass, keys):
    env = {**keys, "SQS_QUEUE_URL": "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/video-queue"}
    worker = json.loads(windlass("iam-policy", "worker", "--bucket", "up", "--results-bucket", "down", env=env).stdout)
    by_sid = {s["Sid"]: s for s in worker["Statement"]}
    assert by_sid["Queues"]["Resource"] == ["arn:aws-cn:sqs:cn-north-1:123456789012:video-queue"]
    assert by_sid["DeadLetters"]["Resource"] == ["arn:aws-cn:sqs:cn-north-1:123456789012:video-dlq"]
    assert "sqs:DeleteMessage" in by_sid["Queues"]["Action"] and "s3:GetObject" in by_sid["Uploads"]["Action"]
    assert by_sid["Records"] == {**by_sid["Records"], "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::up/jobs/*"]}
    gateway = json.loads(windlass("iam-policy", "gateway", "--bucket", "up", "--results-bucket", "down", env=env).stdout)
    by_sid = {s["Sid"]: (s["Action"], s["Resource"]) for s in gateway["Statement"]}
    assert by_sid["Queues"][0] == ["sqs:SendMessage"] and by_sid["Results"] == (["s3:GetObject"], ["arn:aws:s3:::down/*"])
    assert by_sid["UploadsBucket"] == (["s3:ListBucket", "s3:ListBucketMultipartUploads"], ["arn:aws:s3:::up"])
    producer = json.loads(windlass("iam-policy", "producer", "--bucket", "up", env=env).stdout)
    actions = sorted(a for s in producer["Statement"] for a in s["Action"])
    assert actions == ["s3:PutObject", "sqs:SendMessage"]
