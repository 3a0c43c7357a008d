"""The quickstart as a stranger would run it, and as an impatient one would end it."""

import json
import re
import signal
import xml.etree.ElementTree as ET

import pytest
from conftest import BUILD, SRC, wait_for

MAIN = SRC / "examples" / "quickstart" / "main.py"


def start(programs, out, *arguments):
    return programs.start("/usr/bin/python3", "-B", MAIN, "--bin", BUILD, "--out", out, "--timeout", "400", *arguments)


def test_the_whole_story_with_its_own_clips(programs, windlass, tmp_path):
    out = tmp_path / "quickstart-out"
    story = start(programs, out)
    assert story.wait_end(420) == 0, story.text()[-4000:]
    said = story.text()
    assert re.search(r"13 sent, 12 transcoded, 1 parked; backlog up to \d+, fleet 0 -> [2-4] -> 0", said), said[-2000:]
    assert said.count("h264 1280x720  none") == 12
    assert "corrupt.mp4" in said and "parked, no output" in said
    assert len(list((out / "outputs").rglob("*.mp4"))) == 12
    assert ET.parse(out / "chart.svg").getroot().tag.endswith("svg")
    explained = windlass("explain", "anb-transcode", "--journal", out / "journal.db")
    assert explained.returncode == 0 and "2 demand" in explained.stdout and "written: done" in explained.stdout
    samples = [json.loads(line) for line in
               windlass("history", "--journal", out / "journal.db", "--output", "json").stdout.splitlines()]
    assert samples[0]["desired"] == 0 and samples[-1]["desired"] == 0 and max(s["desired"] for s in samples) >= 2
    wait_for(lambda: not programs.leftovers(), "end of every process", 10)


@pytest.mark.parametrize("number,status", [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_interrupted_it_stops_all_that_it_started(programs, tmp_path, number, status):
    story = start(programs, tmp_path / "out")
    story.wait(lambda: re.search(r"in service [1-4]", story.text()), "instance in service", 200)
    assert len(story.children()) > 3
    story.signal(number)
    assert story.wait_end(60) == status
    wait_for(lambda: not programs.leftovers(), "end of every process", 10)
    assert (tmp_path / "out" / "journal.db").exists()


def test_a_video_that_is_no_file_is_one_clear_line(programs, tmp_path):
    done = programs.call("/usr/bin/python3", "-B", MAIN, "--bin", BUILD, "--out", tmp_path / "out", "no-such.mp4")
    assert done.returncode == 2 and "no-such.mp4 is not a file" in done.stderr
