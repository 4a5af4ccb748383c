"""What calendars answer, read from their lines; and hostile ones, each well under a second."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from convoke.inbound.itip_reply import Answer, IncomingMethod, answers
from convoke.inbound.reasons import Quarantined
from convoke.model import LocalTime, Participation


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
        kind=IncomingMethod.REPLY,
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


def test_several_dates_in_one_reply_are_as_many_answers() -> None:
    dates = ["RECURRENCE-ID:20270312T080000Z", "RECURRENCE-ID;TZID=Europe/Berlin:20270319T090000", "X-NO:DATE"]
    found = answers(b"".join(reply(more=date) for date in dates))
    assert [each.date for each in found] == [
        datetime(2027, 3, 12, 8, tzinfo=UTC),
        datetime(2027, 3, 19, 9, tzinfo=ZoneInfo("Europe/Berlin")),
        None,
    ]
    assert {each.uid for each in found} == {"abc.def.1@example.org"}


def test_what_is_missing_is_taken_from_the_mail() -> None:
    sent_at = datetime(2027, 1, 15, 12, 30, tzinfo=UTC)
    (found,) = answers(reply(before="X-NO:METHOD", dtstamp=""), method="reply", sent_at=sent_at)
    assert (found.kind, found.dtstamp) == (IncomingMethod.REPLY, sent_at)
    (found,) = answers(reply(), method="COUNTER", sent_at=sent_at)
    assert (found.kind, found.dtstamp) == (IncomingMethod.REPLY, datetime(2027, 1, 15, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("comment", "more", "param"),
    [
        ("Late,\nsorry", "COMMENT:Late\\,\\nsorry", ""),
        ("a: b mailto:c " + "d" * 986, "COMMENT:a: b mailto:c " + "d" * 10_000, ""),
        ("Late, sorry", "", ';X-RESPONSE-COMMENT="Late, sorry"'),
        ("Late", "COMMENT:Late", ";X-RESPONSE-COMMENT=Late"),
        ("See https://a.example/r/… yes", f"COMMENT:See https://a.example/r/{'t' * 74} yes", ""),
        ('I "may" be late; sorry', "", ';X-RESPONSE-COMMENT="I "may" be late; sorry"'),
        ('I "may" be late', "", ';X-RESPONSE-COMMENT="I "may" be late";CN=Bo'),
        ('I "may"\nbe late', "", ";X-RESPONSE-COMMENT=\"I ^'may^'^nbe late\""),
        ("one thing note: parking?", "", ';X-RESPONSE-COMMENT="one thing\nnote: parking?"'),
        ('außer "Haus" & so', "", ';X-RESPONSE-COMMENT="au&szlig\\;er &quot\\;Haus&quot\\; & so"'),
        ("Haus & Hof", "COMMENT:Haus & Hof", ';X-RESPONSE-COMMENT="Haus &amp\\; Hof"'),
        ("a\nb\nc", "COMMENT:a\nCOMMENT:b", ";X-RESPONSE-COMMENT=c"),
        ("", "COMMENT:\nCOMMENT: ", ';X-RESPONSE-COMMENT=""'),
    ],
)
def test_what_the_person_wrote_is_kept_wherever_it_stands(comment: str, more: str, param: str) -> None:
    attendee = f"ATTENDEE;PARTSTAT=ACCEPTED{param}:mailto:bo@example.net"
    assert answer(reply(attendees=attendee, more=more)).comment == comment


def test_who_wrote_in_the_attendee_s_place_is_named() -> None:
    attendee = 'ATTENDEE;PARTSTAT=ACCEPTED;SENT-BY="MAILTO:Cleo@Example.net":mailto:bo@example.net'
    assert answer(reply(attendees=attendee)).sent_by == "cleo@example.net"
    assert answer(reply(attendees=attendee.replace("MAILTO:Cleo@Example.net", "nobody"))).sent_by is None


BO, CLEO = (f"ATTENDEE;PARTSTAT={{}}:mailto:{name}@example.net".format for name in ("bo", "cleo"))


@pytest.mark.parametrize(
    ("sender", "lines", "said"),
    [
        ("bo@example.net", (BO("ACCEPTED"), CLEO("DECLINED")), "accepted"),
        ("cleo@example.net", (BO("ACCEPTED"), CLEO("DECLINED")), "declined"),
        ("bo@example.net", (BO("NEEDS-ACTION"), BO("TENTATIVE")), "tentative"),
        ("bo+work@example.net", (BO("DECLINED"), CLEO("ACCEPTED")), "declined"),
        ("dora@example.net", (BO("ACCEPTED"), CLEO("DECLINED")), None),
        ("bo@example.net", (BO("NEEDS-ACTION"), CLEO("DECLINED")), None),
        ("bo@example.net", (BO("ACCEPTED"), BO("DECLINED")), None),
        (None, (BO("ACCEPTED"), BO("ACCEPTED")), None),
    ],
)
def test_where_several_are_named_the_sender_answers(
    sender: str | None, lines: tuple[str, ...], said: str | None
) -> None:
    for kind in ("REPLY", "COUNTER"):
        data = reply(
            before=f"METHOD:{kind}", attendees="\n".join(lines), more="DTSTART:20270312T080000Z\nDURATION:PT1H"
        )
        if said is None and kind == "REPLY":
            with pytest.raises(Quarantined, match="attendees"):
                answers(data, sender=sender)
            continue
        (found,) = answers(data, sender=sender)
        assert found.participation == said
        assert found.attendee == (None if said is None else str(sender).replace("+work", ""))


def test_of_two_lines_that_say_one_thing_the_one_with_a_remark_is_taken() -> None:
    line = BO("DECLINED").replace(":mailto", ';X-RESPONSE-COMMENT="Sorry":mailto')
    for lines in ((line, BO("DECLINED")), (BO("DECLINED"), line)):
        (found,) = answers(reply(attendees="\n".join(lines)), sender="bo@example.net")
        assert found.comment == "Sorry"


@pytest.mark.parametrize(
    ("line", "sequence"),
    [
        ("SEQUENCE:7", 7),
        ("SEQUENCE:-1", 0),
        ("SEQUENCE:", 0),
        ("SEQUENCE:1.0", 0),
        ("SEQUENCE:4\nSEQUENCE:5", 0),
        ("SEQUENCE:2302221158", 999_999_999),
        ("SEQUENCE:" + "9" * 5000, 0),
    ],
)
def test_a_sequence_that_is_no_number_is_0_and_one_that_is_too_high_is_the_highest(line: str, sequence: int) -> None:
    assert answer(reply(sequence=line)).sequence == sequence


def test_a_counter_may_repeat_everybody_and_does_not_say_then_who_writes_it() -> None:
    guests = "\n".join(f"ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:{name}@example.net" for name in ("ada", "bo", "cleo"))
    when = "DTSTART:20270312T080000Z\nDTEND:20270312T090000Z"
    found = answer(reply(before="METHOD:COUNTER", attendees=guests, more=when))
    assert (found.attendee, found.participation) == (None, None)
    assert answer(reply(before="METHOD:COUNTER", attendees="", more=when)).attendee is None


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("DTSTART:20270312T080000Z", datetime(2027, 3, 12, 8, tzinfo=UTC)),
        ("DTSTART:20270312T080000", datetime(2027, 3, 12, 8)),
        ("DTSTART;VALUE=DATE:20270312", date(2027, 3, 12)),
        ("DTSTART:20270312T080000\nDTSTART:20270312T090000", None),
        ("DTSTART;TZID=Nowhere:20270312T080000", None),
        ("DTSTART:tomorrow", None),
        ("X-NO:DTSTART", None),
    ],
)
def test_when_they_take_it_to_be_is_read_where_it_can_be(line: str, start: LocalTime | None) -> None:
    assert answer(reply(more=line)).start == start


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
        ("method", reply(before="X-NO:METHOD", more="METHOD:CANCEL")),
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
        ("range", reply(more="RECURRENCE-ID;RANGE=THISANDFUTURE:20270312T080000Z")),
        ("partstat", reply(attendees="ATTENDEE:mailto:bo@example.net")),
        ("partstat", reply(attendees='ATTENDEE;PARTSTAT=ACCEPTED;CN="\\"";PARTSTAT=DECLINED":mailto:bo@example.net')),
        ("partstat", reply(attendees="ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bo@example.net")),
        ("partstat", reply(attendees="ATTENDEE;PARTSTAT=COMPLETED:mailto:bo@example.net")),
        ("unreadable", reply(dtstamp="")),
        ("unreadable", reply(dtstamp="DTSTAMP:20271399T000000Z")),
        ("unreadable", reply().replace(b"VEVENT", b"VTODO")),
        ("unreadable", b""),
        ("unreadable", b"\xff\xfe"),
        ("method", b"BEGIN:VCALENDAR\r\n" * 4000),
        ("size", reply(more="COMMENT:" + "x" * 262_144)),
        ("several", reply() + reply(attendees="ATTENDEE;PARTSTAT=DECLINED:mailto:bo@example.net")),
        ("several", reply() + reply(uid="UID:b")),
        ("several", reply() + reply(attendees="ATTENDEE;PARTSTAT=ACCEPTED:mailto:eve@example.net")),
        ("several", reply() * 101),
        ("date", reply(more="RECURRENCE-ID;TZID=Nowhere:20270312T090000")),
        ("date", reply(more="RECURRENCE-ID;TZID=:20270312T090000")),
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
        "COMMENT:c\n" * 20_000,
        "DTSTART;TZID=Nowhere:20270312T090000\n" * 6_000,
        'ATTENDEE;CN="\\":x\n' * 8_000,
    ],
)
def test_a_hostile_calendar_costs_no_time(hostile: str) -> None:
    began = time.process_time()
    with contextlib.suppress(Quarantined):
        answer(reply(more=hostile))
    assert time.process_time() - began < 1
