"""What looking costs: as computed, as counted by the controller, and as a server of our own counts it."""

import collections
import datetime
import http.server
import json
import threading
import urllib.parse

import pytest
from conftest import wait_for

POLICY = """\
version: 1
name: {name}
mode: {mode}
fleet: {{ auto_scaling_group: {group}, region: us-east-1, max: 8 }}
metrics:
{metrics}
rules:
  - name: work
    target_tracking: {{ metric: {first}, per_instance: 10 }}
evaluate: {{ every: {every}, idle_every: {idle} }}
"""
GROUP = """<member><AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>8</MaxSize>
<DesiredCapacity>2</DesiredCapacity><DefaultCooldown>300</DefaultCooldown><Instances>
<member><InstanceId>i-1</InstanceId><LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus></member>
<member><InstanceId>i-2</InstanceId><LifecycleState>InService</LifecycleState><HealthStatus>Healthy</HealthStatus></member>
</Instances></member>"""


class Null(http.server.BaseHTTPRequestHandler):
    """As much of AWS as a look needs: every queue has 20 messages, every group 2 instances, every metric the value 20."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = dict(urllib.parse.parse_qsl(body))
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or form["Action"]
        with self.server.lock:
            self.server.calls[action] += 1
            self.server.metrics += sum(k.endswith(".Id") for k in form)
            self.server.asked.append(form)
            if action == "GetQueueAttributes":
                self.server.queues[json.loads(body)["QueueUrl"].rpartition("/")[2]] += 1
        self.answer(action, form)

    def answer(self, action, form):
        if action == "GetQueueAttributes":
            names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
            text = json.dumps({"Attributes": dict(zip(names, ("20", "0", "0")))})
        elif action == "DescribeAutoScalingGroups":
            names = [v for k, v in form.items() if k.startswith("AutoScalingGroupNames.")]
            assert len(names) <= 100 and form["MaxRecords"] == "100"
            names, more = self.page(names, form)
            text = self.wrap(action, f"<AutoScalingGroups>{''.join(GROUP.format(name=n) for n in names)}</AutoScalingGroups>{more}")
        elif action == "GetMetricData":
            at = (datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
                  - datetime.timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
            ids, more = self.page([v for k, v in form.items() if k.endswith(".Id")], form)
            text = self.wrap(action, "<MetricDataResults>" + "".join(
                f"<member><Id>{i}</Id><StatusCode>Complete</StatusCode><Timestamps><member>{at}</member></Timestamps>"
                "<Values><member>20</member></Values></member>" for i in ids) + "</MetricDataResults>" + more)
        else:
            text = self.wrap(action, "")
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def page(self, items, form):
        """What of items this answer holds, and the token of the next."""
        start = int(form.get("NextToken", "0"))
        end = start + self.server.page
        return items[start:end], f"<NextToken>{end}</NextToken>" if end < len(items) else ""

    @staticmethod
    def wrap(action, inner):
        return f"<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>"


@pytest.fixture
def null(keys):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Null)
    server.daemon_threads = True
    server.lock, server.calls, server.metrics, server.asked = threading.Lock(), collections.Counter(), 0, []
    server.page, server.queues = 500, collections.Counter()  # members of an answer; calls by queue
    server.env = {**keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def sqs(name):
    return f'  {name}: {{ sqs: {{ queue_url: "https://sqs.us-east-1.amazonaws.com/123456789012/{name}" }} }}'


def meter(name, period="60s"):
    return f"  {name}: {{ cloudwatch: {{ namespace: Shop, metric: {name}, statistic: Sum, period: {period} }} }}"


def write(folder, name, group, metrics, mode="enforce", every="15s", idle="60s"):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(POLICY.format(
        name=name, mode=mode, group=group, metrics="\n".join(metrics), first=metrics[0].split(":")[0].strip(), every=every, idle=idle))


def spent(entries):
    total = collections.Counter()
    for entry in entries:
        total.update(entry["facts"].get("spent", {}))
    return {key: round(value / 1e6, 3) for key, value in total.items()}


def test_shared_reads_are_one_call_and_each_policy_bears_its_part(null, windlass, tmp_path):
    folder = tmp_path / "policies"
    write(folder, "a", "ga", [sqs("q1"), meter("orders")])
    write(folder, "b", "gb", [sqs("q1"), meter("orders"), meter("carts")])
    write(folder, "c", "gc", [sqs("q1")])
    write(folder, "d", "gd", [sqs("q2"), sqs("q3")])
    write(folder, "shade", "gd", [sqs("q2")], mode="shadow")
    done = windlass("plan", folder, "--journal", tmp_path / "j.db", "--output", "json", env=null.env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert null.calls == {"GetQueueAttributes": 3, "DescribeAutoScalingGroups": 1, "GetMetricData": 1} and null.metrics == 2
    plans = {p["policy"]: p for p in json.loads(done.stdout)}
    assert spent(plans.values()) == {"sqs": 3, "autoscaling": 1, "cloudwatch": 1, "metrics": 2}
    assert plans["a"]["facts"]["spent"] == {"sqs": 333333, "autoscaling": 200000, "cloudwatch": 250000, "metrics": 500000}
    assert plans["d"]["facts"]["spent"] == {"sqs": 1500000, "autoscaling": 200000}
    assert plans["shade"]["facts"]["spent"] == {"sqs": 500000, "autoscaling": 200000}


def test_a_hundred_groups_are_one_call(null, windlass, tmp_path):
    for i in range(120):
        write(tmp_path / "policies", f"p{i}", f"g{i}", [sqs("q")])
    done = windlass("plan", tmp_path / "policies", "--journal", tmp_path / "j.db", "--output", "json", env=null.env, seconds=60)
    assert done.returncode == 0, done.stderr
    assert null.calls == {"GetQueueAttributes": 1, "DescribeAutoScalingGroups": 2}


def test_answers_in_pages_are_read_to_their_end(null, windlass, tmp_path):
    null.page = 2
    for i in range(5):
        write(tmp_path / "policies", f"p{i}", f"g{i}", [meter(f"m{i}")])
    done = windlass("plan", tmp_path / "policies", "--journal", tmp_path / "j.db", "--output", "json", env=null.env)
    assert done.returncode == 0, done.stderr
    plans = json.loads(done.stdout)
    assert null.calls == {"DescribeAutoScalingGroups": 3, "GetMetricData": 3}
    assert all(p["facts"]["group"]["in_service"] == 2 and p["facts"]["metrics"][f"m{p['policy'][1]}"]["value_milli"] == 20000
               for p in plans), plans
    counted = spent(plans)
    assert counted["cloudwatch"] == 3 and abs(counted["autoscaling"] - 3) < 0.01


def test_a_metric_of_another_account_and_a_percentile_are_asked_for_as_such(null, windlass, tmp_path):
    ours = meter("orders").replace("statistic: Sum", "statistic: p95")
    theirs = ours.replace("  orders:", "  theirs:").replace("period:", 'account_id: "012345678901", period:')
    write(tmp_path / "policies", "a", "ga", [ours, theirs])
    done = windlass("plan", tmp_path / "policies", "--journal", tmp_path / "j.db", "--output", "json", env=null.env)
    assert done.returncode == 0, done.stderr
    form = next(f for f in null.asked if f.get("Action") == "GetMetricData")
    queries = {form.get(f"MetricDataQueries.member.{i}.AccountId"): form[f"MetricDataQueries.member.{i}.MetricStat.Stat"] for i in (1, 2)}
    assert queries == {None: "p95", "012345678901": "p95"} and null.metrics == 2


@pytest.mark.parametrize("statistic,extra,said", [
    ("Maxmum", "", "did you mean Maximum"), ("p101", "", "is no statistic"), ("p9.", "", "is no statistic"),
    ("p100", "account_id: 12345, ", "account_id is not 12 digits")])
def test_what_no_cloudwatch_would_take_is_refused_at_its_line(windlass, keys, tmp_path, statistic, extra, said):
    write(tmp_path, "a", "ga", [meter("orders").replace("statistic: Sum", f"{extra}statistic: {statistic}")])
    done = windlass("validate", tmp_path / "a.yaml", env=keys)
    assert done.returncode == 2 and said in done.stdout + done.stderr and "a.yaml:6:" in done.stdout + done.stderr, done.stdout + done.stderr


def cost(windlass, null, folder):
    done = windlass("plan", "--cost", folder, "--output", "json", env=null.env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_counted_is_what_was_computed(null, windlass, programs, tmp_path):
    folder, journal = tmp_path / "policies", tmp_path / "j.db"
    write(folder, "north", "ga", [sqs("q1"), sqs("q2"), meter("orders")], every="1s", idle="2s")
    for name in ("south", "west"):
        write(folder, name, f"g-{name}", [sqs("q1")], every="1s", idle="2s")
    told = cost(windlass, null, folder)
    assert not null.calls  # it computes and asks nobody
    policies = {p["policy"]: p for p in told["policies"]}
    busy, idle = told["all"]["busy"], told["all"]["idle"]
    assert busy["turns"] == 3 * 730 * 3600 and idle["turns"] == busy["turns"] / 2
    assert busy["cloudwatch_metrics"] == idle["cloudwatch_metrics"] == 730 * 60
    assert abs(busy["dollars"] - (busy["sqs_requests"] * 0.4e-6 + 730 * 60 * 1e-5)) < 1e-9
    daemon = programs.start("windlassd", "--policies", folder, "--journal", journal, "--log-format", "logfmt", env=null.env)
    wait_for(lambda: null.queues["q2"] >= 12, "twelve turns of each", 60)  # only the first reads it
    assert daemon.stop() == 0
    assert null.calls["GetMetricData"] == 1
    status = {p["policy"]: p for p in json.loads(windlass("status", "--journal", journal, "--output", "json").stdout)["policies"]}
    # The metric was asked for at the first turn, which the count leaves out.
    for name, p in policies.items():
        computed = p["busy"]["sqs_requests"] + p["busy"]["autoscaling_requests"]
        assert abs(status[name]["calls_per_month"] / computed - 1) < 0.2, (name, status, policies)
        assert abs(status[name]["dollars_per_month"] / (p["busy"]["sqs_requests"] * 0.4e-6) - 1) < 0.2


def test_metrics_of_hundreds_of_policies_are_one_call_of_the_daemon(null, programs, tmp_path):
    folder = tmp_path / "policies"
    for i in range(230):
        write(folder, f"p{i:03}", f"g{i}", [meter(f"m{i}")] if i % 2 else [sqs("q")], every="30s", idle="30s")
    daemon = programs.start("windlassd", "--policies", folder, "--journal", tmp_path / "j.db", "--log-format", "logfmt", env=null.env)
    wait_for(lambda: null.metrics >= 115 and null.calls["DescribeAutoScalingGroups"] >= 3, "a look of every policy", 60)
    assert daemon.stop() == 0
    assert null.metrics == 115 and null.calls["GetMetricData"] == 1
    assert null.calls["DescribeAutoScalingGroups"] == 3


def test_cost_is_told_as_a_table_with_its_prices_and_what_is_published(null, windlass, tmp_path):
    folder = tmp_path / "policies"
    write(folder, "thumbs", "ga", [sqs("q1")])
    (folder / "thumbs.yaml").write_text((folder / "thumbs.yaml").read_text() + "publish: { namespace: Fleet }\n")
    done = windlass("plan", "--cost", folder, env=null.env)
    assert done.returncode == 0 and not null.calls, done.stderr
    # 175,200 looks a month at 15 s: as many SQS requests at $0.40 a million, and as many of Auto Scaling for nothing.
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("thumbs"))
    assert row == ["thumbs", "350400", "0.0701", "87600", "0.0175", "1.3380"], done.stdout
    assert "with the first million SQS requests of the account free: $0.0000 busy" in done.stdout
    assert "SQS requests: $0.4 for 1000000 (a request), https://aws.amazon.com/sqs/pricing/, as of 2026-03" in done.stdout
