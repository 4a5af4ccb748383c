"""What calendars answer, read from their lines; and hostile ones, each well under a second."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime

import pytest

from convoke.inbound.answers import Answer, Kind, answers
from convoke.inbound.reasons import Quarantined
from convoke.model import Participation


def reply(*, attendees: str = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net", **changes: str) -> bytes:
    parts = {
        "before": "METHOD:REPLY",
        "uid": "UID:abc.def.1@example.org",
        "sequence": "SEQUENCE:3",
        "dtstamp": "DTSTAMP:20270115T120000Z",
        "more": "",
        "after": "",
    } | changes
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\n{parts['before']}\nBEGIN:VEVENT\n{parts['uid']}\n{parts['sequence']}\n"
        f"{parts['dtstamp']}\n{attendees}\n{parts['more']}\nEND:VEVENT\n{parts['after']}\nEND:VCALENDAR\n"
    )
    return text.replace("\n\n", "\n").replace("\n", "\r\n").encode()


def answer(data: bytes) -> Answer:
    (only,) = answers(data)
    return only


def test_an_answer_is_read() -> None:
    assert answer(reply()) == Answer(
        kind=Kind.REPLY,
        uid="abc.def.1@example.org",
        attendee="bo@example.net",
        participation=Participation.ACCEPTED,
        sequence=3,
        dtstamp=datetime(2027, 1, 15, 12, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "attendee",
    [
        "ATTENDEE;PARTSTAT=DECLINED;CN=Bo:MAILTO:Bo@Example.NET",
        'ATTENDEE;CN="Ek; Bo";PARTSTAT="declined":Mailto:bo@example.net',
        "attendee;partstat=Declined:mailto:bo%40example.net".replace("%40", "@"),
        "ATTENDEE;PARTSTAT=DECL\n INED;CN=B\n\tö:mailto:bo@exam\n ple.net",
    ],
)
def test_clients_spell_the_same_answer_differently(attendee: str) -> None:
    found = answer(reply(attendees=attendee, before="method:Reply\nORGANIZER:MAILTO:x@example.org"))
    assert (found.attendee, found.participation) == ("bo@example.net", Participation.DECLINED)


def test_a_reply_may_leave_the_sequence_out_and_fold_inside_a_character() -> None:
    data = reply(sequence="", more="SUMMARY:Köln").replace("ö".encode(), b"\xc3\r\n \xb6")
    assert answer(data).sequence == 0


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("method", reply(before="METHOD:REQUEST")),
        ("method", reply(before="METHOD:CANCEL")),
        ("method", reply(before="X-NO:METHOD")),
        ("method", reply(before="METHOD:REPLY\nMETHOD:CANCEL")),
        ("attendees", reply(attendees="")),
        (
            "attendees",
            reply(attendees="ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.c\nATTENDEE;PARTSTAT=ACCEPTED:mailto:d@e.f"),
        ),
        ("attendees", reply(attendees="ATTENDEE;PARTSTAT=ACCEPTED:http://example.org")),
        ("attendees", reply(attendees="ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.c,mailto:d@e.f")),
        ("several", reply(after="BEGIN:VEVENT\nUID:x\nATTENDEE;PARTSTAT=ACCEPTED:mailto:a@b.c\nEND:VEVENT")),
        ("uid", reply(uid="")),
        ("uid", reply(uid="UID:a\nUID:b")),
        ("uid", reply(uid="UID:a b")),
        ("date", reply(more="RECURRENCE-ID:now")),
        ("date", reply(more="RECURRENCE-ID:20270312T080000Z\nRECURRENCE-ID:20270319T080000Z")),
        ("date", reply(more="RECURRENCE-ID;RANGE=THISANDFUTURE:20270312T080000Z")),
        ("partstat", reply(attendees="ATTENDEE:mailto:bo@example.net")),
        ("partstat", reply(attendees="ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bo@example.net")),
        ("partstat", reply(attendees="ATTENDEE;PARTSTAT=COMPLETED:mailto:bo@example.net")),
        ("unreadable", reply(dtstamp="")),
        ("unreadable", reply(dtstamp="DTSTAMP:20271399T000000Z")),
        ("unreadable", reply(sequence="SEQUENCE:-1")),
        ("unreadable", reply(sequence="SEQUENCE:" + "9" * 10)),
        ("unreadable", reply(more="no line at all")),
        ("unreadable", reply().replace(b"END:VEVENT", b"END:VTODO")),
        ("unreadable", reply() * 2),
        ("unreadable", b""),
        ("unreadable", b"\xff\xfe"),
        ("unreadable", b"BEGIN:VCALENDAR\r\n" * 4000),
        ("unreadable", reply(more="COMMENT:" + "x" * 70_000)),
    ],
)
def test_whatever_is_not_one_answer_is_refused(reason: str, data: bytes) -> None:
    with pytest.raises(Quarantined) as refused:
        answer(data)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "hostile",
    [
        "RRULE:FREQ=SECONDLY;COUNT=999999999",
        "X-LONG" + ";A=B" * 15_000 + ":x",
        "X-QUOTED;A=" + '"' * 60_000 + ":x",
        "X-QUOTED;A=" + '"",' * 20_000 + ":x",
        "X-LISTED;A=" + "," * 60_000,
        "X-CARETS;A=" + "^" * 60_000 + ":x",
        "SUMMARY:" + "\\" * 60_001,
        "\n ".join(["X-FOLDED:"] + [" "] * 20_000),
        "\n".join(["BEGIN:VALARM\nEND:VALARM"] * 2_500),
        "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nRRULE:FREQ=SECONDLY\nEND:VTIMEZONE",
    ],
)
def test_a_hostile_calendar_costs_no_time(hostile: str) -> None:
    began = time.perf_counter()
    with contextlib.suppress(Quarantined):
        answer(reply(more=hostile))
    assert time.perf_counter() - began < 1
