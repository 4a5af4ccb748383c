"""Subjects of any title: never too wide, always with their date, never cut inside a character."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke import languages
from convoke.calendar.content_lines import one_line
from convoke.mail.subjects import WIDTH, shortened, subject, width

DATE = "Fri 12 Mar 2027, 09:00"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FLAG = "\U0001f1e9\U0001f1ea"
TEXT = st.text(max_size=400)


@given(TEXT, st.sampled_from(["Invitation", "Dates changed (tentative)"]))
@settings(max_examples=300, deadline=None)
def test_a_subject_is_never_too_wide_and_always_ends_with_its_date(title: str, kind: str) -> None:
    made = subject(languages.texts_in("en"), f"{kind}: %(title)s · %(date)s", one_line(title), DATE)
    assert width(made) <= WIDTH
    assert made.startswith(f"{kind}: ")
    assert made.endswith(f" · {DATE}")


@given(TEXT)
@settings(max_examples=200, deadline=None)
def test_a_title_is_only_shortened_where_it_does_not_fit(title: str) -> None:
    title = one_line(title)
    made = shortened(title, 60)
    if width(title) <= 60:
        assert made == title
    else:
        assert made.endswith("…")
        assert title.startswith(made[:-1])
        rest = title[len(made) - 1 :]
        assert not unicodedata.category(rest[0]).startswith("M") or len(made) > 16


@pytest.mark.parametrize(
    ("title", "columns", "made"),
    [
        ("Choir", 5, "Choir"),
        ("Choirs", 5, "Choi…"),
        ("Rehearsal of the choir", 15, "Rehearsal of…"),
        ("Rehearsal, and then", 12, "Rehearsal…"),
        ("Wo Donaudampfschifffahrt", 12, "Wo Donaudam…"),  # no gap near the end: the word is cut
        ("日本語のタイトル", 9, "日本語の…"),
        ("日本語のタイトル", 10, "日本語の…"),
        ("e\u0301" * 10, 5, "e\u0301" * 4 + "…"),
        (FAMILY * 5, 7, FAMILY * 3 + "…"),
        (FLAG * 5, 4, FLAG * 3 + "…"),
        ("กำ" * 5, 4, "กำ" * 3 + "…"),
        ("नमस्ते" * 3, 3, "नम…"),
        ("\u1112\u1161\u11ab" * 4, 5, "\u1112\u1161\u11ab" * 2 + "…"),
        ("👍🏽" * 4, 5, "👍🏽" * 2 + "…"),
    ],
)
def test_a_title_is_cut_between_what_a_reader_sees_as_characters(title: str, columns: int, made: str) -> None:
    assert shortened(title, columns) == made


def test_a_character_of_a_thousand_marks_does_not_hide_the_date() -> None:
    made = subject(languages.texts_in("en"), "Invitation: %(title)s · %(date)s", "a" + "\u0301" * 5000, DATE)
    assert len(made) < WIDTH * 16
    assert made.endswith(DATE)
