"""examples/local is run as a user runs it."""

import os
import subprocess
import sys

import pytest
from cloud import DEBIAN_PYTHON
from conftest import BUILD, SRC


def test_the_pytest_examples_pass(programs):
    pytest.importorskip("boto3", reason="needs: boto3")
    done = programs.call(sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", SRC / "examples" / "local",
                         env={"PATH": f"{BUILD}:{os.environ['PATH']}"})
    assert done.returncode == 0 and "4 passed" in done.stdout, done.stdout + done.stderr


def test_the_celery_example_runs(programs):
    if subprocess.run([DEBIAN_PYTHON, "-c", "import celery, boto3, pycurl"], capture_output=True).returncode:
        pytest.skip("needs: python3-celery python3-boto3 python3-pycurl")
    done = programs.call(str(SRC / "examples" / "local" / "celery-run"), env={"PATH": f"{BUILD}:{os.environ['PATH']}"},
                         seconds=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines() == ["transcoded cat.mp4", "transcoded dog.mp4", "transcoded owl.mp4"]
