"""The units of examples/systemd: as systemd itself reads them."""

import re
import shutil
import subprocess

import pytest
from conftest import SRC, program_path

UNITS = sorted((SRC / "examples" / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_what_systemd_takes(unit, tmp_path):
    text = unit.read_text()
    for name, arguments in re.findall(r"^Exec\w+=-?/usr/local/bin/(\S+)(.*)$", text, re.M):
        known = subprocess.run([program_path(name), "--help"], capture_output=True, text=True, check=True).stdout
        assert not [option for option in re.findall(r"--[a-z-]+", arguments) if option not in known]
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs: systemd-analyze")
    here = tmp_path / unit.name
    here.write_text(re.sub(r"/usr/local/bin/(\S+)", lambda m: program_path(m.group(1)), text))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True)
    if "Failed to initialize manager" in done.stderr or "not been booted" in done.stderr:
        pytest.skip("needs: systemd-analyze that can verify here")
    assert done.returncode == 0 and unit.name not in done.stderr, done.stderr


def test_the_worker_alone_hears_the_signal_and_its_time_is_longer_than_the_drain():
    text = (SRC / "examples" / "systemd" / "windlass-worker.service").read_text()
    assert "KillMode=mixed" in text
    drain = re.search(r"--drain-timeout TIME\s.*?default (\d+)s",
                      subprocess.run([program_path("windlass-worker"), "--help"], capture_output=True, text=True).stdout, re.S)
    assert int(re.search(r"TimeoutStopSec=(\d+)", text).group(1)) > int(drain.group(1))
