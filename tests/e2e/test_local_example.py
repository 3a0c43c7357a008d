"""examples/local is run as a user runs it."""

import os
import sys

import pytest
from conftest import BUILD, SRC


def test_the_pytest_examples_pass(programs):
    pytest.importorskip("boto3", reason="needs: boto3")
    done = programs.call(sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", SRC / "examples" / "local",
                         env={"PATH": f"{BUILD}:{os.environ['PATH']}"})
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout + done.stderr
