"""Catalogues of translations: complete, with the same placeholders, and used by every mail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Text

from convoke import languages
from convoke.decision.calendar_state import Message
from convoke.decision.decide import next_message
from convoke.mail import invitation_mail, new_notifications, notification_mail, notifications, page, wording
from convoke.mail.notifications import Notification
from convoke.model import Event, Method, Participation, Person, Registration
from local import texts
from tests.factories import AFTERNOON, NOW, SENDER, event, existing, registration
from tests.golden.cases import CASES, INVITATION, dtstamp
from tests.test_notifications import EVERY, PEOPLE

TRANSLATED = texts.translated()
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


@pytest.fixture(scope="module")
def template() -> Catalog:
    return texts.extracted()


def forms(text: Text) -> Iterator[tuple[str, str]]:
    """The English text and its translation; of one with plural forms each form, with the English plural."""
    if isinstance(text.id, str):
        assert isinstance(text.string, str)
        yield text.id, text.string
    else:
        assert isinstance(text.string, tuple | list)
        yield from ((text.id[1], form) for form in text.string)


def translations(language: str) -> list[Text]:
    return [text for text in texts.read(language) if text.id]


def test_there_is_one_catalogue_for_each_language_but_english() -> None:
    assert {path.stem for path in texts.CATALOGUES.iterdir()} == {*languages.LANGUAGES} - {"en"}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_exactly_the_texts_of_code_and_templates(language: str, template: Catalog) -> None:
    """If it does not: make texts."""
    asked = {(text.context, text.id) for text in template if text.id}
    assert {(text.context, text.id) for text in translations(language)} == asked
    written = texts.written(texts.updated(language, template), language)
    assert (texts.CATALOGUES / f"{language}.po").read_bytes() == written


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    plurals = texts.read(language).num_plurals
    missing = [text.id for text in translations(language) if text.fuzzy or not all(form for _, form in forms(text))]
    assert missing == []
    assert {len(list(forms(text))) for text in translations(language) if text.pluralizable} <= {plurals}


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_same_placeholders(language: str) -> None:
    for text in translations(language):
        for english, translated in forms(text):
            wanted, found = set(_PLACEHOLDER.findall(english)), set(_PLACEHOLDER.findall(translated))
            # Some languages have a word of their own for one, or for two, of a thing.
            assert found | ({"num"} if text.pluralizable else set()) == wanted, translated
            for each in (english, translated):
                assert "%" not in _PLACEHOLDER.sub("", each), "only named placeholders, and no other percent signs"


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_is_text_without_markup_and_without_stray_spaces(language: str) -> None:
    for text in translations(language):
        for english, translated in forms(text):
            assert not re.search(r"[<>&\x00-\x1f\u202a-\u202e\u2066-\u2069]", english + translated), translated
            assert translated == translated.strip()
            assert "  " not in translated
            assert english.endswith((":", "：")) == translated.endswith((":", "：")), translated


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_no_copy_of_the_english_texts(language: str) -> None:
    worded = [pair for text in translations(language) for pair in forms(text) if re.search("[a-z]{3}", pair[0])]
    same = [english for english, translated in worded if english == translated]
    assert len(same) < len(worded) / 20, same


@pytest.mark.parametrize("language", ["pl", "ar"])
def test_counts_have_the_form_of_their_language(language: str) -> None:
    known = languages.texts_in(language)
    singular, plural = "(%(num)s earlier date is over)", "(%(num)s earlier dates are over)"
    found = {count: known.ngettext(singular, plural, count, num=count) for count in range(200)}
    expected = {
        "pl": {
            1: "(minęła 1 wcześniejsza data)",
            3: "(minęły 3 wcześniejsze daty)",
            12: "(minęło 12 wcześniejszych dat)",
        },
        "ar": {2: "(انقضى موعدان سابقان)", 3: "(انقضت 3 مواعيد سابقة)", 11: "(انقضى 11 موعدًا سابقًا)"},
    }[language]
    assert {count: found[count] for count in expected} == expected
    assert len(set(found.values())) >= 190


def test_an_unknown_text_is_left_in_english() -> None:
    assert languages.texts_in("de").gettext("Not in any catalogue") == "Not in any catalogue"
    assert languages.texts_in("de").ngettext("one", "several", 1) == "one"
    assert languages.texts_in("de").ngettext("one", "several", 0) == "several"


# --- mails --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", [*languages.LANGUAGES, "en-US", "pt-PT"])
def test_every_mail_is_written_in_every_language(language: str) -> None:
    for said, sequence in CASES.values():
        told = replace(said, language=language)
        worded = wording.words(told, dtstamp(sequence))
        for text in (wording.text(worded), page.html(worded), worded.subject):
            assert not re.search(r"%\(\w+\)|%s", text)
        if language in TRANSLATED:
            assert not re.search(r"\b(You get this mail|has been|your calendar|Organizer)\b", wording.text(worded))
        mail = invitation_mail.rendered(told, sequence=sequence, dtstamp=dtstamp(sequence))
        assert not mail.plainer


@pytest.mark.parametrize("language", languages.LANGUAGES)
@pytest.mark.parametrize("kind", EVERY)
def test_every_notification_is_written_in_every_language(kind: str, language: str) -> None:
    note: Notification = replace(EVERY[kind], language=language)  # type: ignore[index]
    text = notification_mail.text(note, PEOPLE)
    assert not re.search(r"%\(\w+\)|%s", text + notification_mail.subject(note))
    assert not notification_mail.rendered(note, SENDER, PEOPLE).plainer
    if language in TRANSLATED:
        assert not re.search(r"\b(this mail|you get|the mail)\b", text)


def test_a_mail_from_right_to_left_says_so_and_keeps_what_is_written_the_other_way_apart() -> None:
    told = replace(INVITATION, language="ar", title="Treffen!")
    worded = wording.words(told, NOW)
    html = page.html(worded)
    assert '<html lang="ar" dir="rtl">' in html
    assert 'lang="ar" dir="rtl">\n<h1' in html
    assert "text-align:right" in html
    assert "text-align:left" not in html
    assert worded.headline == "أنت مدعو إلى «\u2068Treffen!\u2069»."
    assert worded.subject.startswith("دعوة: \u2068Treffen!\u2069 · ")
    assert "\u2068bo@example.net\u2069" in worded.why
    assert 'lang="de-CH" dir="ltr"' in page.html(wording.words(replace(INVITATION, language="de-CH"), NOW))


def test_a_title_of_the_other_direction_does_not_swap_what_stands_around_it() -> None:
    title = "לקראת האביב 2027"
    worded = wording.words(replace(INVITATION, title=title), NOW)
    assert worded.subject == f"Invitation: \u2068{title}\u2069 · Fri 12 Mar 2027, 09:00"
    assert worded.headline == f"You are invited to “\u2068{title}\u2069”."
    hostile = wording.words(replace(INVITATION, title=f"\u202e{title}\u2069\u2066"), NOW)
    assert hostile.subject == worded.subject


# --- whose language -----------------------------------------------------------------------------------------------


def first(what: Event, who: Registration) -> Message:
    return existing(next_message(what, who, None, SENDER, NOW))


@pytest.mark.parametrize(
    ("person", "of_event", "mail"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("fr", "de", "fr"),
        ("sv", "de", "de"),
        ("sv", "fi", "en"),
        ("pt-BR", "", "pt-BR"),
    ],
)
def test_a_mail_is_in_the_attendees_language_else_in_the_events_else_in_english(
    person: str, of_event: str, mail: str
) -> None:
    said = first(event(language=of_event), registration(language=person))
    assert (said.language, said.event_language) == (mail, of_event)
    for note in (
        new_notifications.no_seat(event(language=of_event), registration(language=person), sequence=1, now=NOW),
        new_notifications.decline_counter(
            event(language=of_event),
            registration(language=person),
            counter=EVERY[notifications.NotificationKind.DECLINE_COUNTER].counter,  # type: ignore[arg-type]
            proposal_id="p",
            now=NOW,
        ),
    ):
        assert note.language == mail


def test_the_organizer_is_written_to_in_the_events_language() -> None:
    what, who = event(language="pl"), registration(language="ja")
    notes = (
        new_notifications.forward(
            what, author=Person(name="Bo", email="bo@example.net"), subject="Hej", text="Hej", source="m", now=NOW
        ),
        new_notifications.remark(what, who, answered=Participation.ACCEPTED, text="Hej", source="m", now=NOW),
        new_notifications.summary(what, (), now=NOW),
    )
    assert {note.language for note in notes} == {"pl"}


def test_a_change_of_language_alone_is_not_told_but_is_part_of_the_next_message() -> None:
    what, who = event(), registration()
    told = first(what, who).calendar_state(sequence=0, dtstamp=NOW)
    spoken, of_event = replace(who, language="nl"), replace(what, language="it")
    assert next_message(what, spoken, told, SENDER, NOW) is None
    assert next_message(of_event, who, told, SENDER, NOW) is None
    later = NOW + timedelta(hours=1)
    moved = existing(next_message(replace(of_event, when=AFTERNOON), spoken, told, SENDER, later))
    assert (moved.language, moved.event_language) == ("nl", "it")
    gone = existing(next_message(replace(what, status=CANCELLED.status), spoken, told, SENDER, later))
    assert (gone.method, gone.language) == (Method.CANCEL, "nl")


CANCELLED = CASES["cancelled"][0]
