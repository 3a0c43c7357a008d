"""All that a suite needs to test against windlass-local: a fixture of five lines.

boto3 and every other client of AWS in the test finds it by its environment, and it keeps nothing.
"""

import re
import subprocess

import pytest


@pytest.fixture
def cloud(monkeypatch):
    with subprocess.Popen(["windlass-local", "--memory"], stdout=subprocess.PIPE, text=True) as local:
        for name, value in re.findall(r"(\w+)=(\S+)", "".join(local.stdout.readline() for _ in range(4))):
            monkeypatch.setenv(name, value)
        yield
        local.terminate()
