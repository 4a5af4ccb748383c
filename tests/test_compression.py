"""Mails as they are stored: a few hundred bytes, from which the very same mail is read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke import languages
from convoke.decision.calendar_state import RenderedMail
from convoke.mail import invitation_mail
from convoke.store import compression
from convoke.store.compression import packed, unpacked
from tests.golden.cases import CASES, dtstamp

GOLDEN = sorted(Path(__file__).parent.glob("golden/*.eml"))
DICTIONARIES = {
    1: "e5cd6ad9c31fe07516551c422e32427ae409e5bb0b639b4e84a11bf6bde57b2d",
    2: "b6ddea560fff80bd0b7a865c5c936b020e3466e6f577f36e9f5ebf7069b510e9",
    11: "d2a294c9e14c0186b8bc450c359b98e5bc9673a089d8e1fbbc15e61925af7ef4",
    12: "6a2277a74baf13daaee7488b417219484034f70b6086a6e8fe292cf0fee1fc83",
    13: "7477789065d4d9847599ac20552f6ae2debce6784f274147f93033e2faff2800",
    14: "9d63c8e0ef8e7073793212d675e13916627e8e70e7dc58c6957958933c87588b",
    15: "9311d8f2629e1272d4cbb6c5ea95399c8767b327ba84fc9fbd43856aff280f86",
    16: "a69deaec7ce6c4a4d5b822ec0921d1f15fcab7eb724448c018c1d6aed7c8994f",
    17: "c9b3f9a6769532c486e920f8b254266b1d391d403d7861bb021b7e290535c1fb",
    18: "fd427383f3d6f95bcd9fa16b654cb4a3a8ad369d667dc9c5264867b2a0581266",
    19: "73169cc7f76f8219f84fa70df48ba84ef02a25b59890d02aab40c26dfab1dcaf",
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


def test_each_language_has_a_dictionary_whose_mails_are_unfolded_and_folded_again() -> None:
    assert set(compression.OF_LANGUAGES) == set(languages.LANGUAGES) - {"en"}
    for tag, number in compression.OF_LANGUAGES.items():
        for said, sequence in CASES.values():
            told = replace(said, language=tag, description="=\r\n long words " * 20 + "é" * 100)
            made = invitation_mail.rendered(told, sequence=sequence, dtstamp=dtstamp(sequence))
            stored = packed(made)
            assert stored[0] == number
            assert unpacked(stored) == replace(made, plainer=())
    assert (
        packed(RenderedMail(calendar=b"BEGIN", mail=b'To: you\r\n\r\n<html lang=3D"ar">' + b"=\r\n" * 3))[0]
        == compression.PLAIN
    )
    assert packed(RenderedMail(calendar=b"BEGIN", mail=b'<html lang=3D"sv">'))[0] == compression.DICTIONARY


def test_a_mail_that_has_the_sign_for_the_calendar_in_it_is_stored_without_one() -> None:
    rendered = RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: you\r\n\r\n\0")
    assert packed(rendered)[0] == compression.PLAIN
    assert unpacked(packed(rendered)) == rendered


def test_the_dictionaries_are_those_that_mails_were_stored_with() -> None:
    folder = Path(compression.__file__).parent
    for number, digest in DICTIONARIES.items():
        assert hashlib.sha256((folder / f"dictionary-{number}.txt").read_bytes()).hexdigest() == digest
    assert max(DICTIONARIES.keys() - compression.OF_LANGUAGES.values()) == compression.DICTIONARY
