"""The texts of mails and pages in each language: which language is meant, and its dates and times."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from babel import Locale
from babel.messages.catalog import Catalog

from convoke import languages
from convoke.languages.catalogue import catalogue
from convoke.languages.dates import FromCldr, PlainEnglish
from convoke.model import When
from local import texts

ROOT = Path(__file__).parent.parent
MORNING = When(start=datetime(2027, 3, 12, 9), end=datetime(2027, 3, 12, 10, 30), time_zone="Europe/Berlin")
DAYS = When(start=date(2027, 4, 2), end=date(2027, 4, 5))
MARKS = dict.fromkeys(map(ord, "\u2068\u2069"))


@pytest.mark.parametrize(
    ("tag", "meant"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("de-CH", "de-CH"),
        ("de_ch", "de-CH"),
        ("de-Latn-AT-1996", "de-AT"),
        ("es-419", "es-419"),
        ("ja-x-JP", "ja"),
        ("en-u-ca-GB", "en"),
        ("sv", ""),
        ("deu", ""),
        ("", ""),
        ("-de", ""),
        ("../de", ""),
        ("de/../../x", ""),
        ("de" * 1000, ""),
        ("de-" + "a" * 60, ""),
    ],
)
def test_a_tag_means_one_of_the_languages_or_none(tag: str, meant: str) -> None:
    assert languages.matched(tag) == meant


def test_the_first_known_language_is_taken_and_else_english() -> None:
    assert languages.texts_in("sv", "", "pt-BR", "de").tag == "pt-BR"
    assert languages.texts_in("pt-BR").language == "pt"
    assert languages.texts_in("sv", "tlh").tag == "en"
    assert languages.texts_in().tag == "en"
    assert languages.texts_in("fr-CA") is languages.texts_in("fr_ca")


@pytest.mark.parametrize(
    ("header", "preferred"),
    [
        ("de-CH, fr;q=0.9, en;q=0.8, *;q=0.5", "de-CH"),
        ("sv, fr;q=0.4, pl;q=0.7", "pl"),
        ("fr;q=0.5,it;q=0.5", "fr"),
        ("de;q=0, nl;q=0.1", "nl"),
        ("DE;Q=0.9", "de"),
        (" de ; q = 0.9 ,,;", "de"),
        ("de;q=2, nl;q=x, pl;level=1, it;q=0.001", "it"),
        ("sv, *", ""),
        ("", ""),
        ("*", ""),
        ("de;q=-1", ""),
        (";;;,,,===", ""),
        ("x" * 100_000, ""),
        ("," * 100 + "de", ""),
        ("sv," * 400 + "de", ""),
    ],
)
def test_accept_language_is_read_leniently_and_not_to_its_end(header: str, preferred: str) -> None:
    assert languages.accepted(header) == preferred


def test_only_arabic_is_written_from_right_to_left() -> None:
    found = {tag: languages.texts_in(tag).direction for tag in languages.LANGUAGES}
    expected = {tag: "rtl" if Locale.parse(tag).text_direction == "rtl" else "ltr" for tag in languages.LANGUAGES}
    assert found == expected


def test_languages_are_named_as_they_name_themselves() -> None:
    for tag, name in languages.LANGUAGES.items():
        assert name.casefold() == (Locale.parse(tag).get_display_name(tag) or "").casefold()


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", "Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)"),
        ("en-US", "Friday, March 12, 2027, 9:00\u00a0AM to 10:30\u00a0AM (Europe/Berlin, UTC+01:00)"),
        ("de", "Freitag, 12. März 2027, 09:00 bis 10:30 Uhr (Europe/Berlin, UTC+01:00)"),
        ("fr", "vendredi 12 mars 2027, de 09:00 à 10:30 (Europe/Berlin, UTC+01:00)"),
        ("ja", "2027年3月12日金曜日 9:00～10:30（Europe/Berlin, UTC+01:00）"),
        ("ar", "الجمعة، 12 مارس 2027، من 9:00 ص إلى 10:30 ص (\u2068Europe/Berlin, UTC+01:00\u2069)"),
        ("de-XX", "Freitag, 12. März 2027, 09:00 bis 10:30 Uhr (Europe/Berlin, UTC+01:00)"),
    ],
)
def test_a_time_is_written_as_its_language_does(tag: str, text: str) -> None:
    assert languages.texts_in(tag).when(MORNING) == text


@pytest.mark.parametrize(
    ("tag", "short", "whole"),
    [
        ("en", "Fri 2 to Mon 5 Apr 2027", "Friday 2 April 2027 to Monday 5 April 2027, all day"),
        ("de", "Fr., 2. – Mo., 5. Apr. 2027", "Freitag, 2. April 2027 bis Montag, 5. April 2027, ganztägig"),
        ("ja", "2027年4月2日(金)～5日(月)", "2027年4月2日金曜日～2027年4月5日月曜日（終日）"),
    ],
)
def test_whole_days_are_written_as_their_language_does(tag: str, short: str, whole: str) -> None:
    assert languages.texts_in(tag).when_short(DAYS) == short
    assert languages.texts_in(tag).when(DAYS) == whole


def test_each_language_names_the_day_of_a_time_that_ends_on_another_day_or_at_another_offset() -> None:
    night = When(start=datetime(2027, 3, 27, 22), end=datetime(2027, 3, 28, 4), time_zone="Europe/Berlin")
    for tag in languages.LANGUAGES:
        text = languages.texts_in(tag).when(night).translate(MARKS)
        for part in ("27", "28", "Europe/Berlin, UTC+01:00", "UTC+02:00"):
            assert part in text, tag
        assert "%" not in text


def test_plain_english_uses_the_names_of_the_cldr_and_only_leaves_out_its_commas() -> None:
    cldr, plain = FromCldr("en-150"), PlainEnglish()
    first = date(2027, 1, 1)
    for day in (first + timedelta(days=number) for number in range(366)):
        assert plain.day(day) == cldr.day(day).replace(",", "")
        # The CLDR abbreviates September to four letters, and everything else to three.
        assert plain.short_day(day) == cldr.short_day(day).replace(",", "").replace("Sept", "Sep")
    for hour in range(24):
        assert plain.clock(datetime(2027, 1, 1, hour, 5)) == cldr.clock(datetime(2027, 1, 1, hour, 5))
    assert plain.short_days(date(2027, 12, 30), date(2028, 1, 2)) == "Thu 30 Dec 2027 to Sun 2 Jan 2028"
    assert plain.short_days(date(2027, 4, 30), date(2027, 5, 2)) == "Fri 30 Apr to Sun 2 May 2027"


def test_no_text_has_the_narrow_spaces_that_fonts_of_mail_programs_lack() -> None:
    for tag in (*languages.LANGUAGES, "en-US", "en-AU", "fr-CA", "es-MX", "ar-EG"):
        known = languages.texts_in(tag)
        for written in (known.when(MORNING), known.when_short(MORNING), known.when(DAYS), known.when_short(DAYS)):
            assert not {"\u202f", "\u2009"} & set(written), tag


def test_words_of_the_other_direction_are_isolated() -> None:
    english, arabic = languages.texts_in("en"), languages.texts_in("ar")
    assert english.isolated("Kölner Treffen") == "Kölner Treffen"
    assert english.isolated("لقاء") == "\u2068لقاء\u2069"
    assert arabic.isolated("لقاء 2027") == "لقاء 2027"
    assert arabic.isolated("Treffen!") == "\u2068Treffen!\u2069"
    assert english.isolated("") == arabic.isolated("") == ""
    assert english.address("bo@example.net") == "bo@example.net"
    assert arabic.address("12@1.2") == "\u206812@1.2\u2069"


def test_values_are_not_read_as_placeholders() -> None:
    assert (
        languages.texts_in("de").gettext("%(day)s, all day", day="%(zone)s %d 100 %") == "%(zone)s %d 100 %, ganztägig"
    )


def test_plain_english_needs_no_babel_and_other_languages_read_only_their_own_catalogue() -> None:
    code = """
import sys
from datetime import datetime
from convoke import languages
from convoke.model import When
when = When(start=datetime(2027, 3, 12, 9), end=datetime(2027, 3, 12, 10), time_zone="Europe/Berlin")
assert languages.texts_in("sv", "en").when(when).startswith("Friday"), languages.accepted("en, de;q=0.5") == "en"
assert not {name for name in sys.modules if name.partition(".")[0] in ("babel", "gettext")}
from convoke.languages.catalogue import catalogue
assert languages.texts_in("de").when(when).startswith("Freitag")
assert catalogue.cache_info().currsize == 1
"""
    environment = {"PYTHONPATH": str(ROOT / "layers/core"), "PYTHONTZPATH": ""}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("language", [tag for tag in languages.LANGUAGES if tag != "en"])
def test_catalogues_are_read_as_babel_reads_them(language: str) -> None:
    read, known = catalogue(language), texts.read(language)
    found = {
        (text.context or "", text.id): text.string
        for text in known
        if isinstance(text.id, str) and text.id and text.string
    }
    assert dict(read.texts) == found
    plurals = {(text.context or "", text.id[0]): text.string for text in known if not isinstance(text.id, str)}
    assert dict(read.plurals) == plurals
    assert {len(forms) for forms in read.plurals.values()} == {known.num_plurals}
    assert {read.form(count) for count in [*range(1000), 10**6, 10**7]} <= set(range(known.num_plurals))


def test_what_is_escaped_in_a_catalogue_is_read_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'One "line" \\ of\ttwo\n\nThe other %(one)s ' + "and much more, " * 12
    known = Catalog(locale="de", fuzzy=False)
    known.add(text, f"Ein {text}")
    known.add(text, f"Kein {text}", context='a "context"')
    known.add((f"1 {text}", f"2 {text}"), (f"Eine {text}", f"Zwei {text}"))
    known.add("later", "")
    (tmp_path / "de.po").write_bytes(texts.written(known, "de"))
    monkeypatch.setattr("convoke.languages.catalogue._CATALOGUES", tmp_path)
    read = catalogue.__wrapped__("de")
    assert read.texts == {("", text): f"Ein {text}", ('a "context"', text): f"Kein {text}"}
    assert read.plurals == {("", f"1 {text}"): (f"Eine {text}", f"Zwei {text}")}
    assert [read.form(count) for count in (0, 1, 2)] == [1, 0, 1]
