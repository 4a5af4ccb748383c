"""Header fields in every script and length, on each Python at hand; and what is sent where one does not read back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.header import decode_header, make_header
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from convoke.mail import header_fields, invitation_mail
from convoke.model import Person, RenderError
from tests import header_cases
from tests.factories import NOW, message

ROOT = Path(__file__).parent.parent
COUNT = int(os.environ.get("CONVOKE_TITLES", "2"))
"""Titles of each script, each with every kind of message: more of them take longer."""
SEED = int(os.environ.get("CONVOKE_SEED", "1"))
SUPPORTED = re.compile(r"3\.(?:1[1-9]|[2-9]\d)\.\d+")
WHICH = "import platform; print(platform.python_version())"

# One worker's: else each would make the same mails to compare with.
pytestmark = pytest.mark.xdist_group("headers")

BO = Person(name="Bo Ek", email="bo@example.net")


def pythons() -> Iterator[tuple[str, str]]:
    """The version and the path of one Python of this machine for each minor version that is supported, found by its
    name; this one first.
    """
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    folders = [Path(folder) for folder in os.get_exec_path()] + sorted(versions.glob("3.*/bin"))
    named = [path for folder in folders if folder.is_dir() for path in sorted(folder.glob("python3*"))]
    seen = set()
    for path in [Path(sys.executable), *named]:
        if path == Path(sys.executable) or re.fullmatch(r"python3(?:\.\d+)?", path.name):
            version = _which(path.resolve())
            minor = version.rpartition(".")[0]
            if minor not in seen and SUPPORTED.fullmatch(version):
                seen.add(minor)
                yield version, str(path)


@cache
def _which(path: Path) -> str:
    """The version of a Python; nothing where it cannot be run."""
    try:
        asked = subprocess.run(  # noqa: S603 (a Python of this machine)
            [path, "-c", WHICH], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError:
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""


@cache
def here() -> dict[str, Any]:
    return header_cases.run(COUNT, SEED)


# --- every script, every length, every Python ---------------------------------------------------------------------


def test_no_title_name_or_place_whatever_stops_a_mail() -> None:
    assert here()["refused"] == dict.fromkeys((*header_cases.SCRIPTS, "hostile"), 0)
    assert here()["mails"] == 5 * sum(here()["tried"].values())
    assert here()["plainer"] == []


def test_a_reader_that_is_not_ours_finds_every_subject_and_name_as_it_was_meant() -> None:
    assert here()["fields"] > 2 * len(header_cases.SCRIPTS) * header_cases.LONGEST
    assert here()["misread"] == []


@pytest.mark.long
def test_the_bytes_are_the_same_on_every_python_at_hand() -> None:
    """All of them at the same time. They are looked for here, not as the tests are collected: each worker does that.

    This one has made its mails already, in this process; where it is the only one, another process makes them again.
    """
    path = [str(ROOT / "layers/core"), str(ROOT), sysconfig.get_path("purelib")]
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONTZPATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    this, *others = pythons()
    found = others or [this]

    def ran(python: str) -> subprocess.CompletedProcess[str]:
        command = [python, "-m", "tests.header_cases", str(COUNT), str(SEED)]
        return subprocess.run(  # noqa: S603 (a Python of this machine)
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
        )

    with ThreadPoolExecutor(len(found)) as pool:
        for (version, python), done in zip(found, pool.map(ran, [python for _, python in found]), strict=True):
            assert done.returncode == 0, (python, done.stderr)
            assert json.loads(done.stdout) == here() | {"python": version}, python


def test_every_field_is_as_the_standards_want_it() -> None:
    for _, field in header_cases.every_field(SEED):
        first, *others = field.written.decode("ascii").removesuffix("\r\n").split("\r\n")
        assert re.match(rf"{field.name}: [!-~]", first)
        assert all(re.match(r" [!-~]", line) for line in others)
        for line in (first, *others):
            assert len(line) <= 76 or "=?" not in line
            for word in re.findall(r"=\?utf-8\?.*?\?=", line):
                assert len(word) <= 75
                assert "\ufffd" not in header_cases.read_by_another(
                    header_fields.Field(name="Subject", written=word.encode())
                )


# --- what is written ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Invitation: Choir", b"Subject: Invitation: Choir\r\n"),
        ("Invitation: Kölner Treffen", b"Subject: Invitation: =?utf-8?q?K=C3=B6lner_Treffen?=\r\n"),
        (
            "Invitation: Fwd: =?UTF-8?B?VGVzdA==?=",
            b"Subject: Invitation: Fwd: =?utf-8?b?PT9VVEYtOD9CP1ZHVnpkQT09Pz0=?=\r\n",
        ),
        ("Moved: 驚き", b"Subject: Moved: =?utf-8?b?6ama44GN?=\r\n"),
        (f"Moved: {'x' * 62} y", b"Subject: Moved:\r\n " + b"x" * 62 + b" y\r\n"),
        (
            f"Moved: {'x' * 68}",
            b"Subject: Moved: =?utf-8?q?" + b"x" * 48 + b"?=\r\n =?utf-8?q?" + b"x" * 20 + b"?=\r\n",
        ),
    ],
)
def test_a_subject_is_plain_up_to_the_first_word_that_cannot_be(said: str, written: bytes) -> None:
    field = header_fields.text("Subject", said, instead="Invitation")
    assert (field.written, field.plainer) == (written, False)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", b"To: bo@example.net\r\n"),
        ("   ", b"To: bo@example.net\r\n"),
        ("Bo Ek", b"To: Bo Ek <bo@example.net>\r\n"),
        ("Ek, Bo", b'To: "Ek, Bo" <bo@example.net>\r\n'),
        ('Bo "B" Ek\\', b'To: "Bo \\"B\\" Ek\\\\" <bo@example.net>\r\n'),
        ("Zoë", b"To: =?utf-8?q?Zo=C3=AB?= <bo@example.net>\r\n"),
        ("=?utf-8?q?Ada=0D=0AX?=", b"To: =?utf-8?b?PT91dGYtOD9xP0FkYT0wRD0wQVg/PQ==?= <bo@example.net>\r\n"),
        ("=?utf-8?b?4oCuZ3Bq?=", b"To: =?utf-8?b?PT91dGYtOD9iPzRvQ3VaM0JxPz0=?= <bo@example.net>\r\n"),
        ("Bo\u202eEk\r\nBcc: eve@example.net", b'To: "BoEk Bcc: eve@example.net" <bo@example.net>\r\n'),
        ("eve@example.net> <", b'To: "eve@example.net> <" <bo@example.net>\r\n'),
    ],
)
def test_a_name_is_only_ever_a_name(name: str, written: bytes) -> None:
    field = invitation_mail.mailbox("To", Person(name=name, email="bo@example.net"))
    assert (field.written, field.plainer) == (written, False)


@pytest.mark.parametrize(
    "value",
    [
        *("=?utf-8?q?Ada?=x", "x=?utf-8?q?Ada?=", "=?utf-8?x?Ada?=", "=?iso-8859-1?q?Ada?=", "=?utf-8?q?Zo=C3?="),
        *("=?utf-8?q?a=3?=", "=?utf-8?b?YQ?=", "=?utf-8?b?Y*==?=", f"=?utf-8?q?{'a' * 64}?=", "=?utf-8?q??="),
    ],
)
def test_what_is_nearly_an_encoded_word_is_not_read(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        header_fields.text_of(value)


@pytest.mark.parametrize(
    "value",
    [
        *("bo@example.net, eve@example.net", "Bo <bo@example.net> <eve@example.net>", "<bo@example.net", "Bo Ek"),
        *('"Bo <bo@example.net>', "Ek, Bo <bo@example.net>", "(a) <bo@example.net>", "Bo <bo@example.net>, eve@x.net"),
        *("", "bo@example.net ", "Bo <>", "undisclosed:;", '"a"b" <bo@example.net>'),
    ],
)
def test_what_is_not_just_one_address_is_not_read(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        header_fields.mailbox_of(value)


@pytest.mark.parametrize(
    "head",
    [
        *(b"Subject:\r\n x\r\n", b"Subject: x", b" x\r\n", b"Subject: x\r\n\r\n y\r\n", b"Subject: \xc3\xab\r\n"),
        *(b"Subject: x\r\n \r\n", b"Sub ject: x\r\n", b"Subject: " + b"x" * 990 + b"\r\n", b"Subject: a\nb\r\n"),
        b"Subject: " + b"=?utf-8?q?a?= " * 6 + b"b\r\n",
    ],
)
def test_a_header_that_we_would_not_write_is_not_read(head: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        header_fields.fields(head)


# --- where something does not read back ---------------------------------------------------------------------------


def broken(monkeypatch: pytest.MonkeyPatch, fails: Callable[[bytes], bool]) -> None:
    """Let our reader fail on such fields."""
    honest = header_fields.fields

    def read(head: bytes) -> tuple[tuple[str, str], ...]:
        if fails(head):
            raise ValueError("broken")
        return honest(head)

    monkeypatch.setattr(header_fields, "fields", read)


def says(word: str) -> Callable[[bytes], bool]:
    """Whether a field says this word, in whatever form."""
    return lambda head: word in str(make_header(decode_header(head.decode("ascii").replace("\r\n", ""))))


@pytest.mark.parametrize(
    ("fails", "read"),
    [
        pytest.param(
            lambda head: b"Subject: Invitation: =?" in head,
            "Invitation: Kölner Treffen · Fri 12 Mar 2027, 09:00",
            id="mixed",
        ),
        pytest.param(says("Kölner"), "Invitation: Treffen · Fri 12 Mar 2027, 09:00", id="a word"),
        pytest.param(lambda head: b"=?utf-8?" in head, "Invitation: 2027-03-12", id="all encoded words"),
    ],
)
def test_a_subject_that_does_not_read_back_is_said_plainer(
    fails: Callable[[bytes], bool], read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch, fails)
    made = invitation_mail.rendered(message(), sequence=0, dtstamp=NOW)
    assert made == invitation_mail.rendered(message(), sequence=0, dtstamp=NOW)
    assert made.plainer == ("Subject",)
    monkeypatch.undo()
    head = dict(header_fields.fields(made.mail.partition(b"\r\n\r\n")[0] + b"\r\n"))
    assert header_fields.text_of(head["Subject"]) == read


def test_a_name_that_does_not_read_back_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, lambda head: b"Zo=C3=AB" in head)
    zoe = Person(name="Zoë", email="zoe@example.net")
    assert invitation_mail.mailbox("To", zoe).written == b"To: =?utf-8?b?Wm/Dqw==?= <zoe@example.net>\r\n"
    broken(monkeypatch, lambda head: head.startswith(b"To:") and b"=?utf-8?" in head)
    made = invitation_mail.rendered(message(title="Choir", attendee=zoe), sequence=0, dtstamp=NOW)
    assert b"\r\nTo: zoe@example.net\r\n" in made.mail
    assert made.plainer == ("To",)


def test_a_mail_whose_address_does_not_read_back_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, lambda head: b"bo@example.net" in head)
    with pytest.raises(RenderError, match="To does not read back as the one address that was meant"):
        invitation_mail.rendered(message(attendee=BO), sequence=0, dtstamp=NOW)


def test_a_mail_of_which_not_even_the_plainest_subject_reads_back_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    broken(monkeypatch, lambda head: b"Subject" in head)
    with pytest.raises(RenderError, match="Subject does not read back"):
        invitation_mail.rendered(message(), sequence=0, dtstamp=NOW)


@pytest.mark.parametrize("value", ["<1@bücher.example>", "<1@x>\r\nBcc: eve@example.net", "", " x"])
def test_an_id_that_is_not_plain_ascii_on_one_line_is_not_sent(value: str) -> None:
    with pytest.raises(RenderError, match="Message-ID does not read back"):
        header_fields.token("Message-ID", value)
