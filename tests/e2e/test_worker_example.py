"""examples/worker as a stranger would run it."""

import pytest
from conftest import BUILD, SRC, wait_for

HERE = SRC / "examples" / "worker"
SAYS = {"video": "h264 1280x720, 5.0 s", "hls": "RESOLUTION=1280x720", "exec": "parked: {\"number\": \"three\"",
        "persistent": "this is no order: this is no order:"}


@pytest.mark.parametrize("story", SAYS)
def test_each_story_is_told_to_its_end_and_leaves_nothing(programs, tmp_path, story):
    run = programs.start("/usr/bin/python3", "-B", HERE / "main.py", "--bin", BUILD, "--seconds", "3", story,
                         env={"TMPDIR": str(tmp_path)})
    assert run.wait_end(280) == 0, run.text()[-3000:]
    assert SAYS[story] in run.text(), run.text()[-3000:]
    assert not list(tmp_path.glob("windlass-worker-example-*"))
    wait_for(lambda: not programs.leftovers(), "end of every process", 10)
    assert f"main.py --bin build/quickstart \"$@\" {story}" in (HERE / f"run-{story}").read_text()
