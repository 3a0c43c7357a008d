"""examples/simulate as a stranger would run it: the load can be made again, the table and the page agree."""

import json
import re
import shutil
import struct
import subprocess

import pytest
from browser import NAMES, browser  # noqa: F401  (a fixture)
from conftest import BUILD, SRC
from test_simulate_report import check_numbers, opened

HERE = SRC / "examples" / "simulate"
COMPARED = ["anb-transcode", "guide-steps", "anb-promise", "anb-evening", "fixed:3", "keda:5", "target-tracking:5"]


def png_size(path):
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">II", data[16:24]), len(data)


@pytest.fixture
def story(programs, tmp_path):
    """(what the example printed, its page)"""
    done = programs.call(str(HERE / "run"), tmp_path / "out", env={"WINDLASS_BIN": BUILD}, seconds=200)
    if "built without charts" in done.stderr:
        pytest.skip("windlass is built without charts: apt-get install libjs-chart.js")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, tmp_path / "out" / "report.html"


def test_the_load_is_what_its_recipe_makes(programs):
    made = programs.call("/usr/bin/python3", "-B", HERE / "make_load.py")
    assert made.returncode == 0 and made.stdout == (HERE / "uploads.csv").read_text()


def test_the_example_compares_and_reports(story):
    said, page = story
    heads = said.split("\n\n")[1].splitlines()[0].split()
    assert heads == COMPARED
    kept = re.search(r"^promise kept +(.*)$", said, re.M).group(1)
    assert re.findall(r"(yes|no) \(p95 < 5m\)", kept) == ["no", "no", "yes", "yes", "yes", "no", "no"]
    assert re.search(r"^direction changes an hour", said, re.M) and str(page) in said
    data = json.loads(page.read_text().split('id="data">')[1].split("</script>")[0])
    assert [row["name"] for row in data["rows"]] == COMPARED
    arrived = sum(int(line.split(",")[1]) for line in (HERE / "uploads.csv").read_text().splitlines()[1:])
    assert {sum(row["arrivals"]) for row in data["rows"]} == {arrived}
    assert re.search(rf"^load .*uploads.csv: {arrived} jobs in 7d from 2026-03-02", said, re.M)


def test_the_page_shows_what_the_example_found(browser, story, programs, tmp_path):  # noqa: F811
    _, page = story
    done = programs.call(str(HERE / "run"), tmp_path / "again", "--output", "json", env={"WINDLASS_BIN": BUILD}, seconds=200)
    assert done.returncode == 0, done.stderr
    found, _ = json.JSONDecoder().raw_decode(done.stdout)
    opened(browser, page)
    assert browser.wrong() == [] and browser.asked() == [] and browser.blank() == []
    assert [r["name"] for r in found["results"]] == COMPARED
    check_numbers(browser, found["results"])


def test_the_picture_of_the_readme_is_the_page(story, programs, tmp_path):
    shape, size = png_size(HERE / "report.png")
    assert size < 200_000
    if not any(map(shutil.which, NAMES)):
        pytest.skip("there is no Chromium: apt-get install chromium-headless-shell")
    made = programs.call(str(HERE / "picture"), story[1], tmp_path / "made.png", seconds=120)
    assert made.returncode == 0, made.stderr
    assert png_size(tmp_path / "made.png")[0] == shape
    assert "report.png" in (SRC / "README.md").read_text()


def test_the_scripts_are_plain_sh():
    for name in ("run", "picture"):
        subprocess.run(["sh", "-n", HERE / name], check=True)
