"""The verbs that touch nothing but files, as a person or a program uses them."""

import json
import select
import subprocess

import pytest

from conftest import SRC, program_path

POLICY = """\
version: 1
name: {name}
fleet: {{ auto_scaling_group: {group}, max: 50 }}
metrics:
  backlog: {{ sqs: {{ queue_url: "http://127.0.0.1:1/000000000000/q" }} }}
rules:
  - {{ name: backlog, target_tracking: {{ metric: backlog, per_instance: 10 }} }}
"""


def observation(second, visible, in_flight, desired):
    return json.dumps({"time": f"2024-01-01T00:{second // 60:02}:{second % 60:02}Z",
                       "queue": {"visible": visible, "in_flight": in_flight, "delayed": 0, "oldest_age_seconds": 1.5},
                       "group": {"desired": desired, "in_service": desired, "pending": 0, "terminating": 0,
                                 "min": 0, "max": 114}}) + "\n"


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(POLICY.format(name="one", group="g"))
    return path


@pytest.mark.parametrize("path", sorted((SRC / "policies").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_policies_are_valid(windlass, path):
    done = windlass("validate", path)
    assert done.returncode == 0, done.stderr
    assert " is valid" in done.stdout


def test_shipped_policies_are_valid_together(windlass):
    """As one folder, as they are installed: other ways to run a group stand in the shadow of one."""
    done = windlass("validate", SRC / "policies")
    assert done.returncode == 0 and done.stdout.count(" is valid") >= 10, done.stderr
    assert "both enforce" not in done.stderr


def test_printed_policy_is_a_policy(windlass, policy, tmp_path):
    printed = windlass("validate", "--print", policy)
    again = tmp_path / "again.yaml"
    again.write_text(printed.stdout)
    assert windlass("validate", "--print", again).stdout == printed.stdout


def test_every_mistake_of_a_file_is_told_with_its_place(windlass, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(POLICY.format(name="one", group="g").replace("max: 50", "mx: 50").replace("metric: backlog", "metric: backlgo"))
    done = windlass("validate", path)
    assert done.returncode == 2 and not done.stdout
    assert f"{path}:3:33: unknown key 'mx': did you mean 'max'?" in done.stderr
    assert f"{path}:7:49: there is no metric 'backlgo'; did you mean 'backlog'?" in done.stderr


def test_bad_file_of_a_directory_leaves_the_good_ones(windlass, tmp_path):
    (tmp_path / "a.yaml").write_text(POLICY.format(name="one", group="g"))
    (tmp_path / "b.yaml").write_text("version: 1\n")
    done = windlass("validate", tmp_path)
    assert done.returncode == 2
    assert "policy one is valid" in done.stdout and "b.yaml:1:1: 'name' is missing" in done.stderr


def test_two_enforcing_policies_of_one_group_are_both_named(windlass, tmp_path):
    (tmp_path / "a.yaml").write_text(POLICY.format(name="one", group="g"))
    (tmp_path / "b.yaml").write_text(POLICY.format(name="two", group="g"))
    done = windlass("validate", tmp_path)
    assert done.returncode == 2 and not done.stdout
    for name in ("a.yaml", "b.yaml"):
        assert any(name in line and "neither may write" in line for line in done.stderr.splitlines())


@pytest.mark.parametrize("arguments, status, said", [
    (["validate"], 2, "windlass help validate"),
    (["validate", "/nonexistent.yaml"], 1, "/nonexistent.yaml"),
    (["vaildate"], 2, "did you mean 'validate'"),
    (["eval", "p.yaml"], 2, "--stream"),
    (["eval", "--stream"], 2, "windlass help eval"),
    ([], 2, "windlass help"),
])
def test_wrong_use_says_what_to_do(windlass, arguments, status, said):
    done = windlass(*arguments)
    assert done.returncode == status and said in done.stderr and not done.stdout


def test_stream_answers_each_line_at_once(programs, policy):
    child = subprocess.Popen([program_path("windlass"), "eval", "--stream", str(policy)], text=True, bufsize=1,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=programs.environment(None))
    try:
        desired = 1
        for step, want in ((0, 6), (30, 6), (60, 6)):
            child.stdin.write(observation(step, 50, 10, desired))
            child.stdin.flush()
            assert select.select([child.stdout], [], [], 20)[0], "no answer while the stream stays open"
            answer = json.loads(child.stdout.readline())
            desired = answer["desired"]
            assert desired == want and answer["stairs"]
        child.stdin.close()
        assert child.wait(timeout=10) == 0 and child.stdout.read() == ""
    finally:
        child.kill()
        child.wait()


def test_stream_goes_on_after_a_bad_line(windlass, policy):
    done = windlass("eval", "--stream", policy, input=observation(0, 50, 0, 1) + "nonsense\n" + "x" * 100000 + "\n" +
                    observation(30, 90, 0, 5).rstrip("\n"))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(answers) == 4
    assert answers[0]["desired"] == 5 and answers[3]["desired"] == 9
    assert "error" in answers[1] and "error" in answers[2]


def test_two_runs_are_byte_identical(windlass, policy):
    day = "".join(observation(s, (s * 7919) % 97, (s * 104729) % 13, (s // 30) % 9) for s in range(0, 3600, 30))
    assert windlass("eval", "--stream", policy, input=day).stdout == windlass("eval", "--stream", policy, input=day).stdout


def test_set_overrides_a_key(windlass, policy):
    done = windlass("eval", "--stream", policy, "--set", "rules.backlog.target_tracking.per_instance=5",
                    "--set", "fleet.max=7", input=observation(0, 50, 0, 1))
    assert json.loads(done.stdout)["desired"] == 7
    wrong = windlass("eval", "--stream", policy, "--set", "rules.nobody.x=1")
    assert wrong.returncode == 2 and "nobody" in wrong.stderr and not wrong.stdout
