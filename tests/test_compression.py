"""Mails as they are stored: a few hundred bytes, from which the very same mail is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.decision.calendar_state import RenderedMail
from convoke.store import compression
from convoke.store.compression import packed, unpacked

GOLDEN = sorted(Path(__file__).parent.glob("golden/*.eml"))
DICTIONARIES = {
    1: "e5cd6ad9c31fe07516551c422e32427ae409e5bb0b639b4e84a11bf6bde57b2d",
    2: "b6ddea560fff80bd0b7a865c5c936b020e3466e6f577f36e9f5ebf7069b510e9",
    3: "7942b70599ddabbf2339c7a5f3d9241cc4d4cebd6e92c27f714abccb5279bbc0",
    4: "cd32d116410774dc047aafd76e0ef553a6bfd46bcb3f3042e99cf068272c00fc",
    5: "7248b8898c6221910c311f412ef7720b3d54a52a6e914304794a77ba35829305",
    6: "c200d31ee732dd8d159d1624b5d317677ff5c3fc3ae0f8a847121fe6ba50e867",
    7: "dd2fa65543def9ec2b33de21418c6592c8874a0b9caaff03193c4e1ed07daf67",
    8: "5275fb9c786ddc0a81f2ae09a7cde9aa31da5ccdb3fb80439575b46244a04e4d",
    9: "76926d6a4269b5b1c42db3e0f5ccfef2fdc730e64de9050f8bd1580be3553c5c",
    10: "c14d74b1dd12637fad6975fb6a31b9d46e5de3110111a9e719baed83815dd9be",
    11: "70ac548c79ab55d71dc913155a25760d2c8773244fce99e4d3b46417cf623e42",
}
"""The dictionaries that mails may be stored with, by the SHA-256 of each: not one byte of them may change."""


def golden(path: Path) -> RenderedMail:
    return RenderedMail(calendar=path.with_suffix(".ics").read_bytes(), mail=path.read_bytes())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_kind_of_mail_takes_less_than_a_kilobyte_and_is_read_back_byte_for_byte(path: Path) -> None:
    rendered = golden(path)
    stored = packed(rendered)
    assert unpacked(stored) == rendered
    assert len(stored) < 800 < len(rendered.mail)


def test_what_the_mail_is_about_is_not_in_the_dictionary() -> None:
    """Other people, another event, another place: still a fraction of what it takes without a dictionary."""
    rendered = golden(Path(__file__).parent / "golden" / "invitation.eml")
    words = {b"K=C3=B6lner Treffen": b"Yearly meeting of the choir", b"Bo Ek": b"Zsuzsanna", b"bo@": b"zsuzsa@"}
    mail = rendered.mail
    for old, new in words.items():
        mail = mail.replace(old, new)
    assert len(packed(RenderedMail(calendar=rendered.calendar, mail=mail))) < 800


@given(calendar=st.binary(max_size=300), mail=st.binary(max_size=600), times=st.integers(0, 3))
def test_any_bytes_are_read_back(calendar: bytes, mail: bytes, times: int) -> None:
    rendered = RenderedMail(calendar=calendar, mail=mail + compression._encoded(calendar) * times)
    assert unpacked(packed(rendered)) == rendered


def test_a_mail_that_has_the_sign_for_the_calendar_in_it_is_stored_without_one() -> None:
    rendered = RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: you\r\n\r\n\0")
    assert packed(rendered)[0] == compression.PLAIN
    assert unpacked(packed(rendered)) == rendered


def test_the_dictionaries_are_those_that_mails_were_stored_with() -> None:
    folder = Path(compression.__file__).parent
    for number, digest in DICTIONARIES.items():
        assert hashlib.sha256((folder / f"dictionary-{number}.txt").read_bytes()).hexdigest() == digest
    assert {1, compression.DICTIONARY, *compression.LANGUAGES.values()} == set(DICTIONARIES)
    assert all(len(compression._dictionary(number)) <= 32 * 1024 for number in DICTIONARIES), "what zlib looks back"


@pytest.mark.parametrize("tag", compression.LANGUAGES)
def test_a_mail_is_stored_with_the_words_of_its_language(tag: bytes) -> None:
    path = Path(__file__).parent / "golden" / "invitation.eml"
    mail = path.read_bytes().replace(b'lang=3D"en"', b'lang=3D"%b"' % tag)
    stored = packed(RenderedMail(calendar=b"", mail=mail))
    assert stored[0] == compression.LANGUAGES[tag]
    assert unpacked(stored).mail == mail
