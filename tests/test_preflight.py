"""A stranger's machine: what is wrong with it is one line that says what to do, before anything is installed."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local import duration, environments, index, preflight
from local.index import Settings
from local.preflight import Unready

ROOT = Path(__file__).parent.parent


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def unready(environment: dict[str, str]) -> str:
    with pytest.raises(Unready) as said:
        preflight.ports(environment)
    assert "\n" not in str(said.value)
    return str(said.value)


# --- Python -------------------------------------------------------------------------------------------------------


def test_a_python_that_is_too_old_can_read_what_tells_it_so() -> None:
    """The grammar of each is not at hand here: what Python 2.7 and 3.6 can read is checked by what they cannot."""
    text = (ROOT / "local" / "install.py").read_text()
    assert text.isascii()
    for newer in ('f"', "f'", ":=", "->", "from __future__", "match ", "nonlocal", "async "):
        assert newer not in text, newer
    assert (ROOT / "local" / "__init__.py").read_text().isascii()


def test_a_python_that_is_too_old_is_told_which_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.version_info = (3, 10, 13, 'final', 0)\n")
    said = subprocess.run(
        [sys.executable, "-m", "local.install", "run"],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (said.returncode, said.stdout) == (1, "")
    [line] = said.stderr.splitlines()
    assert line.startswith("Convoke needs Python 3.11 or newer, and ")
    assert line.endswith(" is 3.10.13: install a newer one, so say make run PYTHON=/path/to/python3.11")


def test_make_says_where_there_is_no_such_python() -> None:
    said = subprocess.run(  # noqa: S603
        [str(shutil.which("make")), "run", "PYTHON=/no/such python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr.startswith("There is no /no/such python: install Python 3.11 or newer, or say where one is: ")


def test_a_launcher_without_the_python_behind_it_is_none(tmp_path: Path) -> None:
    """A version manager leaves one on PATH for each version that is installed and not chosen."""
    launcher = tmp_path / "python3.12"
    launcher.write_text("#!/bin/sh\necho 'launcher: python3.12: command not found' >&2\nexit 127\n")
    launcher.chmod(0o755)
    said = subprocess.run(  # noqa: S603
        [str(shutil.which("make")), "run", f"PYTHON={launcher}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr.startswith(f"There is no {launcher}: install Python 3.11 or newer, or say where one is: ")


# --- the machine --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", [("CONVOKE_PORT",), ("CONVOKE_INBOX_PORT",), ("CONVOKE_PORT", "CONVOKE_INBOX_PORT")])
def test_a_port_in_use_is_named_with_one_that_is_free(taken: tuple[str, ...]) -> None:
    with listening() as one, listening() as other:
        ports = {"CONVOKE_PORT": one, "CONVOKE_INBOX_PORT": other}
        free = {name: str(index) for name, index in zip(ports, (14_981, 14_982), strict=True)}
        said = unready(free | {name: str(ports[name]) for name in taken})
    for name in taken:
        assert str(ports[name]) in said
        chosen = int(said.partition(f"{name}=")[2].split()[0])
        assert not preflight.in_use(chosen)


@pytest.mark.parametrize("port", ["eighty", "0", "80", "65536", "-1", "٤٥٦٦", "8025 "])
def test_what_is_no_port_is_said_to_be_none(port: str) -> None:
    assert unready({"CONVOKE_PORT": port}).startswith("CONVOKE_PORT is ")


def test_two_ports_that_are_one_are_refused() -> None:
    assert "are both 14990" in unready({"CONVOKE_PORT": "14990", "CONVOKE_INBOX_PORT": "14990"})


def look(root: Path, purpose: str = "tools", *, installs: bool = True, **environment: str) -> str:
    with pytest.raises(Unready) as said:
        preflight.check(purpose, environment, root, installs=installs)
    assert "\n" not in str(said.value)
    return str(said.value)


def test_a_disk_without_room_is_said_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=12_000_000))
    assert look(tmp_path) == f"{tmp_path} has room for 12 MB and 700 MB are needed: make room, or use another disk."
    assert "300 MB are needed" in look(tmp_path, "test", installs=False)
    preflight.check("tools", {}, tmp_path, installs=False)


def test_a_temporary_folder_that_is_none_is_said(tmp_path: Path) -> None:
    assert "is no folder that can be written to" in look(tmp_path, "test", TMPDIR=str(tmp_path / "none"))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    find = preflight.importlib.util.find_spec  # type: ignore[attr-defined]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == module else find(name))
    assert f"has no {module} (Debian and Ubuntu: sudo apt install python3." in look(tmp_path)


def test_a_machine_without_make_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert look(tmp_path).startswith("make is missing")


def test_a_folder_of_somebody_else_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)
    assert "cannot be written to" in look(tmp_path)
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path / ".venv")
    assert "belongs to somebody else" in look(tmp_path)


def test_whatever_goes_wrong_is_a_line_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(preflight, "check", fail)
    assert environments.main("run", {}) == 1
    assert capsys.readouterr().err == "[Errno 28] No space left on device\n"


# --- the index of packages ----------------------------------------------------------------------------------------


def test_an_index_that_cannot_be_reached_is_said_at_once() -> None:
    with listening() as port:
        pass
    with pytest.raises(
        Unready, match=rf"The package index at 127\.0\.0\.1:{port} cannot be reached \(Connection refused"
    ):
        index.check(Settings({"index-url": f"http://127.0.0.1:{port}/simple"}))
    with pytest.raises(Unready, match=rf"The proxy before the package index at 127\.0\.0\.1:{port} cannot be reached"):
        index.check(Settings({"proxy": f"127.0.0.1:{port}"}))


def test_an_index_whose_name_is_not_known_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_connect", lambda *_: socket.gaierror(-2, "Name or service not known"))
    with pytest.raises(Unready, match=r"The package index at pypi\.org:443 cannot be reached \(Name or service"):
        index.check(Settings({}))


def test_an_index_that_is_slow_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_connect", lambda *_: TimeoutError())
    assert "has not answered yet: still trying" in index.check(Settings({}))
    monkeypatch.setattr(index, "_connect", lambda *_: None)
    assert index.check(Settings({})) == ""


@pytest.mark.parametrize("values", [{"no-index": "1"}, {"index-url": "file:///packages"}])
def test_packages_on_a_disk_need_no_index(values: dict[str, str]) -> None:
    assert index.check(Settings(values)) == ""


def test_what_pip_is_told_is_read_from_its_files_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SYSTEM", tmp_path / "none")
    (tmp_path / "pip").mkdir()
    general = tmp_path / "pip" / "pip.conf"
    general.write_text("[global]\nindex_url = http://a/simple\ntimeout = 5\n[install]\nfind-links = /a\n  /b\n")
    named = tmp_path / "named.conf"
    named.write_text("[global]\nindex-url = http://b/simple\ncert = /c.pem\n[list]\nformat = columns\n")
    environment = {"PIP_CONFIG_FILE": str(named), "XDG_CONFIG_DIRS": str(tmp_path), "HOME": str(tmp_path / "home")}
    known = index.settings(environment | {"PIP_TRUSTED_HOST": "a"})
    assert (known.of("index-url"), known.of("cert"), known.of("trusted-host")) == ("http://a/simple", "/c.pem", "a")
    options, variables = known.for_uv() or ([], {})
    assert options[options.index("--index-url") + 1] == "http://a/simple"
    assert options.count("--find-links") == 2
    assert ("--allow-insecure-host" in options, variables) == (True, {"SSL_CERT_FILE": "/c.pem"})
    assert "format" not in known.values
    assert index.settings(environment | {"PIP_CONFIG_FILE": os.devnull}).values == {"config-file": os.devnull}


def test_what_uv_cannot_be_told_is_left_to_pip() -> None:
    assert Settings({"client-cert": "/mine.pem"}).for_uv() is None
    assert Settings({"no-index": "true", "extra-index-url": "http://b"}).for_uv() == (
        ["--no-index", "--extra-index-url", "http://b", "--index-strategy", "unsafe-best-match"],
        {},
    )
    assert Settings({"proxy": "http://p", "no-index": "no"}).for_uv() == (
        [],
        {"HTTP_PROXY": "http://p", "HTTPS_PROXY": "http://p"},
    )


def test_pip_s_files_that_cannot_be_read_are_left_to_pip(tmp_path: Path) -> None:
    broken = tmp_path / "pip.conf"
    broken.write_bytes(b"[global\n\xff")
    assert "config-file" in index.settings({"PIP_CONFIG_FILE": str(broken), "HOME": str(tmp_path)}).values


# --- the environments ---------------------------------------------------------------------------------------------


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> environments.Environment:
    """One that needs nothing, in a folder of its own whose name is not plain."""
    folder = tmp_path / "my projects" / "Übung"
    folder.mkdir(parents=True)
    (folder / "needs.txt").write_text("# nothing\n")
    monkeypatch.setattr(environments, "ROOT", folder)
    return environments.Environment(Path(".venv"), (Path("needs.txt"),))


def test_an_environment_of_another_python_or_folder_is_made_anew(environment: environments.Environment) -> None:
    assert environment.create(pip=False)
    left = environment.python.parent / "left"
    left.touch()
    assert environment.create(pip=False)
    assert left.exists()
    environment.maker.write_text("3.10")
    assert not environment.stands()
    assert environment.create(pip=False)
    assert not left.exists()
    environment.python.unlink()
    environment.python.symlink_to("/no/such/python")
    assert environment.create(pip=False)
    assert environment.python.exists()


def test_where_uv_fails_pip_does_it(environment: environments.Environment, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    pip = tmp_path / "python"
    pip.write_text(f'#!/bin/sh\necho "$@" >> "{asked}"\n')
    uv = tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >> "{asked}.uv"; echo "error: no such option"; exit 2\n')
    for program in (pip, uv):
        program.chmod(0o755)
    assert environment.fill(pip, uv, Settings({}))
    assert "-m pip --python" in asked.read_text()
    for said in (asked.read_text(), Path(f"{asked}.uv").read_text()):
        assert "--no-deps --require-hashes -r needs.txt" in said
    assert environment.fill(pip, None, Settings({}))
    assert len(asked.read_text().splitlines()) == 2
    pip.write_text('#!/bin/sh\necho "ERROR: No matching distribution found for x"; exit 1\n')
    assert not environment.fill(pip, uv, Settings({}))
    assert environment.why() == "ERROR: No matching distribution found for x"


# --- how long it takes --------------------------------------------------------------------------------------------


def test_it_is_said_how_long_things_take_here(tmp_path: Path) -> None:
    kept = tmp_path / "took.json"
    assert duration.expected("run", kept=kept) == f"about {duration.words(duration.FIRST['run'])}"
    duration.remember("run", 41.2, kept=kept)
    duration.remember("test", 412.0, kept=kept)
    assert duration.expected("run", kept=kept) == "about 40 s, as the last time here"
    assert duration.expected("test", kept=kept) == "about 7 minutes, as the last time here"
    kept.write_text("{")
    assert duration.expected("run", kept=kept).startswith("about ")
    duration.remember("run", 41.2, kept=tmp_path / "no" / "folder")


def test_it_is_known_how_much_room_each_target_of_make_needs() -> None:
    purposes = set(re.findall(r"\$\(INSTALL\) (\w+)", (environments.ROOT / "Makefile").read_text()))
    assert purposes == preflight.TO_INSTALL.keys()
