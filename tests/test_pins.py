"""The lock files: all that the requirements files name is in them, in one version, with the hashes of its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.environments import LOCKS, environments, lock_of

ROOT = Path(__file__).parent.parent
FILES = [file for group in LOCKS for file in group]
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;\\]+)", re.MULTILINE)


def pins(file: Path) -> set[tuple[str, str]]:
    found = PIN.findall((ROOT / file).read_text())
    return {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in found}


def test_every_requirements_file_has_a_lock_file() -> None:
    """A name that the rest of the file does not need is not looked for here: what is named in it is."""
    there = {path for folder in ("layers", "local", "tests") for path in (ROOT / folder).rglob("*.txt")}
    named = {path for path in there if PIN.search(path.read_text()) and not path.name.endswith(".lock.txt")}
    assert {path.relative_to(ROOT) for path in named if ".local" not in path.parts} == set(FILES)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_what_a_requirements_file_names_is_pinned_as_it_says(file: Path) -> None:
    assert pins(file)
    assert pins(file) <= pins(lock_of(file)), "make pins"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_everything_in_a_lock_file_has_hashes_and_nothing_has_an_address(file: Path) -> None:
    text = re.sub(r"^#.*\n", "", (ROOT / lock_of(file)).read_text(), flags=re.MULTILINE).replace("\\\n", "")
    for line in text.splitlines():
        assert re.fullmatch(r"[a-z0-9.-]+==[^\s;]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+", line), line[:100]


@pytest.mark.parametrize("group", LOCKS, ids=lambda group: str(group[0]))
def test_what_is_installed_for_one_purpose_fits_what_is_installed_for_another(group: tuple[Path, ...]) -> None:
    every = pins(lock_of(group[0]))
    for file in group:
        assert pins(lock_of(file)) <= every


def test_a_file_includes_those_whose_lock_it_agrees_with() -> None:
    for purpose in ("run", "test", "fuzz"):
        for environment in environments(purpose):
            texts = [pins(file) for file in environment.files]
            assert all(one <= texts[-1] for one in texts)
