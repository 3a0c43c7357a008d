"""Runs the test_… functions of a script, each with a folder of its own, and says how many passed."""

import pathlib
import tempfile


def run(names):
    """names: the script's globals(). Returns its exit status."""
    failed = 0
    tests = [(n, f) for n, f in names.items() if n.startswith("test_")]
    for name, test in tests:
        with tempfile.TemporaryDirectory() as made:
            try:
                test(pathlib.Path(made))
                print(f"ok {name}")
            except AssertionError as e:
                failed += 1
                print(f"FAILED {name}: {e}")
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0
