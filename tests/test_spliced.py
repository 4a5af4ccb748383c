"""Mails put together from a template: byte for byte what the ordinary renderer makes, and refused as there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from convoke.calendar import content_lines, itip
from convoke.decision.calendar_state import Message, OccurrenceState, RenderedMail
from convoke.mail import header_fields, invitation_mail, mime_parts, spliced
from convoke.model import Participation, Person, RenderError, When
from tests.factories import AFTERNOON, MORNING, NOW, expect, message, told
from tests.golden.cases import CANCELLED, CASES, INVITATION, MOVED, OTHER_DATE, SERIES, dtstamp
from tests.test_itip import ANY_MESSAGE, ANYTHING

NAMES = (
    *("", "Bo Ek", "Ek, Bo", 'Zoë "Z" O’Hara, Jr.', "Zoe ^_^", "2^n ^' ^^", "C:\\New", "a\\,b;c", "100% %(to)b %s"),
    *(
        "驚き田中太郎",
        "👩\u200d\U0001f469\u200d\U0001f467 🇩🇪",
        "=?utf-8?q?Ada?=",
        "e\u0301" * 70,
        "x" * 140,
        "驚" * 140,
    ),
    *("a b " * 35, "Bo\r\nBcc: eve@example.net", "\u202eBo\x00", "\ue000", "<eve@example.net>", "Bo."),
    *("x" * length for length in range(1, 30)),  # each place at which ATTENDEE, To and the text are folded
)
ADDRESSES = (
    *("bo@example.net", "Bo.O'Hara+x=1@example.net", "zoe@bücher.example", "a&b@example.net", "50%@example.net"),
    *(f"{'a' * length}@{'b' * 50}.example" for length in (1, 2, 3, 20, 64)),
    *("bo..ek@example.net", "bo@example.net, eve@example.net", "bö@example.net", "", "\ue000@example.net"),
)
PEOPLE = tuple(Person(name=name, email=ADDRESSES[number % 10]) for number, name in enumerate(NAMES)) + tuple(
    Person(name="Bo Ek", email=address) for address in ADDRESSES
)


BO = INVITATION.attendee


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    empty_cache()
    yield
    empty_cache()


def empty_cache() -> None:
    spliced._seen.clear()
    spliced._templates.clear()


def outcome(render: Callable[..., RenderedMail], told: Message, sequence: int, at: datetime) -> RenderedMail | str:
    try:
        return render(told, sequence=sequence, dtstamp=at)
    except RenderError as error:
        return str(error)


def same(told: Message, sequence: int, at: datetime = NOW) -> RenderedMail | str:
    """The mail or the refusal, which is the ordinary one."""
    found = outcome(spliced.rendered, told, sequence, at)
    assert found == outcome(invitation_mail.rendered, told, sequence, at)
    return found


def prepared(told: Message, sequence: int = 0, at: datetime = NOW) -> None:
    """Have a template for what ``told`` says."""
    for _ in range(2):
        same(told, sequence, at)
    (template,) = spliced._templates.values()
    assert template is not None


def told_to(said: Message, number: int, person: Person) -> Message:
    """``said`` to somebody else, registered at another time, under a UID of another length."""
    local, _, domain = said.uid.partition("@")
    return replace(
        said,
        attendee=person,
        uid=f"{local[number % 20 :]}.{number}@{domain}",
        created_at=said.created_at + timedelta(days=number % 5, seconds=number),
        generation=number,
        fingerprint=str(number),
    )


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_mail_is_the_same_for_everybody(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said, sequence = CASES[name]
    prepared(said, sequence, dtstamp(sequence))
    mails = set()
    for number, person in enumerate(PEOPLE):
        found = same(told_to(said, number, person), number * 37 % 1200, NOW + timedelta(minutes=number))
        mails.add(found if isinstance(found, str) else found.mail)
    assert len(mails) > len(PEOPLE) - len(ADDRESSES)
    assert len(spliced._templates) == 1
    # That they came from the template: it alone can still render.
    monkeypatch.setattr(invitation_mail, "rendered", None)
    assert spliced.rendered(said, sequence=sequence, dtstamp=dtstamp(sequence)).mail


SAYS = st.builds(
    lambda said, **changes: replace(said, **changes),
    ANY_MESSAGE | st.sampled_from([said for said, _ in CASES.values()]),
    title=ANYTHING,
    reason=ANYTHING,
    participation=st.sampled_from(Participation),
    receives_replies=st.booleans(),
    reply_to=st.builds(Person, name=ANYTHING, email=st.sampled_from(["ada@example.org", "ada@gmail.com"])),
)


@given(
    SAYS,
    st.lists(st.builds(Person, name=ANYTHING, email=st.sampled_from(ADDRESSES)), min_size=4, max_size=4),
    st.data(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(replace(INVITATION, description="\ue000"), list(PEOPLE[:4]), None)
def test_whatever_is_said_is_the_same_to_whomever(said: Message, people: list[Person], data: Any) -> None:
    spliced._seen.clear()
    spliced._templates.clear()
    for number, person in enumerate(people):
        sequence = data.draw(st.integers(0, 2**31 - 1)) if data else number
        same(told_to(said, number, person), sequence, NOW + timedelta(seconds=number))
    assert len(spliced._seen) <= 1


def test_a_text_that_repeats_what_is_personal_in_it_keeps_it_for_everybody() -> None:
    """The description has the very lines in which the address of the first attendee is."""
    why = "You get this mail because bo@example.net is registered for “Kölner Treffen”, "
    why += "organized by Ada <ada@example.org>"
    repeated = replace(INVITATION, description=f"{why}.\nTo: Bo Ek <bo@example.net>\nbo@example.net\n{INVITATION.uid}")
    for said in (INVITATION, repeated, replace(INVITATION, title="bo@example.net \ue000")):
        for number, person in enumerate(PEOPLE[:4] * 2):
            same(told_to(said, number, person), number)
            same(replace(said, attendee=person), number)


def test_no_time_that_equals_another_but_for_the_second_of_two_hours_is_taken_for_it() -> None:
    night = When(start=datetime(2027, 10, 31, 1), end=datetime(2027, 10, 31, 2, 30), time_zone="Europe/Berlin")
    later = replace(night, end=night.end.replace(fold=1))  # type: ignore[call-arg]
    assert night == later
    series = replace(SERIES, when=night)
    moved = tuple(replace(series, moved=((night.start, when),)) for when in (night, later))
    for said in (message(when=night), message(when=later), message(before=told(when=later).known), *moved) * 4:
        same(said, 1)
    assert len(spliced._templates) == 5


def test_each_field_of_a_message_with_a_time_is_thought_of() -> None:
    """One that is new: see to it that times which differ in ``fold`` alone do not count as the same content."""
    timed = {field.name for field in fields(Message) if "When" in field.type or "LocalTime" in field.type}
    timed |= {field.name for field in fields(Message) if "State" in field.type}
    assert timed - {*spliced._OTHER} == {"date", "when", "without", "moved", "before", "instead"}


def test_dates_that_are_over_are_not_named_any_more() -> None:
    prepared(SERIES)
    for days in (0, 55, 57, 64, 71, 78, 90, 57, 0):
        for number in range(3):
            found = same(told_to(SERIES, number, PEOPLE[number + 1]), number, NOW + timedelta(days=days))
            assert isinstance(found, RenderedMail)
    assert len(spliced._templates) == 1


def test_what_was_known_before_is_part_of_what_is_said() -> None:
    for known in (None, told().known, told(location="Dom").known, told(certain=False).known):
        for participation in Participation:
            for number in range(3):
                same(told_to(replace(MOVED, before=known, participation=participation), number, PEOPLE[number + 1]), 3)
    assert len(spliced._templates) == 4 * len(Participation)


def test_each_language_has_a_template_of_its_own() -> None:
    for number in range(8):
        mails = {
            (language, event_language): same(
                told_to(
                    replace(INVITATION, language=language, event_language=event_language), number, PEOPLE[number + 1]
                ),
                number,
            )
            for language in ("en", "de", "ar", "ar-EG")
            for event_language in ("", "de")
        }
        assert len({found if isinstance(found, str) else found.mail for found in mails.values()}) == len(mails)
    assert len(spliced._templates) == 8


OFF = OccurrenceState(date=MORNING.start, cancelled=True)
LATER = replace(SERIES, when=AFTERNOON, before=told(rule="FREQ=WEEKLY;COUNT=4").known)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MOVED, replace(MOVED, asked=1)),
        (LATER, replace(LATER, when=MORNING, kept=(OFF,))),
        (replace(LATER, when=MORNING), replace(LATER, when=MORNING, kept=(OFF,))),
        (LATER, replace(LATER, state_before=told(dates=(OFF,)))),
        (OTHER_DATE, replace(OTHER_DATE, separate="20270319t090000-1")),
        (CANCELLED, replace(CANCELLED, participation=Participation.DECLINED)),
    ],
)
def test_what_is_said_otherwise_to_some_has_a_template_of_its_own(one: Message, other: Message) -> None:
    for said in (one, other) * 4:
        assert same(said, 2) != same(other if said is one else one, 2)
    assert len(spliced._templates) == 2


@pytest.mark.parametrize(
    ("module", "name", "damage", "refused"),
    [
        (content_lines, "folded", lambda honest: lambda line: honest(line).replace(b"bo@", b"eve@"), True),
        (content_lines, "folded", lambda honest: lambda line: honest(line).replace(b"UID:", b"UID:X"), True),
        (itip, "_utc", lambda honest: lambda at: honest(at) + "0", False),
        (header_fields, "_mailbox", lambda honest: lambda *a, **k: honest(*a, **k).replace(b"bo@", b"eve@"), True),
        (invitation_mail, "ids", lambda honest: lambda *a: (*honest(*a), ("Bcc", "eve\r\n@example.net")), True),
        (mime_parts, "folded", lambda honest: lambda *a: ("x", *honest(*a)), False),
    ],
)
def test_what_is_personal_is_read_back(
    module: Any, name: str, damage: Any, *, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it does not, the ordinary renderer decides."""
    prepared(INVITATION)
    (template,) = spliced._templates.values()
    assert template is not None
    monkeypatch.setattr(module, name, damage(getattr(module, name)))
    with pytest.raises(RenderError):
        template.mail(INVITATION, 0, NOW)
    assert isinstance(same(INVITATION, 0), str) == refused


def test_a_name_that_does_not_read_back_is_left_out_here_too(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(INVITATION)
    honest = header_fields.fields

    def broken(head: bytes) -> tuple[tuple[str, str], ...]:
        if head.startswith(b"To:") and b"=?utf-8?" in head:
            raise ValueError("broken")
        return honest(head)

    monkeypatch.setattr(header_fields, "fields", broken)
    found = expect(RenderedMail, same(replace(INVITATION, attendee=Person(name="Zoë", email="zoe@example.net")), 4))
    assert found.plainer == ("To",)
    assert b"\r\nTo: zoe@example.net\r\n" in found.mail


def test_a_template_that_gives_back_another_mail_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = itip.personal_lines
    monkeypatch.setattr(itip, "personal_lines", lambda *a: honest(replace(a[0], attendee=INVITATION.attendee), *a[1:]))
    for _ in range(3):
        same(INVITATION, 0)
    assert list(spliced._templates.values()) == [None]


def test_so_many_templates_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spliced, "MAX_TEMPLATES", 4)
    said = [replace(INVITATION, title=f"{number}") for number in range(6)]
    for one in said:
        for _ in range(2):
            same(one, 0)
    assert list(spliced._templates) == list(spliced._seen) == [spliced._content(one) for one in said[2:]]


def test_several_threads_render_at_once() -> None:
    said = [
        told_to(replace(INVITATION, title=f"{number % 3}"), number, PEOPLE[number % len(NAMES)])
        for number in range(120)
    ]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda one: spliced.rendered(one, sequence=0, dtstamp=NOW), said))
    assert found == [invitation_mail.rendered(one, sequence=0, dtstamp=NOW) for one in said]
    assert len([template for template in spliced._templates.values() if template is not None]) == 3
