"""The negative control: each rule must find what breaks it, in a small tree made for that, and nothing else."""

import os
import pathlib
import shlex
import subprocess
import tempfile

import rules
from source import Tree

CLEAN = {
    "src/base/own.h": "void *own_take(void);\n",
    "src/base/local.mk": "X = src/base/own.h src/base/loop.c\n",
    "src/base/loop.c": "#include <uv.h>\n",
    "src/model/plan.h": "struct plan {\n\tint to;\n};\n",
    "src/model/local.mk": "X = src/model/plan.h\n",
    "src/decide/decide.c": '#include "model/plan.h"\n\n#include <string.h>\n\nint decide(const struct plan *p);\n\n'
                           "int decide(const struct plan *p)\n{\n\tstruct plan copy;\n\n"
                           "\tmemcpy(&copy, p, sizeof(copy)); /* time(0) */\n\treturn copy.to;\n}\n",
    "src/decide/local.mk": "X = \\\n\tsrc/decide/decide.c\ntests_unit_check_decide_LDADD = $(DECIDE_LIBS) $(UNIT_LIBS)\n",
    "README.md": "windlass\n",
}


def extra(path, text, listed=True):
    """The clean tree plus one file that is listed in its folder's local.mk."""
    files = dict(CLEAN)
    files[path] = text
    recipe = str(pathlib.PurePath(path).parent / "local.mk")
    if listed and path.startswith("src/"):
        files[recipe] = files.get(recipe, "") + f"Y = {path}\n"
    return files


def body(lines):
    return "void decide_long(void);\nvoid decide_long(void)\n{\n" + "\t;\n" * lines + "}\n"


# (rule, what breaks it, the file and line it must be found at)
BROKEN = [
    ("arrows", extra("src/decide/reach.c", '#include "aws/sqs.h"\n'), "src/decide/reach.c:1"),
    ("arrows", extra("src/observe/read.c", '#include "act/act.h"\n'), "src/observe/read.c:1"),
    ("arrows", extra("src/base/up.c", '\n#include "model/plan.h"\n'), "src/base/up.c:2"),
    ("arrows", extra("src/model/near.c", '#include "plan.h"\n'), "src/model/near.c:1"),
    ("arrows", extra("src/heap/new.c", "\n"), "src/heap/new.c:1"),
    ("arrows", extra("tests/unit/check_model.c", '#include "base/own.h"\n#include "decide/decide.c"\n'),
     "tests/unit/check_model.c:2"),
    ("links", extra("src/policy/local.mk", "A =\ntests_unit_check_policy_LDADD = \\\n\t$(AWS_LIBS)\n", False),
     "src/policy/local.mk:2"),
    ("keepers", extra("src/control/spin.c", "#include <uv.h>\n"), "src/control/spin.c:1"),
    ("keepers", extra("src/local/store.c", "#include <stdio.h>\n#include <sqlite3.h>\n"), "src/local/store.c:2"),
    ("purity", extra("src/decide/clock.c", "#include <unistd.h>\nint decide_pid(void);\nint decide_pid(void)\n{\n"
                     "\treturn getpid();\n}\n"), "src/decide/clock.c:5"),
    ("purity", {**extra("src/decide/deep.c", "int plan_deep(void);\nint decide_deep(void);\nint decide_deep(void)\n{\n"
                        "\treturn plan_deep();\n}\n"),
                "src/model/deep.c": "#include <stdlib.h>\nint plan_deep(void);\nint plan_deep(void)\n{\n"
                                    "\treturn getenv(\"A\") != 0;\n}\n",
                "src/model/local.mk": "X = src/model/plan.h src/model/deep.c\n"}, "src/decide/decide.c:1"),
    ("names", extra("src/decide/ramp.c", "int ramp(void);\nint ramp(void)\n{\n\treturn 1;\n}\n"), "src/decide/ramp.c:1"),
    ("unsafe", extra("src/base/bad.c", '#define X "strcpy()"\nint a = sizeof(strcpy(0, 0));\n'), "src/base/bad.c:2"),
    ("unsafe", extra("src/decide/sort.c", "int a = sizeof(qsort(0, 0, 0, 0));\n"), "src/decide/sort.c:1"),
    ("clocks", extra("src/worker/nap.c", "\n\nint a = sizeof(sleep(1));\n"), "src/worker/nap.c:3"),
    ("permits", extra("src/act/cheat.c", "int a = sizeof(act_permit_grant(0));\n"), "src/act/cheat.c:1"),
    ("prints", extra("src/act/say.c", "int a = sizeof(printf(0));\n"), "src/act/say.c:1"),
    ("prints", extra("src/act/say.c", "int a = sizeof(fprintf(stderr, 0));\n"), "src/act/say.c:1"),
    ("lengths", extra("src/decide/long.c", body(rules.FUNCTION_LINES + 1)), "src/decide/long.c:3"),
    ("lengths", extra("src/decide/long.c", "\n" * (rules.FILE_LINES + 1)), f"src/decide/long.c:{rules.FILE_LINES}"),
    ("typedefs", extra("src/model/kind.h", "typedef struct kind kind;\n"), "src/model/kind.h:1"),
    ("form", extra("src/model/form.c", "int a;\nint  b;\n"), "src/model/form.c:2"),
    ("words", extra("examples/a", "see /" + "work/x\n"), "examples/a:1"),
    ("words", extra("examples/a", "\npip -i https://py" + "pi.org/simple\n"), "examples/a:2"),
    ("words", extra("src/model/a.h", "/* TO" + "DO: later */\n"), "src/model/a.h:1"),
    ("words", extra("src/model/a.h", "#if" + " 0\n#endif\n"), "src/model/a.h:1"),
    ("listed", extra("src/model/lost.h", "\n", False), "src/model/lost.h:1"),
    ("top", {**CLEAN, "notes.md": "a\n", ".git/HEAD": "ref: refs/heads/main\n"}, "notes.md:1"),
]


def lay(root, files):
    for path, text in files.items():
        target = pathlib.Path(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    style = pathlib.Path(__file__).resolve().parents[2] / ".clang-format"
    pathlib.Path(root, ".clang-format").write_bytes(style.read_bytes())
    if ".git/HEAD" in files:
        subprocess.run(["git", "init", "-q", str(root)], check=True)


def compile_all(tree, build):
    cc = shlex.split(os.environ.get("CC") or "cc")
    for path in tree.sources("src/decide", ".c"):
        made = (pathlib.Path(build) / path).with_suffix(".o")
        made.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*cc, "-w", "-c", f"-I{tree.root}/src", str(tree.root / path), "-o", str(made)], check=True)


def findings(rule, files):
    with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as build:
        lay(root, files)
        tree = Tree(root, build)
        if rule == "names":
            compile_all(tree, build)
        try:
            return [f"{path}:{line}" for path, line, _ in getattr(rules, rule)(tree)]
        except rules.CannotLook:
            return None


def run():
    """(passed, failed) of the control."""
    passed = failed = 0
    cases = [(rule.__name__, CLEAN, None) for rule in rules.RULES] + BROKEN
    for rule, files, where in cases:
        got = findings(rule, files)
        if got is None:
            continue
        wanted = [where] if where else []
        if got == wanted:
            passed += 1
        else:
            failed += 1
            print(f"self-test: {rule} found {got or 'nothing'} where it should find {wanted or 'nothing'}")
    untested = {rule.__name__ for rule in rules.RULES} - {rule for rule, _, _ in BROKEN}
    for rule in sorted(untested):
        failed += 1
        print(f"self-test: {rule} has no tree that breaks it")
    return passed, failed
