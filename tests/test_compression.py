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
    2: "be4a89b0ac8d51f2a1dc9ed2270c2c3946e818d99a90a066c0906fad73ea85b6",
    11: "1851c3bc56e0c2eaea00224f8fcfc154e40bab2ce67541194a46872d580f8ce8",
    12: "7a304394b65e9b84163039b24a214015470829d1e37c2bc05486ec6795894808",
    13: "6c8bb943aeff5c57c73d7a7a17df19b051223567c7fac2c50b736a4fa738e721",
    14: "711afe03505f1651b734cefd0673c2bc6f5d40cbef888c5530cec18310881026",
    15: "e495e8a38249fa8f7c5b3dfe454be56c33232e3a442b28a3aaf0ac8e53d9c0b4",
    16: "ab61523670295c2b01e32aa3e5d1c78809f0c3f77dd9a3ff0490c71d3361ac35",
    17: "2ff93787a1503e05f4412bfc0ba42220408e6bc104df7cc2af7376f02fecf8a3",
    18: "96d0f99d57ac773d639f24e2bd8056d53afffcecbf1e7b27856793e4ae805960",
    19: "6d50f9d23ee2ea5187af03749200593771a2915a64b1d450a6de0c1421602233",
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
