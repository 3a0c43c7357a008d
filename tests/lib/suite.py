"""Runs the tests in a configured tree and sums up what they said.

Nothing counts as passed but what says so itself: a program that crashes, times out, runs no
check, or never starts is a failure.
"""

import ast
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build" / "tests"
E2E = TOP / "tests" / "e2e"
VENV = TOP / "tests" / ".venv"
REQUIREMENTS = E2E / "requirements.txt"
IN_CI = os.environ.get("CI") == "true"
BUILD_SECONDS = 1500
CHECK_SECONDS = 1200
E2E_SECONDS = 1800
PIP_SECONDS = 600

CHECK_LINE = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
FAILURE_LINE = re.compile(r"^(?:\.\./)*(\S+?:\d+:)[FE]:([^:]*:[^:]*):\d+: (.*)$", re.M)
PLAIN_LINE = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def fail(self, name, why):
        self.failed.append((name, why))
        print(f"FAIL {name}: {why}", flush=True)

    def skip(self, name, why):
        self.skipped.append((name, why))

    def close(self):
        if not self.passed and not self.failed:
            self.fail("tests/run", "no test ran")
        for name, why in self.skipped:
            print(f"skipped: {name}: {why}")
        for name, why in self.failed:
            print(f"failed: {name}: {why}")
        print(f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped", flush=True)
        return 1 if self.failed else 0


def run(argv, seconds, log=None, env=None):
    """Runs argv in a process group of its own; returns its status, or None when time ran out."""
    out = open(log, "wb") if log else None
    child = subprocess.Popen(argv, cwd=TOP, stdin=subprocess.DEVNULL, stdout=out, env=env,
                             stderr=subprocess.STDOUT if out else None, start_new_session=True)
    try:
        return child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if out:
            out.close()


def make(*arguments):
    return ["make", "-C", str(BUILD), "-j2", "-k", *arguments]


def tail(log, lines):
    text = pathlib.Path(log).read_text(errors="replace").splitlines()
    return "\n".join("    " + line for line in text[-lines:])


def how(status):
    if status is None:
        return "time ran out"
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"


def declared_tests():
    out = subprocess.run(["make", "-s", "-C", str(BUILD), "--no-print-directory", "list-tests"],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    # Make may have made itself anew first, and said so.
    return [line for line in out.splitlines() if line.startswith("tests:")][-1].split()[1:]


def build(tally, goals):
    """Makes the goals; "all" alone and first, because it is a make of its own that would race with the others."""
    log = BUILD / "make.log"
    steps = [["all"]] if "all" in goals else []
    steps += [rest] if (rest := [g for g in goals if g != "all"]) else []
    for step in steps:
        print(f"building: {' '.join(step)}", flush=True)
        status = run(make(*step), BUILD_SECONDS, log)
        if status != 0:
            text = log.read_text(errors="replace")
            for line in re.findall(r"^.*(?:error|undefined reference|\*\*\*).*$", text, re.M)[:30]:
                print("    " + line)
            tally.fail("build", f"make: {how(status)} (all of the output: {log.relative_to(TOP)})")
            return False
    return True


def one_log(tally, test):
    """Counts what one entry of make check says in its .log and .trs."""
    stem = BUILD / re.sub(r"\.(py|sh)$", "", test)
    log, trs = stem.with_suffix(".log"), stem.with_suffix(".trs")
    if not trs.exists() or not log.exists():
        tally.fail(test, "did not run")
        return
    text = log.read_text(errors="replace")
    result = re.search(r"^:test-result: (\w+)", trs.read_text(), re.M)
    verdict = result.group(1) if result else "ERROR"
    passed = failed = 0
    for checks, failures, errors in CHECK_LINE.findall(text):
        failed += int(failures) + int(errors)
        passed += int(checks) - int(failures) - int(errors)
    for said in PLAIN_LINE.findall(text):
        passed, failed = passed + int(said[0]), failed + int(said[1])
    for name, why in re.findall(r"^skipped: ([^:\n]+): (.*)$", text, re.M):
        tally.skip(f"{test}: {name}", why)

    if verdict == "SKIP":
        why = text.strip().splitlines()[-2] if text.count("\n") > 1 else "no reason given"
        tally.skip(test, why.removeprefix("skipped: "))
        return
    tally.passed += passed
    if verdict == "PASS" and passed and not failed:
        print(f"ok   {test}: {passed} passed", flush=True)
        return
    print(tail(log, 40))
    if failed:
        said = FAILURE_LINE.findall(text)
        for number in range(failed):
            where, name, why = said[number] if number < len(said) else ("", f"failure {number + 1} of {failed}", "")
            tally.fail(f"{test} {name}", f"{where} {why or 'see ' + str(log.relative_to(TOP))}")
    elif verdict == "PASS":
        tally.fail(test, "succeeded without running a check")
    else:
        tally.fail(test, f"{verdict}: it died, or failed without saying where, see {log.relative_to(TOP)}")


def make_check(tally, tests, everything):
    for test in tests:
        stem = BUILD / re.sub(r"\.(py|sh)$", "", test)
        for old in (stem.with_suffix(".log"), stem.with_suffix(".trs")):
            old.unlink(missing_ok=True)
    arguments = ["check"]
    if not everything:
        programs = [t for t in tests if not re.search(r"\.(py|sh)$", t)]
        arguments += [f"TESTS={' '.join(tests)}", f"check_PROGRAMS={' '.join(programs)}"]
    print(f"make check: {len(tests)} entries", flush=True)
    status = run(make(*arguments), CHECK_SECONDS, BUILD / "check.log")
    before = len(tally.failed)
    for test in tests:
        one_log(tally, test)
    if status != 0 and len(tally.failed) == before:
        print(tail(BUILD / "check.log", 30))
        tally.fail("make check", how(status))


def venv(tally):
    """The virtual environment of the end-to-end tests; False when it cannot be had."""
    stamp = VENV / "made-from"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return True
    print("making the tests' Python environment in tests/.venv", flush=True)
    log = BUILD / "venv.log"
    python = str(VENV / "bin" / "python")
    steps = (["/usr/bin/python3", "-m", "venv", "--clear", str(VENV)],
             [python, "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)])
    for step in steps:
        status = run(step, PIP_SECONDS, log)
        if status != 0:
            print(tail(log, 10))
            if IN_CI:
                tally.fail("tests/.venv", f"{' '.join(step)}: {how(status)}")
            return False
    stamp.write_text(wanted)
    return True


def e2e_names():
    for path in sorted(E2E.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{path.stem}::{node.name}"


def end_to_end(tally, expression):
    names = list(e2e_names())
    if not names:
        tally.fail(f"tests/e2e -k '{expression}'" if expression else "tests/e2e", "there is no such test")
        return
    if not venv(tally):
        for name in names:
            tally.skip(name, "boto3, moto and pytest cannot be installed: the package index is not reachable")
        return
    report = BUILD / "e2e.xml"
    report.unlink(missing_ok=True)
    argv = [str(VENV / "bin" / "python"), "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
            "--rootdir", str(E2E), "-c", "/dev/null", "--timeout=300", f"--junitxml={report}", str(E2E)]
    # All of them by two at a time: they wait most of their time. A few alone start sooner without.
    argv += ["-k", expression] if expression else ["-n", "2", "--dist", "worksteal"]
    env = dict(os.environ, WINDLASS_BUILD=str(BUILD), WINDLASS_SRC=str(TOP))
    status = run(argv, E2E_SECONDS, env=env)
    if not report.exists():
        tally.fail("tests/e2e", f"pytest ended without a report: {how(status)}")
        return
    before = len(tally.failed)
    count = 0
    for case in ET.parse(report).iter("testcase"):
        count += 1
        name = f"{case.get('classname')}::{case.get('name')}"
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if bad is not None:
            tally.fail(name, (bad.get("message") or "").split("\n")[0][:200])
        elif case.find("skipped") is not None:
            why = case.find("skipped").get("message") or ""
            if IN_CI and "needs:" in why:
                tally.fail(name, f"skipped in CI: {why}")
            else:
                tally.skip(name, why)
        else:
            tally.passed += 1
    if count == 0:
        tally.fail(f"tests/e2e -k '{expression}'" if expression else "tests/e2e", "pytest ran no test")
    elif status != 0 and len(tally.failed) == before:
        tally.fail("tests/e2e", f"pytest: {how(status)}")


def main(names):
    tally = Tally()
    declared = declared_tests()
    if not any(t.startswith("tests/unit/") for t in declared):
        tally.fail("tests/unit", "no unit test is configured: is the package check installed?")
    chosen = [t for t in declared if not names or t in names or pathlib.Path(t).stem in names
              or pathlib.Path(t).parent.name in names]
    rest = [n for n in names if not any(n in (t, pathlib.Path(t).stem, pathlib.Path(t).parent.name)
                                        for t in declared)]
    goals = ["all", "tests/lib/aws_drive", "tests/lib/wire_sign"] if not names or rest else []
    goals += [t for t in chosen if not re.search(r"\.(py|sh)$", t)] or (["all"] if not goals else [])
    if build(tally, goals):
        if chosen:
            make_check(tally, chosen, everything=not names)
        if rest or not names:
            end_to_end(tally, " or ".join(rest))
    return tally.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
