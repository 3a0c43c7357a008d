"""The tree as the rules see it: files, their text without comments, and symbols."""

import pathlib
import re
import subprocess

# What the top of the tree may hold.
TOP = set("""autogen.sh configure.ac Makefile.am src policies tests examples ChangeLog README.md LICENSE
    ARCHITECTURE.md .ci .clang-format .editorconfig .gitignore .gitattributes""".split())

TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def blank(match):
    """A comment or literal as spaces, so that lines and columns stay where they are."""
    text = match.group(0)
    kept = re.sub(r"[^\n]", " ", text)
    return '"' + kept[1:-1] + '"' if text[0] == '"' else kept


class Tree:
    def __init__(self, root, build=None):
        self.root = pathlib.Path(root)
        self.build = pathlib.Path(build) if build else None
        self.texts = {}

    def tracked(self):
        """Every file that is part of the project, as paths from the top."""
        if (self.root / ".git").exists():
            out = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(self.root), "ls-files", "-co",
                                  "--exclude-standard"], stdout=subprocess.PIPE, text=True, check=True).stdout
            return [p for p in sorted(set(out.splitlines())) if (self.root / p).is_file()]
        # A release has generated files and a build beside what was written.
        every = (p.relative_to(self.root) for p in self.root.rglob("*") if p.is_file())
        return sorted(str(p) for p in every if p.parts[0] in TOP and not {".venv", "__pycache__"} & set(p.parts))

    def sources(self, folder="src", pattern=".[ch]"):
        return [str(p.relative_to(self.root)) for p in sorted((self.root / folder).rglob("*" + pattern))]

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = (self.root / path).read_text(errors="replace")
        return self.texts[path]

    def code(self, path):
        """The text with comments and literals blanked."""
        return TOKEN.sub(blank, self.text(path))

    def includes(self, path):
        """(line, kind, name) of each include; kind is the opening '"' or '<'."""
        for number, line in enumerate(self.text(path).splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if found:
                yield number, found.group(1), found.group(2)

    def calls(self, path, names):
        """(line, name) of each call of one of names, methods of structs left out."""
        pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(map(re.escape, names)))
        for number, line in enumerate(self.code(path).splitlines(), 1):
            for found in pattern.finditer(line):
                yield number, found.group(1)

    def functions(self, path):
        """(name, first line, last line) of each function body; clang-format puts its braces in column one."""
        lines = self.code(path).splitlines()
        start = None
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                head = " ".join(lines[max(0, start - 8):start - 1])
                names = re.findall(r"(\w+)\s*\(", re.split(r"[;}]", head)[-1])
                yield (names[0] if names else "?"), start, number
                start = None

    def objects(self):
        """{source: object} of what the build made."""
        if not self.build:
            return {}
        pairs = {}
        for path in self.sources(pattern=".c"):
            made = (self.build / path).with_suffix(".o")
            if made.exists():
                pairs[path] = made
        return pairs


def public_symbols(objects):
    """{object: [symbol]} of what each object file exports, sanitizers' own symbols left out."""
    if not objects:
        return {}
    out = subprocess.run(["nm", "-A", "-g", "--defined-only", *map(str, objects)], stdout=subprocess.PIPE,
                         text=True, check=True).stdout
    found = {str(o): [] for o in objects}
    for line in out.splitlines():
        name, rest = line.rsplit(":", 1) if ":" in line else (None, line)
        symbol = rest.split()[-1]
        if not re.match(r"(__odr_asan|__asan|__ubsan|__gcov|_)", symbol) and "." not in symbol:
            found[name].append(symbol)
    return found
