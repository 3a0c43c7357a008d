"""windlassd on AWS's bad days: tests/fault/stories.py, run in a network of its own."""

import pathlib
import sys

import pytest
from conftest import BUILD

FAULT = pathlib.Path(__file__).resolve().parents[1] / "fault"
sys.path[:0] = [str(FAULT.parent / "lib"), str(FAULT)]
import realm  # noqa: E402
import stories  # noqa: E402


def test_every_story_ends_as_it_should(programs):
    if lacks := realm.realm_lacks():
        pytest.skip(f"needs: {lacks}")
    done = programs.call(*realm.realm_argv(sys.executable, "-B", FAULT / "stories.py", BUILD / "windlassd"), seconds=240)
    failed = [line for line in done.stdout.splitlines() if not line.startswith("ok ")]
    assert done.returncode == 0 and not failed, "\n".join(failed) + done.stderr[-3000:]
    told = {line.removeprefix("ok ") for line in done.stdout.splitlines()}
    assert told == {s.name for s in stories.STORIES} | {"others-on-time", "ends-well"}
