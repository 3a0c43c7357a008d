"""Architecture checks: every rule of rules.py, first on trees made to break it, then on this tree.

Each violation is one line, file:line: rule: what to do. An exception goes into tests/arch/allowed as
"rule path reason in words"; one that is not needed any more is a violation itself.
"""

import os
import pathlib
import sys

import selftest
from rules import RULES, CannotLook
from source import Tree

HERE = pathlib.Path(__file__).resolve().parent
IN_CI = os.environ.get("CI") == "true"


def read_allowed(path):
    allowed = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(None, 2)
        if len(parts) < 3 or len(parts[2].split()) < 4:
            sys.exit(f"{path}:{number}: an exception needs a rule, a path and a reason in words")
        allowed[parts[0], parts[1]] = number
    return allowed


def check(tree, allowed):
    passed = failed = 0
    used = set()
    skipped = []
    for rule in RULES:
        name, found = rule.__name__, 0
        try:
            for path, line, message in rule(tree):
                if (name, path) in allowed:
                    used.add((name, path))
                    continue
                print(f"{path}:{line}: {name}: {message}")
                found += 1
        except CannotLook as why:
            skipped.append((name, str(why)))
            if not IN_CI:
                continue
            found = 1
        passed, failed = (passed + 1, failed) if not found else (passed, failed + 1)
    for name, path in sorted(set(allowed) - used):
        print(f"tests/arch/allowed:{allowed[name, path]}: allowed: {path} keeps the rule {name} now; delete the line")
        failed += 1
    return passed, failed, skipped


def main():
    root = os.environ.get("WINDLASS_SRC", HERE.parents[1])
    build = os.environ.get("WINDLASS_BUILD")
    passed, failed = selftest.run()
    p, f, skipped = check(Tree(root, build), read_allowed(HERE / "allowed"))
    for name, why in skipped:
        print(f"skipped: {name}: {why}")
    print(f"{passed + p} passed, {failed + f} failed, {len(skipped)} skipped")
    return 1 if failed + f else 0


if __name__ == "__main__":
    sys.exit(main())
