"""What make install lays down, and that a release holds all it needs."""

import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import BUILD, SRC


def run(argv, cwd):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "WINDLASS_SRC", "WINDLASS_BUILD")}
    done = subprocess.run(argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          text=True, env=env)
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if line.startswith(("FAIL", "ERROR")) or "error:" in line]
        pytest.fail(f"{os.path.basename(argv[0])}: {'; '.join(said[:5])}\n{done.stdout[-6000:]}")


def make(*arguments):
    run(["make", *arguments], BUILD)


def test_install_lays_down_programs_and_policies(tmp_path):
    make("install", f"DESTDIR={tmp_path}")
    installed = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    wanted = {f"usr/local/bin/{name}" for name in ("windlass", "windlassd", "windlass-worker", "windlass-local",
                                                   "windlass-gateway")}
    wanted |= {f"usr/local/share/windlass/{p.relative_to(SRC)}" for p in (SRC / "policies").rglob("*.yaml")}
    wanted |= {f"usr/local/share/man/{name}" for name in ("man1/windlass.1", "man1/windlass-worker.1", "man1/windlass-gateway.1",
                                                            "man5/windlass-policy.5", "man5/windlass-profile.5")}
    assert installed == wanted
    make("uninstall", f"DESTDIR={tmp_path}")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def keys_of(schema, path=""):
    """The path of each key as the manual writes it."""
    for branch in schema.get("anyOf", []):
        yield from keys_of(branch, path)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from keys_of(schema["additionalProperties"], f"{path}.NAME")
    if isinstance(schema.get("items"), dict):
        yield from keys_of(schema["items"], f"{path}[]")
    for name, below in schema.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        yield inner
        yield from keys_of(below, inner)


def test_the_manual_has_every_key_verb_and_setting(programs, windlass):
    schema = json.loads(windlass("schema").stdout)
    keys = set(keys_of(schema))
    page = (BUILD / "windlass-policy.5").read_text().replace("\\-", "-")
    missing = [key for key in keys if f"\n.B {key}\n" not in page]
    assert len(keys) > 80 and not missing
    keys = set(keys_of(json.loads(programs.call("windlass-worker", "--profile-schema").stdout)))
    page = (BUILD / "windlass-profile.5").read_text().replace("\\-", "-")
    assert len(keys) > 60 and not [key for key in keys if f"\n.B {key}\n" not in page]
    verbs = re.findall(r"^  ([a-z-]+) ", windlass("help").stdout, re.MULTILINE)
    page = (BUILD / "windlass.1").read_text().replace("\\-", "-")
    assert len(verbs) > 10 and not [verb for verb in verbs if f'.SH "windlass {verb}"' not in page]
    for program in ("windlass-worker", "windlass-gateway"):
        page = (BUILD / f"{program}.1").read_text().replace("\\-", "-")
        help_ = programs.call(program, "--help").stdout
        settings = re.findall(r"^ +(?:-\w, |    )(--[a-z-]+)", help_, re.MULTILINE)
        settings += re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", help_)
        assert len(settings) > 40 and not [name for name in settings if name not in page]
    for name in ("windlass.1", "windlass-policy.5", "windlass-profile.5", "windlass-worker.1", "windlass-gateway.1"):
        said = subprocess.run(["groff", "-ww", "-man", "-Tutf8", "-K", "utf8", BUILD / name], capture_output=True, text=True) \
            if shutil.which("groff") else None
        assert not said or not said.stderr, said.stderr


def test_release_holds_every_tracked_file(tmp_path):
    """What git tracks is in the release, so that the release builds, tests and documents itself."""
    if not (SRC / ".git").exists():
        pytest.skip("this tree is a release itself")
    tracked = subprocess.run(["git", "-c", "safe.directory=*", "ls-files"], cwd=SRC, stdout=subprocess.PIPE, text=True,
                             check=True).stdout.split()
    make("distdir", f"distdir={tmp_path}/release")
    missing = [p for p in tracked if not (tmp_path / "release" / p).exists() and p != ".gitignore"]
    assert not missing


@pytest.mark.timeout(1500)
def test_release_builds_and_checks_itself(tmp_path):
    """make distcheck: the release alone, out of its tree and read-only, with optimisation and hardening."""
    if not (SRC / ".git").exists():
        pytest.skip("this tree is a release itself")
    run([str(SRC / "configure")], tmp_path)
    flags = "--enable-werror" if os.environ.get("CI") == "true" else ""
    run(["make", "-j2", "distcheck", f"DISTCHECK_CONFIGURE_FLAGS={flags}"], tmp_path)
    assert list(tmp_path.glob("windlass-*.tar.gz"))
