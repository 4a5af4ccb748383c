"""What a calendar claims that is not Bo's to say, or no answer to what he was asked.

But for a few of Mallory's, all come from Bo himself, with SES's blessing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from convoke.model import Participation, RegistrationStatus, Reply
from tests.corpus import asked
from tests.corpus.case import Case, hostile
from tests.corpus.replies import MALLORY, SAID, calendar, mail, packed, part

SAID_AT = datetime(2027, 1, 15, 12, 15, tzinfo=UTC)
"""When Bo wrote his answer."""
SECOND = timedelta(seconds=1)

NO_SEQUENCE = {
    "below nought": "SEQUENCE:-1",
    "with a point": "SEQUENCE:1.0",
    "with an exponent": "SEQUENCE:1e9",
    "in other digits": "SEQUENCE:\u0661",
    "empty": "SEQUENCE:",
    "twice": "SEQUENCE:1\nSEQUENCE:0",
    "of 5,000 digits": "SEQUENCE:" + "1" * 5_000,
}


def claims() -> Iterator[Case]:
    yield from uids()
    yield from attendees()
    yield from methods()
    yield from partstats()
    yield from replayed()
    yield from revisions()


def uids() -> Iterator[Case]:
    """An invitation that was not Bo's, or is not now."""
    event, person = asked.MEETING.split("@")[0].split(".")[:2]
    domain = asked.MEETING.partition("@")[2]
    for name, uid, reasons in (
        ("Cléo's", asked.CLEO_S, ("stranger",)),
        ("of another event", asked.ELSEWHERE, ("stranger",)),
        ("of no event", asked.UNKNOWN, ("uid",)),
        ("of another generation", asked.NEXT, ("outdated",)),
        ("of generation nought", f"{event}.{person}.0@{domain}", ("outdated",)),
        ("in another domain", f"{event}.{person}.1@example.org", ("outdated",)),
        ("in no domain", f"{event}.{person}.1", ("uid",)),
        ("with more before it", f"1.{asked.MEETING}", ("uid",)),
        ("with more behind it", f"{asked.MEETING}.example.org", ("outdated",)),
        ("in capitals", asked.MEETING.upper(), ("uid",)),
        ("of two events", f"{asked.UNKNOWN.split('.')[0]}.{person}.1@{domain}", ("uid",)),
        ("of a large generation", f"{event}.{person}.999999999@{domain}", ("outdated",)),
        ("of too large a generation", f"{event}.{person}.{'9' * 30}@{domain}", ("uid",)),
        ("with a minus", f"{event}.{person}.-1@{domain}", ("uid",)),
        ("with other digits", f"{event}.{person}.\u0661@{domain}", ("uid",)),
        ("with a space in it", asked.MEETING.replace("@", " @"), ("uid",)),
        ("with an escaped line break", asked.MEETING + "\\nUID:x", ("uid",)),
        ("with a key of the store", f"EVENT#{event}", ("uid",)),
        ("of 200 characters", "a" * 200, ("uid",)),
        ("of 20,000 characters", "a" * 20_000, ("uid",)),
        ("of Google's", "7kq9h1p2r7o5t3s1@google.com", ("uid",)),
        ("of Outlook's", "040000008200E00074C5B7101A82E00800000000B0D1A048E451D501", ("uid",)),
        ("empty", "", ("uid",)),
    ):
        yield hostile(f"UID {name}", mail(calendar(uid=f"UID:{uid}")), *reasons)
    yield hostile("UID left out", mail(calendar(uid="")), "uid")
    yield hostile("UID twice", mail(calendar(uid=f"UID:{asked.MEETING}\nUID:{asked.CLEO_S}")), "uid")
    yield hostile(
        "UID in an alarm only", mail(calendar(uid="", more=f"BEGIN:VALARM\nUID:{asked.MEETING}\nEND:VALARM")), "uid"
    )
    for status in (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED):
        yield hostile(f"UID of a registration that is {status}", mail(), "status", look=asked.having(status=status))


def attendees() -> Iterator[Case]:
    """The calendar answers for somebody else, or for more than one."""
    hers = f"ATTENDEE;PARTSTAT=DECLINED:mailto:{MALLORY}"
    for name, attendee, reason in (
        ("another", hers, "attendee"),
        ("another registrant", "ATTENDEE;PARTSTAT=DECLINED:mailto:cleo@example.com", "attendee"),
        ("another of the same house", "ATTENDEE;PARTSTAT=DECLINED:mailto:cleo@example.net", "attendee"),
        ("two others", f"{hers}\n{hers.replace('mallory', 'cleo')}", "attendees"),
        ("another twice", f"{hers}\n{hers}", "attendees"),
        ("hers, and he says nothing", f"{hers}\n{SAID.replace('ACCEPTED', 'NEEDS-ACTION')}", "attendees"),
        ("hers, and he says no word", f"{hers}\nATTENDEE:mailto:bo@example.net", "attendees"),
        (
            "hers, and he is a name",
            f'{hers}\nATTENDEE;PARTSTAT=ACCEPTED;CN="bo@example.net":invalid:nomail',
            "attendees",
        ),
        ("twice, once yes and once no", f"{SAID}\n{SAID.replace('ACCEPTED', 'DECLINED')}", "attendees"),
        ("twice, once yes and once done", f"{SAID}\n{SAID.replace('ACCEPTED', 'COMPLETED')}", "attendees"),
        (
            "twice, once in his name",
            f"{SAID}\n{SAID.replace('CN=', 'SENT-BY=mailto:cleo@example.net;CN=')}",
            "attendees",
        ),
        ("twice, no with a tag", f"{SAID}\nATTENDEE;PARTSTAT=DECLINED:mailto:bo+x@example.net", "attendees"),
        ("twice, handed on once", f"{SAID}\n{SAID.replace('ACCEPTED', 'DELEGATED')}", "attendees"),
        ("all three, two of them his", f"{hers}\n{SAID}\n{SAID.replace('ACCEPTED', 'TENTATIVE')}", "attendees"),
        (
            "a delegate beside him",
            f'{SAID}\nATTENDEE;PARTSTAT=NEEDS-ACTION;DELEGATED-FROM="mailto:bo@example.net":mailto:c@d.example',
            "attendees",
        ),
        ("two hundred others", "\n".join([hers] * 200), "attendees"),
        ("none", "", "attendees"),
        ("none but in an alarm", f"BEGIN:VALARM\n{SAID}\nEND:VALARM", "attendees"),
        ("a web address", "ATTENDEE;PARTSTAT=ACCEPTED:https://example.net/bo", "attendees"),
        ("a number", "ATTENDEE;PARTSTAT=ACCEPTED:urn:uuid:272c501f-366c-517d-8af3-44c37777ef83", "attendees"),
        ("nothing", "ATTENDEE;PARTSTAT=ACCEPTED:", "attendees"),
        ("two in one", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net,mailto:{MALLORY}", "attendees"),
        ("with a query", f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net?cc={MALLORY}", "attendees"),
        (
            "with an escaped line break",
            f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net%0D%0AATTENDEE:{MALLORY}",
            "attendees",
        ),
        ("with an escaped null", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net%00", "attendees"),
        ("escaped twice", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo%2540example.net", "attendees"),
        ("a look-alike in Cyrillic", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bо@example.net", "attendees"),
        ("full-width letters", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ｂo@example.net", "attendees"),
        ("very long", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + "b" * 5_000 + "@example.net", "attendees"),
        ("his address as the name", f'ATTENDEE;PARTSTAT=ACCEPTED;CN="bo@example.net":mailto:{MALLORY}', "attendee"),
        ("his address as EMAIL", f"ATTENDEE;PARTSTAT=ACCEPTED;EMAIL=bo@example.net:mailto:{MALLORY}", "attendee"),
        (
            "hers, sent by his",
            f'ATTENDEE;PARTSTAT=ACCEPTED;SENT-BY="mailto:bo@example.net":mailto:{MALLORY}',
            "attendee",
        ),
        (
            "a line in the name",
            f'ATTENDEE;PARTSTAT=ACCEPTED;CN="Bo^n{SAID.replace(":", "^")}":mailto:{MALLORY}',
            "attendee",
        ),
        (
            "a colon in the name, unquoted",
            f"ATTENDEE;PARTSTAT=ACCEPTED;CN=x:mailto:bo@example.net:mailto:{MALLORY}",
            "attendee",
        ),
        ("a real line break in the name", f'ATTENDEE;CN="Bo\n{hers}', "attendees"),
    ):
        yield hostile(f"ATTENDEE: {name}", mail(calendar(attendee=attendee)), reason)
    # What Mallory says of herself in a mail of her own is no answer of Bo's either.
    yield hostile(
        "ATTENDEE and From: hers, the UID his", mail(calendar(attendee=hers), sender=f"From: {MALLORY}"), "stranger"
    )
    yield hostile(
        "ATTENDEE hers, From Cléo's, the UID Cléo's",
        mail(calendar(attendee=hers, uid=f"UID:{asked.CLEO_S}"), sender="From: cleo@example.com"),
        "attendee",
    )
    yield hostile(
        "ATTENDEE his, From Cléo's, the UID Cléo's",
        mail(calendar(uid=f"UID:{asked.CLEO_S}"), sender="From: cleo@example.com"),
        "attendee",
    )


def methods() -> Iterator[Case]:
    """Something else than an answer, or not the same in the mail and in the calendar."""
    for method in (
        "CANCEL",
        "REQUEST",
        "PUBLISH",
        "ADD",
        "DECLINECOUNTER",
        "X-REPLY",
        "REPLY-TO",
        "REPLY,CANCEL",
        "ＲＥＰＬＹ",
        "",
    ):
        kind = (
            f'text/calendar; charset=utf-8; method="{method}"'
            if method.isascii() and method
            else "text/calendar; charset=utf-8"
        )
        yield hostile(f"METHOD:{method}", mail(calendar(method=f"METHOD:{method}"), kind=kind), "method")
        if method:
            yield hostile(
                f"METHOD:{method} in a part that says REPLY",
                mail(calendar(method=f"METHOD:{method}")),
                "method",
                "mismatch",
            )
    for method in ("CANCEL", "REQUEST", "COUNTER", "REFRESH", "PUBLISH", "X"):
        yield hostile(
            f"METHOD:REPLY in a part that says {method}", mail(kind=f"text/calendar; method={method}"), "mismatch"
        )
    cancel = calendar(method="METHOD:CANCEL", more="STATUS:CANCELLED")
    organizer = "From: Ada <events@convoke.example.com>"
    yield hostile(
        "a CANCEL from our own address", mail(cancel, sender=organizer, kind="text/calendar; method=CANCEL"), "method"
    )
    yield hostile("a REPLY from our own address", mail(sender=organizer), "stranger")
    yield hostile("no METHOD, nor in the mail", mail(calendar(method=""), kind="text/calendar"), "method")
    yield hostile("METHOD twice", mail(calendar(method="METHOD:REPLY\nMETHOD:CANCEL")), "method")
    in_event, other = (calendar(method="", more=f"METHOD:{method}") for method in ("REPLY", "CANCEL"))
    yield hostile("METHOD:CANCEL in the event", mail(other, kind="text/calendar"), "method")
    yield hostile("METHOD:CANCEL in the event, REPLY in the part", mail(other), "method")
    for method in ("CANCEL", "REQUEST", "COUNTER"):
        yield hostile(
            f"METHOD in the event, {method} in the part",
            mail(in_event, kind=f"text/calendar; method={method}"),
            "mismatch",
        )
    twice = calendar(method="", more="METHOD:REPLY\nMETHOD:REQUEST")
    yield hostile("METHOD in the event twice", mail(twice, kind="text/calendar"), "method")
    again = calendar(
        method="", more="METHOD:REPLY", after=f"BEGIN:VEVENT\nUID:{asked.MEETING}\nMETHOD:CANCEL\nEND:VEVENT"
    )
    yield hostile("METHOD in two events, not the same", mail(again, kind="text/calendar"), "method")
    two = packed(part(kind="text/calendar; method=REPLY"), part(kind="text/calendar; method=CANCEL"))
    yield hostile("two parts, two methods, one calendar", two, "mismatch")


def partstats() -> Iterator[Case]:
    """An answer that says nothing, or two things."""
    for name, params in (
        ("left out", ""),
        ("NEEDS-ACTION", ";PARTSTAT=NEEDS-ACTION"),
        ("of a task", ";PARTSTAT=COMPLETED"),
        ("of an unknown kind", ";PARTSTAT=X-MAYBE"),
        ("empty", ";PARTSTAT="),
        ("a list", ";PARTSTAT=ACCEPTED,DECLINED"),
        ("two", ";PARTSTAT=ACCEPTED;PARTSTAT=NEEDS-ACTION"),
    ):
        yield hostile(
            f"PARTSTAT: {name}", mail(calendar(attendee=f"ATTENDEE{params}:mailto:bo@example.net")), "partstat"
        )


def replayed() -> Iterator[Case]:
    """Bo's own mails, once more: signatures hold for ever. What stands is his later answer."""

    def standing(status: Participation, sequence: int, minute: int) -> asked.Look:
        dtstamp = datetime(2027, 1, 15, 12, minute, tzinfo=UTC)
        return asked.having(reply=Reply(status=status, sequence=sequence, dtstamp=dtstamp))

    no, yes = Participation.DECLINED, Participation.ACCEPTED
    older = calendar(sequence="SEQUENCE:0")
    yield hostile("the same answer twice", mail(), "repeated", look=standing(yes, 1, 15))
    yield hostile(
        "a no of the same moment as a yes that came later",
        mail(calendar(attendee=SAID.replace("ACCEPTED", "DECLINED"))),
        "old",
        look=asked.having(reply=Reply(status=yes, sequence=1, dtstamp=SAID_AT, received_at=asked.RECEIVED + SECOND)),
    )
    yield hostile("an answer of an earlier moment", mail(), "old", look=standing(no, 1, 16))
    yield hostile("an answer of an earlier moment, the same", mail(), "old", look=standing(yes, 1, 16))
    yield hostile("an answer to an older revision", mail(older), "old", look=standing(no, 1, 10))
    yield hostile("an answer to an older revision, dated later", mail(older), "old", look=standing(yes, 1, 5))
    yield hostile("an answer without SEQUENCE", mail(calendar(sequence="")), "old", look=standing(no, 1, 10))
    long_ago = mail(calendar(dtstamp="DTSTAMP:19700101T000000Z"))
    yield hostile("an answer of long ago", long_ago, "old", look=standing(no, 1, 10))
    ahead = mail(calendar(dtstamp="DTSTAMP:20270115T235900Z"))
    yield hostile(
        "an answer from a clock that is ahead, to an older revision",
        ahead.replace(b"SEQUENCE:1", b"SEQUENCE:0"),
        "old",
        look=standing(no, 1, 10),
    )
    for name, dtstamp in (
        ("of two days ahead", "20270117T123001Z"),
        ("of next year", "20280115T121500Z"),
        ("of the last year there is", "99991231T235959Z"),
    ):
        yield hostile(f"DTSTAMP {name}", mail(calendar(dtstamp=f"DTSTAMP:{dtstamp}")), "future")


def revisions() -> Iterator[Case]:
    """DTSTAMP and RECURRENCE-ID that cannot be; a SEQUENCE that cannot be, in an answer that another one overtook."""
    newer = asked.having(reply=Reply(status=Participation.DECLINED, sequence=1, dtstamp=SAID_AT - SECOND))
    for name, sequence in NO_SEQUENCE.items():
        yield hostile(f"SEQUENCE {name}", mail(calendar(sequence=sequence)), "old", look=newer)
    for name, dtstamp in (
        ("left out", ""),
        ("twice", "DTSTAMP:20270115T121500Z\nDTSTAMP:20270115T121600Z"),
        ("a date", "DTSTAMP;VALUE=DATE:20270115"),
        ("of the year nought", "DTSTAMP:00000101T000000Z"),
        ("of a thirteenth month", "DTSTAMP:20271301T000000Z"),
        ("of the 30th of February", "DTSTAMP:20270230T000000Z"),
        ("of a 61st second", "DTSTAMP:20270115T121561Z"),
        ("before the epoch", "DTSTAMP:19691231T235959Z"),
        ("with an offset", "DTSTAMP:20270115T121500+0100"),
        ("in other digits", "DTSTAMP:\u0662\u06600270115T121500Z"),
        ("with fractions", "DTSTAMP:20270115T121500.5Z"),
        ("after the last instant", "DTSTAMP;TZID=America/New_York:99991231T230000"),
        ("before the first instant", "DTSTAMP;TZID=Europe/Berlin:00010101T000000"),
    ):
        yield hostile(f"DTSTAMP {name}", mail(calendar(dtstamp=dtstamp)), "unreadable")
    for name, date in (
        ("of no series", "RECURRENCE-ID:20270319T080000Z"),
        ("of no series, an hour off", "RECURRENCE-ID;TZID=Europe/London:20270312T090000"),
        ("twice", "RECURRENCE-ID:20270312T080000Z\nRECURRENCE-ID:20270319T080000Z"),
        ("that is none", "RECURRENCE-ID:now"),
        ("empty", "RECURRENCE-ID:"),
        ("in a zone that climbs", "RECURRENCE-ID;TZID=../../etc/passwd:20270312T090000"),
        ("in a very long zone", f"RECURRENCE-ID;TZID={'Europe/' * 500}Berlin:20270312T090000"),
        ("of the year 9999, in a zone", "RECURRENCE-ID;TZID=Pacific/Kiritimati:99991231T235959"),
        ("of the year 1, in a zone", "RECURRENCE-ID;TZID=Pacific/Kiritimati:00010101T000000"),
    ):
        yield hostile(f"RECURRENCE-ID {name}", mail(calendar(more=date)), "date")
    for name, uid, word in (
        ("and all that follow", asked.WEEKLY, "THISANDFUTURE"),
        ("and all before", asked.WEEKLY, "THISANDPRIOR"),
        ("and all that follow, of no series", asked.MEETING, "THISANDFUTURE"),
    ):
        ranged = calendar(uid=f"UID:{uid}", more=f"RECURRENCE-ID;RANGE={word}:20270312T080000Z")
        yield hostile(f"RECURRENCE-ID {name}", mail(ranged), "range")
    for zone, local_time in (
        (";TZID=America/New_York", "99991231T230000"),
        (";TZID=Europe/Berlin", "00010101T003000"),
        ("", "99991231T120000Z"),
    ):
        one = calendar(uid=f"UID:{asked.DAYS}", more=f"RECURRENCE-ID{zone}:{local_time}")
        yield hostile(f"RECURRENCE-ID of whole days, {local_time}{zone}", mail(one), "date")
