"""The rules of the architecture, one function each.

A rule takes the tree and yields (path, line, message); the message says what to do. A rule
that cannot look (a tool is missing) raises CannotLook.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

from source import TOP, public_symbols

# What each folder may include: ARCHITECTURE.md draws these arrows. wire and base stand under
# everything that reaches them.
ARROWS = {
    "base": "", "wire": "base", "model": "base", "aws": "wire base", "policy": "model base",
    "decide": "model base", "journal": "model base", "broker": "aws wire model base",
    "produce": "broker aws wire model base", "observe": "aws wire broker model base",
    "act": "aws wire model base", "rehearse": "policy decide model base",
    "simulate": "rehearse policy decide model base",
    "control": "policy observe decide act journal aws wire broker model base",
    "doctor": "policy aws wire model base",
    "worker": "aws wire broker model base", "gateway": "produce aws wire model base broker",
    "local": "policy wire model base",
}
ARROWS["cli"] = " ".join(f for f in ARROWS)
ARROWS["programs"] = ARROWS["cli"] + " cli"
ALLOWED = {folder: set(arrows.split()) | {folder} for folder, arrows in ARROWS.items()}

# A keeper may be split into parts that carry its name: base/loop_child.c is one of base/loop.c.
KEEPERS = [
    (r"uv\.h$|uv/", "base/loop.c"), (r"curl/", "base/http.c"), (r"microhttpd\.h$", "base/httpd.c"),
    (r"openssl/", "base/crypto.c"), (r"json(-c/|\.h$|_object|_tokener)", "base/json.c"),
    (r"yaml\.h$", "base/yaml.c"), (r"expat", "base/xml.c"), (r"sqlite3\.h$", "base/db.c"),
    (r"cbor", "base/cbor.c"), (r"zlib", "base/gunzip.c"),
    (r"hiredis", "broker/redis.c"),
    (r"seccomp|linux/(landlock|seccomp)\.h$", "worker/sandbox.c"),
]

UNSAFE = {
    "strcpy": "use a capped buffer of base/buf.h", "strcat": "use a capped buffer of base/buf.h",
    "sprintf": "use snprintf or a capped buffer of base/buf.h", "vsprintf": "use vsnprintf",
    "strtok": "walk the string", "atoi": "use a parser that sees errors and overflow",
    "atol": "use a parser that sees errors and overflow", "gets": "use fgets",
    "rand": "use base/rng.h", "srand": "use base/rng.h", "random": "use base/rng.h",
    "gmtime": "use gmtime_r or model/calendar.h", "localtime": "windlass thinks in UTC",
    "system": "start children through base/loop.h", "popen": "start children through base/loop.h",
    "alloca": "use a fixed array or base/own.h",
}
CLOCKS = ("time", "sleep", "usleep", "nanosleep", "clock_gettime", "gettimeofday", "clock_nanosleep")
PRINTS = ("printf", "vprintf", "puts", "putchar", "perror")
MAY_PRINT = ("src/cli/", "src/programs/", "src/base/log.c", "src/base/options.c")

PURE = set("""memcpy memmove memset memcmp memchr __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_
    ceil ceilf floor floorf round roundf trunc rint nearbyint lround llround lrint llrint fabs fmin fmax fmod
    pow exp exp2 expm1 log log2 log10 log1p sqrt cbrt hypot lgamma tgamma erf erfc ldexp frexp scalbn modf
    isnan isinf isfinite __isnan __isinf __finite
    __udivti3 __umodti3 __divti3 __modti3""".split())

FILE_LINES = 500
FUNCTION_LINES = 70

# Written with brackets, so that this file does not match itself.
BANNED = [
    (r"/[w]ork/|/[w]t-", "a path of one machine; name paths from the top of the tree"),
    (r"[C]laude|[A]nthropic|[C]hatGPT|[O]penAI|[C]opilot", "the name of a tool that is no part of windlass"),
    (r"(?i)\b[L]LM\b|language [m]odel|(ai|coding) [a]gent|agent [s]ession|this [s]ession|co-authored-[b]y",
     "how the text came to be is no business of the reader"),
    (r"(?i)\b[i]ssue #?\d", "a number that means nothing outside a tracker; say what was wrong"),
    (r"[p]ypi\.org|[p]ythonhosted\.org|registry\.[n]pmjs|[c]rates\.io|proxy\.[g]olang|repo\.[m]aven"
     r"|deb\.[d]ebian\.org|security\.[d]ebian\.org", "a registry's host; the tools know theirs"),
]
MARKS = re.compile(r"\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b")


class CannotLook(Exception):
    pass


def folder_of(path):
    parts = pathlib.PurePath(path).parts
    if parts[0] == "src" and len(parts) == 3:
        return parts[1]
    found = re.fullmatch(r"tests/unit/check_([a-z]+)(_\w+)?\.[ch]", path)
    return found.group(1) if found else None


def arrows(tree):
    for path in tree.sources() + tree.sources("tests/unit"):
        folder = folder_of(path)
        if folder is None or (path.startswith("src/") and folder not in ALLOWED):
            if path.startswith("src/"):
                yield path, 1, "a folder that ARCHITECTURE.md does not know; add its arrows there and here"
            continue
        for line, kind, name in tree.includes(path):
            if kind != '"' or name == "config.h":
                continue
            target = name.split("/")[0]
            if path.startswith("tests/") and not (tree.root / "src" / name).exists():
                continue
            if "/" not in name or target not in ALLOWED:
                yield path, line, f'"{name}": include a header as "folder/name.h"'
            elif target not in ALLOWED.get(folder, ()):
                yield path, line, (f"{folder} may not include {target} (only {', '.join(sorted(ALLOWED[folder]))}); "
                                   "move the code to where both may look, or hand the value in")


def links(tree):
    """The link lines of unit tests name the archives that their folder's arrows allow."""
    names = {f"{folder.upper()}_LIBS": folder for folder in ALLOWED}
    for path in tree.sources("src", "local.mk"):
        for number, line in joined(tree.text(path)):
            found = re.match(r"tests_unit_check_([a-z]+)\w*_LDADD\s*\+?=(.*)", line)
            if not found:
                continue
            folder = found.group(1)
            used = [names[v] for v in re.findall(r"\$[({](\w+)[)}]", found.group(2)) if v in names]
            used += re.findall(r"src/([a-z]+)/lib", found.group(2))
            for other in used:
                if other not in ALLOWED.get(folder, ()):
                    yield path, number, f"the unit test of {folder} may not link {other}"


def joined(text):
    """(line number, line) with continuation lines joined."""
    number, held = 0, ""
    for count, line in enumerate(text.splitlines(), 1):
        number = number if held else count
        held += line.rstrip("\\")
        if not line.endswith("\\"):
            yield number, held
            held = ""


def keepers(tree):
    for path in tree.sources():
        for line, kind, name in tree.includes(path):
            if kind != "<":
                continue
            for pattern, keeper in KEEPERS:
                if re.match(pattern, name) and not re.fullmatch(rf"src/{keeper[:-2]}(_\w+)?\.[ch]", path):
                    yield path, line, f"<{name}> belongs to src/{keeper} alone; use what {keeper[:-2]}.h offers"


def purity(tree):
    """decide, with all that it calls in model and base, reaches nothing but mem*, libm and assert."""
    sources = tree.sources("src/decide", ".c")
    if not sources:
        return
    cc = shlex.split(os.environ.get("CC") or "cc")
    helpers = [s for f in ("model", "base") for s in tree.sources(f"src/{f}", ".c")]
    with tempfile.TemporaryDirectory() as made:
        objects = []
        for number, source in enumerate(sources + helpers):
            target = f"{made}/{number}.o"
            argv = [*cc, "-std=gnu17", "-O1", "-fPIC", "-ffunction-sections", "-fdata-sections", "-ffp-contract=off",
                    "-fno-stack-protector", "-D_GNU_SOURCE", f"-I{tree.root}/src"]
            if tree.build:
                argv.append(f"-I{tree.build}")
            done = subprocess.run([*argv, "-c", str(tree.root / source), "-o", target], stderr=subprocess.PIPE, text=True)
            if done.returncode == 0:
                objects.append(target)
            elif source in sources:
                yield source, 1, "does not compile alone: " + done.stderr.splitlines()[0]
        pathlib.Path(made, "map").write_text("{ global: decide; decide_*; local: *; };\n")
        subprocess.run([*cc, "-shared", "-nostdlib", "-Wl,--gc-sections", f"-Wl,--version-script={made}/map",
                        *objects, "-o", f"{made}/decide.so"], check=True)
        out = subprocess.run(["nm", "-D", "-u", f"{made}/decide.so"], stdout=subprocess.PIPE, text=True, check=True).stdout
        reached = {line.split()[-1].split("@")[0] for line in out.splitlines()} - PURE
        reached = {s for s in reached if not s.startswith(("_ITM_", "__gmon_start__", "__cxa_finalize"))}
        for symbol in sorted(reached):
            path, line = first_use(tree, sources, symbol)
            yield path, line, (f"decide reaches {symbol}(); it may call mem*, libm and assert only, "
                               "so hand the value in as an argument")


def first_use(tree, sources, symbol):
    for path in sources:
        for line, _ in tree.calls(path, [symbol]):
            return path, line
    return sources[0], 1


def names(tree):
    """A public symbol carries its folder and file, or the struct or enum that its header declares."""
    objects = tree.objects()
    symbols = public_symbols(objects.values())
    for path, made in objects.items():
        folder, stem = folder_of(path), pathlib.PurePath(path).stem.split("_")[0]
        if folder in (None, "programs"):
            continue
        short = stem == folder or folder in ("base", "wire", "model")
        prefixes = [f"{folder}_{stem}", *nouns(tree, folder, stem)]
        prefixes += [stem, stem.removesuffix("s")] if short else []
        for symbol in symbols[str(made)]:
            if symbol != folder and not re.fullmatch(rf"({'|'.join(prefixes)})(_\w+)?", symbol):
                yield path, line_of(tree, path, symbol), (f"{symbol} is public and does not name its file; "
                                                          f"call it {folder}_{stem}_…, or make it static")


def nouns(tree, folder, stem):
    """What the headers of a file and of its folder declare, in the singular too, and the noun a file is named for."""
    for header in tree.sources(f"src/{folder}", ".h"):
        own = pathlib.PurePath(header).stem.split("_")[0] in (stem, folder)
        for name in re.findall(r"^(?:struct|enum) (\w+)(?: \{|;)", tree.code(header), re.M):
            if own or name == stem:
                yield name
                yield name.removesuffix("s")


def line_of(tree, path, symbol):
    for number, line in enumerate(tree.code(path).splitlines(), 1):
        if re.match(r"[\w*].*\b%s\b" % re.escape(symbol), line):
            return number
    return 1


def unsafe(tree):
    for path in tree.sources() + tree.sources("tests/unit"):
        for line, name in tree.calls(path, UNSAFE):
            yield path, line, f"{name}() is banned: {UNSAFE[name]}"
        if path.startswith("src/decide/"):
            for line, _ in tree.calls(path, ["qsort"]):
                yield path, line, "qsort() in decide: its order of equals is the library's; sort stably by hand"


def clocks(tree):
    for path in tree.sources():
        if path in ("src/base/clock.c", "src/base/clock.h"):
            continue
        for line, name in tree.calls(path, CLOCKS):
            yield path, line, f"{name}() outside base/clock.c: time is an argument, and nothing waits by sleeping"


def permits(tree):
    for path in tree.sources():
        if path in ("src/act/permit.c", "src/act/permit.h", "src/control/lease.c"):
            continue
        for line, name in tree.calls(path, ["act_permit_grant"]):
            yield path, line, f"{name}(): only control/lease.c grants permits to write; take one from the lease"


def prints(tree):
    for path in tree.sources():
        if path.startswith(MAY_PRINT):
            continue
        for line, name in tree.calls(path, PRINTS):
            yield path, line, f"{name}(): only cli and programs print; return the text, or log it"
        for number, line in enumerate(tree.code(path).splitlines(), 1):
            if re.search(r"\bv?fprintf\s*\(\s*(stdout|stderr)\b|\bf(puts|write)\s*\(.*\b(stdout|stderr)\b", line):
                yield path, number, "writes to a terminal: only cli and programs print; return the text, or log it"


def lengths(tree):
    for path in tree.sources():
        count = tree.text(path).count("\n")
        if count > FILE_LINES:
            yield path, FILE_LINES, f"{count} lines, at most {FILE_LINES}: find the second concept and give it a file"
        for name, first, last in tree.functions(path):
            if last - first - 1 > FUNCTION_LINES:
                yield path, first, f"{name} has {last - first - 1} lines, at most {FUNCTION_LINES}: split it by what it does"


def typedefs(tree):
    for path in tree.sources():
        for number, line in enumerate(tree.code(path).splitlines(), 1):
            if re.match(r"\s*typedef\b(?!.*\()", line):
                yield path, number, "typedef of a value: write struct or enum (function types may have one)"


def form(tree):
    tool = shutil.which("clang-format")
    if not tool:
        raise CannotLook("clang-format is missing: apt-get install clang-format")
    paths = tree.sources() + tree.sources("tests")
    paths = [p for p in paths if "/.venv/" not in p]
    if not paths:
        return
    done = subprocess.run([tool, "--dry-run", "-Werror", "--ferror-limit=1", *paths], cwd=tree.root,
                          stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for path, line in re.findall(r"^([^\s:]+):(\d+):\d+: error: ", done.stderr, re.M):
        yield path, int(line), "not as .clang-format says: run make format"


def words(tree):
    for path in tree.tracked():
        if path == "LICENSE":
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            for pattern, why in BANNED:
                found = re.search(pattern, line)
                if found:
                    yield path, number, f"'{found.group(0)}': {why}"
            if MARKS.search(line):
                yield path, number, f"'{MARKS.search(line).group(0)}': finish it, or leave it out"
            if path.endswith((".c", ".h")) and re.match(r"\s*#\s*if\s+0\b", line):
                yield path, number, "dead code: delete it, git remembers"


def listed(tree):
    """Each source is named in its folder's local.mk, or a release would lack it."""
    for path in tree.sources() + tree.sources("src", ".def"):
        recipe = pathlib.PurePath(path).parent / "local.mk"
        if not (tree.root / recipe).exists():
            yield path, 1, f"{recipe} is missing"
        elif path not in re.split(r"[\s=\\]+", tree.text(str(recipe))):
            yield path, 1, f"{recipe} does not list it; without that a release would lack it"


def top(tree):
    for path in tree.tracked():
        first = path.split("/")[0]
        if (tree.root / ".git").exists() and first not in TOP:
            yield path, 1, "the top of the tree holds what is needed to start, and no more; find it a folder"


RULES = [arrows, links, keepers, purity, names, unsafe, clocks, permits, prints, lengths, typedefs, form, words, listed, top]
