"""Every command of the README is run as it stands there, against the embedded cloud, or checked."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest
from conftest import SRC, free_port, program_path, wait_for

# Commands that end by themselves, and the exit statuses that are as they should be.
ENDS = {"windlass": {"plan": (0, 3), "doctor": (0, 1)}}
# Programs that run until they are told to end, and what they show when they are up.
STAYS = {"windlassd": r"windlassd is ready", "windlass-worker": r"worker ready", "windlass-local": r"ready on ",
         "windlass-gateway": r'"event":"listening"'}
# Commands that are not ours: run by a shell.
SHELL = ("curl", "openssl")
# Commands that set the machine up: too slow to run twice, so what they name must be there.
SETS_UP = ("./examples/quickstart/run", "./tests/run", "./autogen.sh")
# What the README takes for granted on AWS.
THERE = """
buckets: [ anb-videos ]
groups:
  anb-worker-asg:
    min: 0
    max: 3
    launch: |
      #!/bin/sh
      exec sleep 1000
"""


def commands():
    text = (SRC / "README.md").read_text()
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            line = line.split("   #")[0].strip()
            if line:
                yield line


def check_set_up(line):
    for part in line.split("&&"):
        word = shlex.split(part)[0]
        if word == "./configure":
            assert (SRC / "configure.ac").exists()
        elif word.startswith("./"):
            assert os.access(SRC / word, os.X_OK)
            subprocess.run(["sh", "-n", str(SRC / word)], check=True)
        else:
            assert word == "make"


def test_readme_names_what_is_there():
    text = (SRC / "README.md").read_text()
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (SRC / path).exists(), path
    assert sum(line.startswith(("./examples", "./tests")) for line in commands()) == 2


def test_readme_says_what_the_embedded_cloud_speaks():
    """The table is as the dispatch tables are, and these and what is said to be missing are all of AWS's actions."""
    table = subprocess.run([program_path("windlass-local"), "--actions"], capture_output=True, text=True, check=True).stdout
    assert table in (SRC / "README.md").read_text(), "windlass-local --actions prints the table of the README: put it there"
    rows = {cells[0]: (set(cells[2].split()), set(cells[3].split()))
            for cells in ([cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()[2:])}
    assert set(rows) == {"SQS", "S3", "CloudWatch", "Auto Scaling", "EC2", "STS"}
    session = pytest.importorskip("botocore.session", reason="needs: boto3").Session()
    for title, name in (("SQS", "sqs"), ("S3", "s3"), ("CloudWatch", "cloudwatch"), ("Auto Scaling", "autoscaling"),
                        ("EC2", "ec2"), ("STS", "sts")):
        spoken, absent = rows[title]
        known = set(session.get_service_model(name).operation_names)
        assert spoken <= known, title
        assert not spoken & absent, title
    # Debian's model stays as it is: all of its actions are in one of the columns.
    listed = "import botocore.session, json; s = botocore.session.Session();" \
             "print(json.dumps({n: s.get_service_model(n).operation_names for n in ('sqs', 'cloudwatch', 'autoscaling', 'sts')}))"
    done = subprocess.run(["/usr/bin/python3", "-c", listed], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("needs: python3-boto3")
    for title, name in (("SQS", "sqs"), ("CloudWatch", "cloudwatch"), ("Auto Scaling", "autoscaling"), ("STS", "sts")):
        left = set(json.loads(done.stdout)[name]) - rows[title][0] - rows[title][1]
        assert left in (set(), {"nothing"}), (title, left)


def test_readme_commands_work(programs, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(SRC / "policies", tree / "policies")
    shutil.copytree(SRC / "examples", tree / "examples")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=1",
                    str(tree / "clip.mp4")], check=True)
    lines = [line for line in commands() if not line.startswith(SETS_UP)]
    for line in commands():
        if line.startswith(SETS_UP):
            check_set_up(line)

    # The cloud is the README's own command, and points the others at itself by what it prints.
    here, = [line for line in lines if line.startswith("windlass-local")]
    name, *arguments = shlex.split(here)
    (tree / "there.yaml").write_text(THERE)
    cloud = programs.start(name, *arguments, "--declare", "there.yaml", cwd=tree, env={"AWS_REGION": "us-east-1"})
    cloud.wait_log(STAYS[name])
    env = exports(cloud.wait_log(r"(?s)(export AWS_ENDPOINT_URL.*AWS_DEFAULT_REGION=\S+)").group(1))

    ran, told = {}, {}
    gateway = env["WINDLASS_GATEWAY_LISTEN"] = f"127.0.0.1:{free_port()}"
    for line in lines:
        if line.startswith("export "):
            env.update(exports(line))
            continue
        words = shlex.split(line)
        if words[0] in SHELL:
            line = line.replace("127.0.0.1:8080", gateway).replace("/ID", f"/{told.get('video_id')}")
            done = programs.call("/bin/sh", "-c", line, cwd=tree, env=env)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            told = json.loads(done.stdout) if words[0] == "curl" else {}
            assert words[0] != "curl" or told["video_id"], f"{line}\n{done.stdout}"
            continue
        assert os.access(program_path(words[0]), os.X_OK)
        if line == here:
            continue
        if words[:2] == ["windlass", "trace"]:
            fetch_history(programs, words, tree, env)
            continue
        if words[0] in STAYS:
            ran[words[0]] = programs.start(words[0], *words[1:], cwd=tree, env=env)
            ran[words[0]].wait_log(STAYS[words[0]])
        else:
            done = programs.call(words[0], *words[1:], cwd=tree, env=env)
            assert done.returncode in ENDS[words[0]].get(words[1], (0,)), f"{line}\n{done.stdout}{done.stderr}"
            assert done.stdout.strip(), f"{line} printed nothing"
            ran[words[0]] = done
    assert set(ran) == {"windlass", "windlassd", "windlass-worker", "windlass-gateway"}
    assert told["title"] == "My video" and told["state"] in ("queued", "processing", "done"), told
    wait_for(lambda: len(re.findall("job done", ran["windlass-worker"].text())) == 2, "both videos, sent and uploaded", 60)


def fetch_history(programs, words, tree, env):
    """It takes days to have one, and this cloud has just begun: the call is made, and its outcome put there."""
    done = programs.call(*words, cwd=tree, env=env)
    assert done.returncode == 1 and "CloudWatch has no NumberOfMessagesSent" in done.stderr, done.stderr
    (tree / words[words.index("--out") + 1]).write_text(
        "timestamp,arrivals\n" + "".join(f"2026-01-05T{h:02d}:{m:02d}:00Z,{m % 3 == 0:d}\n" for h in range(6) for m in range(60)))


def exports(text):
    return dict(pair.split("=", 1) for line in text.splitlines() for pair in shlex.split(line)[1:])
