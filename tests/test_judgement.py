"""Whose answer counts: each condition, met and failed, and nothing done yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from convoke.decision.calendar_state import OccurrenceState
from convoke.decision.decide import Snapshot
from convoke.decision.invitation import Acknowledged, Intent
from convoke.inbound import Judgement, Verdict, judge
from convoke.inbound.itip_reply import Span
from convoke.inbound.judgement import vouched
from convoke.inbound.proposals import proposed
from convoke.inbound.reasons import Reason
from convoke.model import EventStatus, Participation, RegistrationStatus, Reply, When, ascii_domain, folded
from tests.factories import AFTERNOON, NOW, answer, event, existing, invitation, message, receipt, registration, told

UID = message().uid
SAID = told(sequence=2)
SEEN = Snapshot(
    invitation=invitation(
        allocated=2,
        highest_possibly_sent=2,
        intent=Intent(calendar_state=SAID, attempt="a"),
        acknowledged=Acknowledged(calendar_state=SAID, ses_id="s", at=NOW),
    ),
    registration=registration(),
    event=event(),
)
FROM_BO = "From: <bo@example.net>\r\n"
WEEKLY = "FREQ=WEEKLY;COUNT=4"


def a_mail(
    *more: str,
    method: str = "REPLY",
    part: str = "method=REPLY",
    head: str = "From: Bo Ek <bo@example.net>",
    attendee: str = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net",
    sequence: int = 2,
    dtstamp: str = "20270115T121500Z",
    uid: str = UID,
) -> bytes:
    calendar = (
        *("BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT", f"UID:{uid}", f"SEQUENCE:{sequence}"),
        *(f"DTSTAMP:{dtstamp}", attendee, *more, "END:VEVENT", "END:VCALENDAR", ""),
    )
    kind = "; ".join(("text/calendar", "charset=utf-8", *filter(None, (part,))))
    return f"{head}\r\nContent-Type: {kind}\r\n\r\n".encode() + "\r\n".join(calendar).encode()


def judged(raw: bytes, seen: Snapshot | None = SEEN, **verdicts: str) -> Judgement:
    return judge(receipt(**verdicts), raw, lambda uid: seen if uid == UID else None)


def changed(part: str, **changes: Any) -> Snapshot:
    return replace(SEEN, **{part: replace(getattr(SEEN, part), **changes)})


def test_an_answer_that_meets_every_condition_is_applied() -> None:
    found = judged(a_mail())
    assert (found.verdict, found.reason) == (Verdict.APPLY, None)
    assert found.reply == Reply(
        status=Participation.ACCEPTED,
        sequence=2,
        dtstamp=datetime(2027, 1, 15, 12, 15, tzinfo=UTC),
        received_at=receipt().received_at,
    )


@pytest.mark.parametrize(
    ("raw", "verdicts"),
    [
        pytest.param(a_mail(), {"dmarc": "GRAY"}, id="no DMARC policy, SPF of the very domain"),
        pytest.param(a_mail(), {"spam": "GRAY", "virus": "PROCESSING_FAILED"}, id="nobody says that it is bad"),
        pytest.param(a_mail(), {"spf": "FAIL"}, id="DMARC passes by the signature alone"),
        pytest.param(a_mail(), {"envelope_sender": ""}, id="an empty envelope sender, as Exchange has it"),
        pytest.param(a_mail(part=""), {}, id="a part that names no method"),
        pytest.param(a_mail(part="method=reply", method="reply"), {}, id="in small letters"),
        pytest.param(a_mail(attendee="ATTENDEE;PARTSTAT=ACCEPTED:MAILTO:BO@Example.net"), {}, id="in capitals"),
        pytest.param(a_mail(head=FROM_BO + "Sender: <calendar@example.org>"), {}, id="sent by a calendar"),
        pytest.param(a_mail(sequence=0), {}, id="to an older revision"),
        pytest.param(a_mail(head="From: bo@example.net\r\nAuto-Submitted: auto-replied"), {}, id="by a machine"),
    ],
)
def test_genuine_answers_come_in_many_ways(raw: bytes, verdicts: dict[str, Any]) -> None:
    assert judged(raw, **verdicts).verdict is Verdict.APPLY


@pytest.mark.parametrize("partstat", ["ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED"])
def test_every_answer_that_a_person_can_give_is_applied(partstat: str) -> None:
    found = judged(
        a_mail(attendee=f'ATTENDEE;PARTSTAT={partstat};DELEGATED-TO="mailto:cy@example.net":mailto:bo@example.net')
    )
    assert found.verdict is Verdict.APPLY
    assert existing(found.reply).status is Participation(partstat.lower())
    assert "cy@" not in repr(found.reply)


@pytest.mark.parametrize(
    ("reason", "raw", "verdicts"),
    [
        (Reason.VIRUS, a_mail(), {"virus": "FAIL"}),
        (Reason.SPAM, a_mail(), {"spam": "FAIL"}),
        (Reason.DMARC, a_mail(), {"dmarc": "FAIL"}),
        (Reason.DMARC, a_mail(), {"dmarc": "PROCESSING_FAILED"}),
        (Reason.DMARC, a_mail(), {"dmarc": ""}),
        (Reason.SPF, a_mail(), {"dmarc": "GRAY", "spf": "FAIL"}),
        (Reason.SPF, a_mail(), {"dmarc": "GRAY", "spf": "GRAY"}),
        (Reason.ENVELOPE, a_mail(), {"dmarc": "GRAY", "envelope_sender": "bo@mallory.example"}),
        (Reason.ENVELOPE, a_mail(), {"dmarc": "GRAY", "envelope_sender": "bo@mail.example.net"}),
        (Reason.ENVELOPE, a_mail(), {"dmarc": "GRAY", "envelope_sender": ""}),
        (Reason.METHOD, a_mail(method="REQUEST", part=""), {}),
        (Reason.METHOD, a_mail(method="CANCEL", part="method=CANCEL"), {}),
        (Reason.METHOD, a_mail(method="PUBLISH"), {}),
        (Reason.MISMATCH, a_mail(part="method=REQUEST"), {}),
        (Reason.MISMATCH, a_mail(method="REFRESH"), {}),
        (Reason.UID, a_mail(uid="somebody-else@example.org"), {}),
        (Reason.UID, a_mail(uid=UID.replace("0123", "3210")), {}),
        (Reason.STRANGER, a_mail(head="From: <mallory@example.net>"), {}),
        (Reason.STRANGER, a_mail(head='From: "bo@example.net" <mallory@example.com>'), {}),
        (Reason.STRANGER, a_mail(head="From: <mallory@example.net>\r\nSender: <bo@example.net>"), {}),
        (Reason.SENDER, a_mail(head="From: <bo@example.net>\r\nSender: <mallory@example.net>"), {}),
        (Reason.FROM, a_mail(head="From: <bo@example.net>\r\nSender: <a@example.net>, <b@example.net>"), {}),
        (Reason.ATTENDEE, a_mail(attendee="ATTENDEE;PARTSTAT=DECLINED:mailto:cleo@example.net"), {}),
        (Reason.DATE, a_mail("RECURRENCE-ID:20270312T090000Z"), {}),
        (Reason.RANGE, a_mail("RECURRENCE-ID;RANGE=THISANDFUTURE:20270312T080000Z"), {}),
        (Reason.DMARC, a_mail(head=FROM_BO + "Authentication-Results: amazonses.com; dmarc=pass"), {"dmarc": "FAIL"}),
        (
            Reason.DMARC,
            a_mail(head=FROM_BO + "X-SES-Spam-Verdict: PASS\r\nX-SES-DMARC-Verdict: PASS"),
            {"dmarc": "FAIL"},
        ),
    ],
)
def test_each_condition_that_fails_has_its_own_reason(reason: Reason, raw: bytes, verdicts: dict[str, Any]) -> None:
    found = judged(raw, **verdicts)
    assert (found.verdict, found.reason) == (Verdict.QUARANTINE, reason)


@pytest.mark.parametrize("status", [RegistrationStatus.CANCELLED, RegistrationStatus.ERASED])
def test_whoever_has_left_has_nothing_to_answer(status: RegistrationStatus) -> None:
    assert judged(a_mail(), changed("registration", status=status)).reason is Reason.STATUS


def test_whoever_declined_may_answer_again() -> None:
    assert judged(a_mail(), changed("registration", status=RegistrationStatus.DECLINED)).verdict is Verdict.APPLY


def test_an_invitation_in_whose_place_there_is_another_is_answered_no_more() -> None:
    other = replace(SAID, uid=UID.replace(".1@", ".2@"), generation=2)
    seen = changed("invitation", intent=Intent(calendar_state=other, attempt="b"), acknowledged=None)
    assert judged(a_mail(), seen).reason is Reason.OUTDATED


def test_nobody_can_answer_what_was_never_said() -> None:
    assert judged(a_mail(), changed("invitation", intent=None, acknowledged=None)).reason is Reason.UID


@pytest.mark.parametrize(
    ("reason", "status", "sequence", "minutes"),
    [
        (Reason.REPEATED, Participation.ACCEPTED, 2, 15),
        (Reason.OLD, Participation.DECLINED, 2, 16),
        (None, Participation.DECLINED, 2, 14),
        (None, Participation.DECLINED, 1, 16),
    ],
)
def test_the_newer_revision_counts_then_the_newer_answer(
    reason: Reason | None, status: Participation, sequence: int, minutes: int
) -> None:
    standing = Reply(status=status, sequence=sequence, dtstamp=NOW + timedelta(minutes=minutes))
    found = judged(a_mail(), changed("registration", reply=standing))
    assert (found.verdict, found.reason) == (Verdict.LATE if reason else Verdict.APPLY, reason)


def test_a_clock_that_is_ahead_does_not_outdo_all_answers_to_come() -> None:
    found = judged(a_mail(dtstamp="20270116T120000Z"))
    assert existing(found.reply).dtstamp == receipt().received_at


def test_a_mail_of_another_day_to_come_is_put_aside_for_it_could_be_sent_again_until_then() -> None:
    found = judged(a_mail(dtstamp="20990101T000000Z"))
    assert (found.verdict, found.reason) == (Verdict.QUARANTINE, Reason.FUTURE)


@pytest.mark.parametrize(
    "named",
    [
        "MAILTO:/O=EXCHANGELABS/OU=EXCHANGE ADMINISTRATIVE GROUP (FYDIBOHF23SPDLT)/CN=RECIPIENTS/CN=9A-BO",
        "/o=Example/ou=First Administrative Group/cn=Recipients/cn=bo",
        "invalid:nomail",
    ],
)
def test_an_attendee_who_is_named_by_no_address_is_whoever_the_mail_is_from(named: str) -> None:
    lines = f'ATTENDEE;PARTSTAT=DECLINED;CN="Bo Ek":{named}'
    assert judged(a_mail(attendee=lines)).verdict is Verdict.APPLY
    assert judged(a_mail(attendee=lines, head="From: Eve <eve@example.net>")).reason is Reason.STRANGER
    assert judged(a_mail(attendee=lines.replace(named, "mailto:bo@example.net@"))).reason is Reason.ATTENDEES
    twice = f"{lines}\r\n{lines.replace('Bo', 'Eve')}"
    assert judged(a_mail(attendee=twice)).reason is Reason.ATTENDEES


# --- one date of a series -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "recurrence_id",
    [
        "RECURRENCE-ID:20270319T080000Z",
        "RECURRENCE-ID;TZID=Europe/Berlin:20270319T090000",
        "RECURRENCE-ID;TZID=America/New_York:20270319T040000",
        "RECURRENCE-ID;TZID=/example.org/20250101_1/Europe/Berlin:20270319T090000",
        "RECURRENCE-ID;TZID=W. Europe Standard Time:20270319T090000",
        "RECURRENCE-ID:20270319T090000",
        "RECURRENCE-ID;VALUE=DATE:20270319",
    ],
)
def test_a_date_is_matched_by_instant_however_it_is_written(recurrence_id: str) -> None:
    found = judged(a_mail(recurrence_id), changed("event", rule=WEEKLY))
    assert found.verdict is Verdict.APPLY
    assert existing(found.reply).date == datetime(2027, 3, 19, 9)


@pytest.mark.parametrize(
    "recurrence_id",
    [
        "RECURRENCE-ID;TZID=Europe/Berlin:20271031T023000",
        "RECURRENCE-ID;TZID=W. Europe Standard Time:20271031T023000",
        "RECURRENCE-ID:20271031T003000Z",
    ],
)
def test_a_date_in_the_hour_that_the_clock_shows_twice_is_matched_however_it_is_written(recurrence_id: str) -> None:
    night = When(start=datetime(2027, 10, 24, 2, 30), end=datetime(2027, 10, 24, 4), time_zone="Europe/Berlin")
    found = judged(a_mail(recurrence_id), changed("event", rule=WEEKLY, when=night))
    assert (found.verdict, found.date) == (Verdict.APPLY, datetime(2027, 10, 31, 2, 30))


@pytest.mark.parametrize("recurrence_id", ["20270319T081500Z", "20270409T080000Z", "19990319T080000Z"])
def test_a_date_that_there_is_not_is_answered_by_nobody(recurrence_id: str) -> None:
    seen = changed("event", rule=WEEKLY)
    assert judged(a_mail(f"RECURRENCE-ID:{recurrence_id}"), seen).reason is Reason.DATE


def test_an_answer_to_one_date_is_not_overtaken_by_one_to_another() -> None:
    later = Reply(status=Participation.DECLINED, sequence=2, dtstamp=NOW + timedelta(hours=1))
    other = replace(later, date=datetime(2027, 3, 26, 9))
    seen = replace(changed("event", rule=WEEKLY), registration=registration(reply=later, date_replies=(other,)))
    assert judged(a_mail("RECURRENCE-ID:20270319T080000Z"), seen).verdict is Verdict.APPLY
    assert judged(a_mail("RECURRENCE-ID:20270326T080000Z"), seen).verdict is Verdict.LATE


# --- counter-proposals --------------------------------------------------------------------------------------------


def a_counter(*times: str, **more: Any) -> bytes:
    return a_mail(*times, method="COUNTER", part="method=COUNTER", **more)


@pytest.mark.parametrize(
    "times",
    [
        ("DTSTART;TZID=Europe/Berlin:20270312T150000", "DTEND;TZID=Europe/Berlin:20270312T163000"),
        ("DTSTART:20270312T140000Z", "DTEND:20270312T153000Z"),
        ("DTSTART:20270312T140000Z", "DURATION:PT1H30M"),
        ("DTSTART;TZID=Asia/Tokyo:20270312T230000", "DTEND;TZID=Europe/Berlin:20270312T163000"),
        ("DTSTART;TZID=W. Europe Standard Time:20270312T150000", "DTEND;TZID=W. Europe Standard Time:20270312T163000"),
    ],
)
def test_a_proposal_is_a_time_of_the_event(times: tuple[str, ...]) -> None:
    found = judged(a_counter(*times, "COMMENT:After\\, not before"))
    assert (found.verdict, found.proposed) == (Verdict.PROPOSE, AFTERNOON)
    assert existing(found.answer).comment == "After, not before"
    assert found.reply is None


@pytest.mark.parametrize(
    "times",
    [
        (),
        ("DTSTART:20270312T140000Z",),
        ("DTSTART:20270312T140000Z", "DTEND:20270312T140000Z"),
        ("DTSTART:20270312T140000Z", "DTEND:20270312T130000Z"),
        ("DTSTART:20270312T140000Z", "DTEND:20270312T150000Z", "DURATION:PT1H"),
        ("DTSTART:20270312T140000Z", "DTEND:20290312T140000Z"),
        ("DTSTART:20270312T140000Z", "DTEND;VALUE=DATE:20270313"),
        ("DTSTART:20270312T140000Z", "DTEND:20270312T150000"),
        ("DTSTART:20270328T023000", "DTEND:20270328T033000"),
        ("DTSTART:00010101T000000Z", "DTEND:00010101T010000Z"),
        ("DTSTART:99991231T230000Z", "DURATION:P300D"),
        ("DTSTART;VALUE=DATE:99991231", "DURATION:P3D"),
        ("DTSTART:20270312T140000Z", "DURATION:-PT1H"),
        ("DTSTART:tomorrow", "DTEND:20270312T150000Z"),
    ],
)
def test_a_proposal_of_no_time_is_put_aside(times: tuple[str, ...]) -> None:
    assert judged(a_counter(*times)).reason is Reason.PROPOSAL


@pytest.mark.parametrize(
    "times",
    [
        ("DTSTART:20270312T080000Z", "DTEND:20270312T093000Z"),
        ("DTSTART;TZID=Europe/Berlin:20270312T090000", "DURATION:PT1H30M"),
        ("DTSTART:20270115T115900Z", "DTEND:20270115T130000Z"),
        ("DTSTART:20270110T140000Z", "DTEND:20270110T150000Z"),
    ],
)
def test_a_proposal_of_the_time_that_there_is_or_of_one_that_has_begun_is_an_answer_alone(
    times: tuple[str, ...],
) -> None:
    def said(partstat: str) -> Judgement:
        attendee = f"ATTENDEE;PARTSTAT={partstat}:mailto:bo@example.net"
        return judged(a_mail(*times, method="COUNTER", part="method=COUNTER", attendee=attendee))

    for partstat in ("ACCEPTED", "DECLINED", "TENTATIVE"):
        found = said(partstat)
        assert (found.verdict, found.proposed) == (Verdict.APPLY, None)
        assert existing(found.reply).status is Participation(partstat.lower())
    assert said("NEEDS-ACTION").reason is Reason.PROPOSAL
    assert said("DELEGATED").reason is Reason.PROPOSAL


def test_whoever_proposes_another_time_has_not_accepted_this_one() -> None:
    found = judged(a_counter("DTSTART:20270312T140000Z", "DTEND:20270312T153000Z"))
    assert (found.verdict, existing(found.answer).participation) == (Verdict.PROPOSE, Participation.ACCEPTED)
    assert found.reply is None


@pytest.mark.parametrize(
    "times",
    [
        ("DTSTART:20270108T130000Z", "DTEND:20270108T143000Z"),
        ("DTSTART:20270107T080000Z", "DTEND:20270107T093000Z"),
    ],
)
def test_another_time_of_a_whole_series_is_that_of_its_first_date_though_it_is_over(times: tuple[str, ...]) -> None:
    begun = When(start=datetime(2027, 1, 8, 9, 0), end=datetime(2027, 1, 8, 10, 30), time_zone="Europe/Berlin")
    seen = changed("event", when=begun, rule=WEEKLY)
    found = judged(a_counter(*times, attendee="ATTENDEE;PARTSTAT=DECLINED:mailto:bo@example.net"), seen)
    assert (found.verdict, existing(found.proposed).time_zone) == (Verdict.PROPOSE, "Europe/Berlin")
    silent = "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bo@example.net"
    of_a_date = a_counter(*times, "RECURRENCE-ID:20270122T080000Z", attendee=silent)
    assert judged(of_a_date, seen).reason is Reason.PROPOSAL
    the_same = a_counter("DTSTART:20270108T080000Z", "DTEND:20270108T093000Z", attendee=silent)
    assert judged(the_same, seen).reason is Reason.PROPOSAL


def test_an_hour_that_ends_when_the_clock_shows_its_start_once_more_is_a_proposal() -> None:
    found = judged(a_counter("DTSTART;TZID=Europe/Berlin:20271031T020000", "DURATION:PT1H"))
    proposal = existing(found.proposed)
    assert (proposal.starts_at.isoformat(), proposal.ends_at - proposal.starts_at) == (
        "2027-10-31T00:00:00+00:00",
        timedelta(hours=1),
    )


def test_whole_days_are_proposed_with_the_day_after_them_as_their_end() -> None:
    found = judged(a_counter("DTSTART;VALUE=DATE:20270312", "DTEND;VALUE=DATE:20270314"))
    assert found.proposed == When(start=date(2027, 3, 12), end=date(2027, 3, 13), time_zone="Europe/Berlin")


def test_a_domain_with_a_character_that_shows_nothing_is_refused() -> None:
    """Those that Unicode calls Default_Ignorable: some programs leave them out, and so write to another domain."""
    ranges = (
        *((0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F)),
        *((0xAD, 0xAD), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
        *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
    )
    for first, last in ranges:
        for point in range(first, last + 1):
            with pytest.raises(UnicodeError):
                ascii_domain(f"a{chr(point)}b.example")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bo@straße.example", "bo@strasse.example"),
        ("bo@STRAẞE.example", "bo@strasse.example"),
        ("boſs@example.net", "boss@example.net"),
        ("bo@ﬀ.example", "bo@ff.example"),
    ],
)
def test_an_address_that_only_resembles_another_is_not_taken_for_it(one: str, other: str) -> None:
    assert folded(one) != folded(other)
    assert folded("Bo@BÜCHER.example") == folded("bo@XN--BCHER-KVA.Example") == "bo@xn--bcher-kva.example"


def test_of_two_times_that_the_clock_shows_alike_the_second_is_not_taken_for_the_first() -> None:
    start = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    when = proposed(event(), Span(start=start, end=start + timedelta(hours=1)))
    assert isinstance(when.start, datetime)
    assert (when.start, when.start.fold) == (datetime(2027, 10, 31, 2, 30), 0)
    assert (when.starts_at, when.ends_at) == (start, start + timedelta(hours=1))
    named = proposed(event(), Span(start=datetime(2027, 10, 31, 2, 30), end=datetime(2027, 10, 31, 4)))
    assert named.starts_at == start
    second = a_counter("DTSTART:20271031T013000Z", "DTEND:20271031T023000Z")
    assert judged(second).reason is Reason.PROPOSAL


def test_a_proposal_for_an_event_of_whole_days_brings_its_own_zone() -> None:
    days = event(when=When(start=date(2027, 3, 12), end=date(2027, 3, 12)))
    start = datetime(2027, 3, 12, 9)
    with pytest.raises(ValueError, match="without a zone"):
        proposed(days, Span(start=start, end=start + timedelta(hours=1)))
    aware = start.replace(tzinfo=UTC)
    assert proposed(days, Span(start=aware, end=aware + timedelta(hours=1))).time_zone == "UTC"


@pytest.mark.parametrize("method", ["COUNTER", "REFRESH"])
def test_of_an_event_that_is_over_nothing_is_asked_any_more(method: str) -> None:
    raw = a_mail("DTSTART:20270312T140000Z", "DURATION:PT1H", method=method, part="")
    after = replace(SEEN.event.when, start=datetime(2027, 1, 15, 9), end=datetime(2027, 1, 15, 10))
    assert judged(raw, changed("event", when=after)).reason is Reason.OVER
    assert judged(a_mail(), changed("event", when=after)).verdict is Verdict.APPLY


def test_a_cancelled_event_cannot_be_moved_but_is_told_again() -> None:
    seen = changed("event", status=EventStatus.CANCELLED)
    assert judged(a_counter("DTSTART:20270312T140000Z", "DURATION:PT1H"), seen).reason is Reason.OVER
    assert judged(a_mail(method="REFRESH", part=""), seen).verdict is Verdict.REFRESH


# --- what a human wrote -------------------------------------------------------------------------------------------


def a_letter(
    head: str = "", sender: str = "bo@example.net", references: str = f"<{UID}>", body: str = "Where is it?"
) -> bytes:
    return (
        f"From: Bo Ek <{sender}>\r\nSubject: =?utf-8?q?Re=3A_K=C3=B6ln?=\r\nReferences: {references}\r\n{head}"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
    ).encode()


def test_a_mail_that_a_human_wrote_is_for_the_organizer() -> None:
    found = judged(a_letter())
    assert found.verdict is Verdict.FORWARD
    assert found.incoming is not None
    assert (found.incoming.subject, found.incoming.text) == ("Re: Köln", "Where is it?")


def with_a_calendar(uid: str = UID, *, method: str = "REQUEST", body: str = "I cannot come.", head: str = "") -> bytes:
    """A letter to which the invitation that it answers is attached once more, as some programs do."""
    calendar = a_mail(method=method, part=f"method={method}", uid=uid, head=f"{head}X-Part: 1").partition(b"\r\n")[2]
    letter = a_letter(f"{head}MIME-Version: 1.0\r\n", body="").split(b"Content-Type:")[0]
    return (
        letter
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        + body.encode()
        + b"\r\n--b\r\n"
        + calendar
        + b"\r\n--b--\r\n"
    )


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
def test_a_letter_is_for_the_organizer_also_with_what_it_answers_attached(method: str) -> None:
    found = judged(with_a_calendar(method=method))
    assert (found.verdict, found.reason) == (Verdict.FORWARD, None)
    assert existing(found.incoming).text == "I cannot come."


@pytest.mark.parametrize(
    ("raw", "verdicts"),
    [
        (with_a_calendar("another@example.net"), {}),
        (with_a_calendar(UID.replace("0123", "3210")), {}),
        (with_a_calendar(body=" "), {}),
        (with_a_calendar(head="Auto-Submitted: auto-replied\r\n"), {}),
        (with_a_calendar(), {"dmarc": "FAIL"}),
    ],
)
def test_any_other_mail_with_a_calendar_that_answers_nothing_is_put_aside(raw: bytes, verdicts: dict[str, Any]) -> None:
    found = judged(raw, **verdicts)
    assert (found.verdict, found.reason) == (Verdict.QUARANTINE, Reason.METHOD)


@pytest.mark.parametrize(
    ("reason", "raw", "verdicts"),
    [
        (Reason.CALENDAR, a_letter(references="<1@example.net>"), {}),
        (Reason.CALENDAR, a_letter(references=f"<{UID.replace('0123', '3210')}>"), {}),
        (Reason.CALENDAR, a_letter(body=" "), {}),
        (Reason.AUTOMATIC, a_letter("Auto-Submitted: auto-replied; owner-email=x\r\n"), {}),
        (Reason.AUTOMATIC, a_letter("Precedence: Bulk\r\n"), {}),
        (Reason.AUTOMATIC, a_letter("List-Id: <list.example.net>\r\n"), {}),
        (Reason.AUTOMATIC, a_letter(), {"envelope_sender": ""}),
        (Reason.DMARC, a_letter(), {"dmarc": "FAIL"}),
        (Reason.SPAM, a_letter(), {"spam": "FAIL"}),
        (Reason.STRANGER, a_letter(sender="eve@example.net"), {}),
        (Reason.TNEF, a_letter("X: y\r\n").replace(b"text/plain", b"application/ms-tnef"), {}),
    ],
)
def test_what_no_known_human_wrote_is_put_aside(reason: Reason, raw: bytes, verdicts: dict[str, Any]) -> None:
    found = judged(raw, **verdicts)
    assert (found.verdict, found.reason) == (Verdict.QUARANTINE, reason)


def test_a_mail_that_refers_to_much_is_looked_up_for_a_few() -> None:
    looked: list[str] = []

    def look(uid: str) -> None:
        looked.append(uid)

    many = " ".join(f"<{UID.replace('.1@', f'.{number}@')}>" for number in range(40))
    assert judge(receipt(), a_letter(references=many), look).reason is Reason.CALENDAR
    assert len(looked) == 3


def test_a_mail_that_is_put_aside_is_known_to_belong_to_whom_it_names() -> None:
    assert judged(a_mail(), dmarc="FAIL").seen is SEEN
    assert judged(a_letter("X: y\r\n").replace(b"text/plain", b"application/ms-tnef")).seen is SEEN


@pytest.mark.parametrize("verdicts", [{"dmarc": "FAIL"}, {"spam": "FAIL"}, {}])
@pytest.mark.parametrize("head", [FROM_BO, "From: a@example.org, b@example.org\r\n"])
def test_a_mail_that_is_put_aside_is_shown_to_whom_it_answers_and_to_nobody_else_whom_it_names(
    head: str, verdicts: dict[str, Any]
) -> None:
    other = "v" + UID[1:]
    theirs = changed("registration", email="cleo@example.com")

    def look(uid: str) -> Snapshot | None:
        return {UID: SEEN, other: theirs}.get(uid)

    for more in (f"X-A:{other}", f"DESCRIPTION:see {other}"):
        raw = a_mail(head=head + f"References: <{other}>").replace(b"UID:", f"{more}\r\nUID:".encode())
        found = judge(receipt(**verdicts), raw, look)
        assert found.seen == SEEN


# --- vouched for --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"attendee": "bo@firm.example"}, id="in the name of another address"),
        pytest.param({"attendee": None}, id="in nobody's name"),
        pytest.param({"sequence": 9}, id="to what was never sent"),
        pytest.param({"dtstamp": NOW + timedelta(days=700)}, id="from a clock that is ahead"),
        pytest.param({"uid": UID.replace(".1@", ".7@")}, id="to an earlier invitation"),
    ],
)
def test_what_the_organizer_vouches_for_answers_what_is_asked_now(changes: dict[str, Any]) -> None:
    found = vouched(replace(answer(sequence=2), **changes), SEEN, NOW + timedelta(hours=1))
    assert (found.verdict, found.reason) == (Verdict.APPLY, None)
    assert found.reply is not None
    assert found.reply.sequence == 2
    assert found.reply.dtstamp <= NOW + timedelta(hours=1)


def test_what_cannot_be_done_the_organizer_cannot_vouch_for_either() -> None:
    said = answer(sequence=2)
    no_such_date = replace(said, date=datetime(2027, 3, 19, 8, tzinfo=UTC))
    assert vouched(no_such_date, SEEN, NOW).reason is Reason.DATE
    assert vouched(replace(said, uid="7kq9h1p2r7o5t3s1@google.com"), SEEN, NOW).reason is Reason.UID
    assert vouched(said, changed("registration", status=RegistrationStatus.CANCELLED), NOW).reason is Reason.STATUS


# --- which message it answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sequence", [3, 999_999_999])
def test_a_number_that_was_never_sent_answers_what_is_asked_now(sequence: int) -> None:
    found = judged(a_mail(sequence=sequence))
    assert found.verdict is Verdict.APPLY
    assert existing(found.reply).sequence == 2


def moved(**changes: Any) -> Snapshot:
    """The second date was moved to eleven, told under SEQUENCE 2; the series was told under 1."""
    when = When(start=datetime(2027, 3, 19, 11), end=datetime(2027, 3, 19, 12, 30), time_zone="Europe/Berlin")
    date = OccurrenceState(date=datetime(2027, 3, 19, 9), when=when, asked=2, fingerprint="x")
    said = replace(told(sequence=2), dates=(replace(date, **changes),))
    seen = changed("event", rule=WEEKLY)
    acknowledged = Acknowledged(calendar_state=said, ses_id="s", at=NOW)
    return replace(seen, invitation=replace(seen.invitation, intent=None, acknowledged=acknowledged))


@pytest.mark.parametrize(
    ("start", "sequence"),
    [
        ("DTSTART;TZID=Europe/Berlin:20270319T110000", 2),
        ("DTSTART:20270319T100000Z", 2),
        ("DTSTART:20270319T110000", 2),
        ("DTSTART;TZID=Europe/Berlin:20270319T090000", 1),
        ("DTSTART:20270319T110000Z", 1),
        ("X-NOTHING:x", 1),
    ],
)
def test_a_moved_date_is_answered_by_whoever_names_its_new_time(start: str, sequence: int) -> None:
    found = judged(a_mail("RECURRENCE-ID;TZID=Europe/Berlin:20270319T090000", start, sequence=1), moved())
    assert existing(found.reply).sequence == sequence


def test_the_old_time_of_a_date_whose_place_is_new_says_nothing_about_the_place() -> None:
    when = When(start=datetime(2027, 3, 19, 9), end=datetime(2027, 3, 19, 10, 30), time_zone="Europe/Berlin")
    named = ("RECURRENCE-ID;TZID=Europe/Berlin:20270319T090000", "DTSTART;TZID=Europe/Berlin:20270319T090000")
    found = judged(a_mail(*named, sequence=1), moved(when=when))
    assert existing(found.reply).sequence == 1


@pytest.mark.parametrize(
    "recurrence_id",
    [
        "RECURRENCE-ID;VALUE=DATE:20270319",
        "RECURRENCE-ID;TZID=America/New_York:20270319T000000",
        "RECURRENCE-ID;TZID=Asia/Tokyo:20270319T000000",
        "RECURRENCE-ID:20270319T000000",
        "RECURRENCE-ID:20270319T000000Z",
        "RECURRENCE-ID:20270318T230000Z",
        "RECURRENCE-ID:20270318T150000Z",
        "RECURRENCE-ID:20270319T040000Z",
        "RECURRENCE-ID:20270319T070000Z",
        'RECURRENCE-ID;TZID="UTC":20270318T230000',
        "RECURRENCE-ID;TZID=Greenwich Standard Time:20270318T230000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20270318T180000",
    ],
)
def test_a_whole_day_is_the_one_that_the_attendee_s_own_midnight_begins(recurrence_id: str) -> None:
    days = When(start=date(2027, 3, 12), end=date(2027, 3, 12), time_zone="America/Los_Angeles")
    found = judged(a_mail(recurrence_id), changed("event", when=days, rule="FREQ=DAILY;COUNT=30"))
    assert existing(found.reply).date == date(2027, 3, 19)


# --- the same person at another address ---------------------------------------------------------------------------


def registered(email: str) -> Snapshot:
    return changed("registration", email=email)


@pytest.mark.parametrize(
    ("person", "sender"),
    [
        ("bo@example.net", "bo+meetings@example.net"),
        ("bo+meetings@example.net", "bo@example.net"),
        ("bo+meetings@example.net", "BO+work@example.net"),
        ("bo.ek@gmail.com", "boek@gmail.com"),
        ("boek@gmail.com", "b.o.e.k+x@googlemail.com"),
        ("bo.ek@googlemail.com", "boek@gmail.com"),
    ],
)
@pytest.mark.parametrize("envelope", ["the same", "none"])
def test_another_spelling_of_the_same_mailbox_is_the_same_person(person: str, sender: str, envelope: str) -> None:
    raw = a_mail(head=f"From: Bo Ek <{sender}>", attendee=f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{sender}")
    found = judged(raw, registered(person), envelope_sender=sender if envelope == "the same" else "")
    assert (found.verdict, found.reason) == (Verdict.APPLY, None)


@pytest.mark.parametrize("submitter", ["bo@example.net", "bo+work@example.net", "BO@Example.NET", "bo@example.org"])
def test_whoever_sends_from_an_alias_of_their_own_mailbox_is_themselves(submitter: str) -> None:
    for sender in ("bo@example.net", "bo+meetings@example.net"):
        found = judged(a_mail(head=f"From: <{sender}>\r\nSender: <{submitter}>"), envelope_sender=sender)
        assert (found.verdict, found.reason) == (Verdict.APPLY, None)
        gray = judged(a_mail(head=f"From: <bo@example.net>\r\nSender: <{submitter}>"), dmarc="GRAY")
        assert (gray.reason is None) is ("+" not in submitter)


@pytest.mark.parametrize(
    ("person", "sender", "verdicts", "reason"),
    [
        ("b.o@example.net", "bo@example.net", {}, Reason.STRANGER),
        ("bo@gmail.com", "bo@gmail.com.example.net", {}, Reason.STRANGER),
        ("bo@gmail.com", "bo@gmail.example", {}, Reason.STRANGER),
        ("bo@example.net", "bo+x@mail.example.net", {}, Reason.STRANGER),
        ("bo@example.net", "+bo@example.net", {}, Reason.STRANGER),
        ("+bo@example.net", "+cleo@example.net", {}, Reason.STRANGER),
        ("bo@example.net", "bo-x@example.net", {}, Reason.STRANGER),
        ("bo@example.net", "bo+x@example.net", {"dmarc": "GRAY"}, Reason.STRANGER),
        ("bo@example.net", "bo+x@example.net", {"dmarc": "FAIL"}, Reason.DMARC),
        ("bo@example.net", "bo+x@example.net", {"envelope_sender": "list@example.org"}, Reason.STRANGER),
    ],
)
def test_what_is_not_surely_the_same_mailbox_is_another_s(
    person: str, sender: str, verdicts: dict[str, str], reason: Reason
) -> None:
    raw = a_mail(head=f"From: <{sender}>", attendee=f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{sender}")
    assert judged(raw, registered(person), **({"envelope_sender": sender} | verdicts)).reason is reason


# --- in somebody's name -------------------------------------------------------------------------------------------

BY_CLEO = FROM_BO + "Sender: Cléo <cleo@example.net>"


def sent_by(who: str, partstat: str = "ACCEPTED") -> str:
    return f'ATTENDEE;PARTSTAT={partstat};SENT-BY="mailto:{who}":mailto:bo@example.net'


def test_whom_the_calendar_names_as_well_may_accept_in_somebody_s_name() -> None:
    found = judged(a_mail(head=BY_CLEO, attendee=sent_by("Cleo@example.net")))
    assert (found.verdict, found.reason) == (Verdict.APPLY, None)


@pytest.mark.parametrize(
    "attendee",
    [
        sent_by("cleo@example.net", "DECLINED"),
        sent_by("cleo@example.net", "TENTATIVE"),
        sent_by("cleo@example.net", "DELEGATED"),
        sent_by("dora@example.net"),
        sent_by("bo@example.net"),
        sent_by("cleo@example.org"),
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bo@example.net",
    ],
)
def test_nobody_does_more_in_somebody_s_name_than_accept(attendee: str) -> None:
    assert judged(a_mail(head=BY_CLEO, attendee=attendee)).reason is Reason.SENDER


SES_ID = "o3vrnil0e2ic28trm7dfhrc2v0cnbeccl4nbp0g1"
BOUNCES = "3xs9kzwotbgcan@calendar-server.bounces.google.com"
ON_TOP = (
    f"Return-Path: <{BOUNCES}>\r\n"
    "Received: from mail-lf1-f202.google.com (mail-lf1-f202.google.com [192.0.2.25])\r\n"
    f" by inbound-smtp.eu-central-1.amazonaws.com with SMTP id {SES_ID}\r\n"
    " for events@convoke.example.com;\r\n"
    " Fri, 15 Jan 2027 12:29:58 +0000 (UTC)\r\n"
    "X-SES-Spam-Verdict: PASS\r\n"
    "X-SES-Virus-Verdict: PASS\r\n"
    "Received-SPF: pass (spfCheck: domain of calendar-server.bounces.google.com designates 192.0.2.25 as permitted "
    f"sender) client-ip=192.0.2.25; envelope-from={BOUNCES}; helo=mail-lf1-f202.google.com;\r\n"
)
RESULTS = (
    "Authentication-Results: amazonses.com;\r\n"
    " spf=pass (spfCheck: domain of calendar-server.bounces.google.com designates 192.0.2.25 as permitted sender) "
    f"client-ip=192.0.2.25; envelope-from={BOUNCES}; helo=mail-lf1-f202.google.com;\r\n"
    " dkim=pass header.i=@google.com;\r\n"
    " dkim=pass header.i=@example-net.20230601.gappssmtp.com;\r\n"
    " dmarc=none header.from=example.net;\r\n"
)
SEALED = "X-SES-RECEIPT: AEFBQUFBQUFB\r\nX-SES-DKIM-SIGNATURE: a=rsa-sha256; d=amazonses.com\r\n"
BY_GOOGLE = "From: Bo Ek <bo@example.net>\r\nSender: Google Calendar <calendar-notification@google.com>"
NOT_SIGNED_AT_HOME: dict[str, Any] = {"dmarc": "GRAY", "dkim": "PASS", "envelope_sender": BOUNCES, "ses_id": SES_ID}


def from_google(
    top: str = ON_TOP + RESULTS + SEALED, head: str = BY_GOOGLE, partstat: str = "ACCEPTED", **verdicts: str
) -> Judgement:
    """An answer from a domain that has no DKIM of its own, as Google Calendar sends it."""
    raw = a_mail(head=top + head, attendee=f"ATTENDEE;PARTSTAT={partstat}:mailto:bo@example.net")
    return judged(raw, **(NOT_SIGNED_AT_HOME | verdicts))


@pytest.mark.parametrize("verdicts", [{}, {"dmarc": "FAIL", "dmarc_policy": "none"}, {"dmarc": "GRAY", "spf": "GRAY"}])
def test_what_google_signed_for_a_domain_without_dkim_counts_where_it_accepts(verdicts: dict[str, str]) -> None:
    found = from_google(**verdicts)
    assert (found.verdict, found.reason) == (Verdict.APPLY, None)


@pytest.mark.parametrize("partstat", ["DECLINED", "TENTATIVE", "DELEGATED"])
def test_what_else_google_signed_for_it_waits_for_the_organizer(partstat: str) -> None:
    assert from_google(partstat=partstat).reason is Reason.GOOGLE


def without(*lines: str) -> str:
    top = ON_TOP + RESULTS + SEALED
    for line in lines:
        assert line in top
        top = top.replace(line, "")
    return top


HERS = RESULTS.replace("dkim=pass header.i=@google.com", "dkim=pass header.i=@mallory.example")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"dkim": "FAIL"}, Reason.ENVELOPE, id="SES reports no signature that holds"),
        pytest.param({"dkim": ""}, Reason.ENVELOPE, id="SES reports nothing of signatures"),
        pytest.param({"dmarc": "FAIL", "dmarc_policy": "reject"}, Reason.DMARC, id="the domain forbids it"),
        pytest.param({"dmarc": "FAIL", "dmarc_policy": "quarantine"}, Reason.DMARC, id="the domain doubts it"),
        pytest.param({"dmarc": "FAIL"}, Reason.DMARC, id="of the policy nothing is known"),
        pytest.param({"spam": "FAIL"}, Reason.SPAM, id="spam"),
        pytest.param({"ses_id": "another"}, Reason.ENVELOPE, id="the fields on top are of another mail"),
        pytest.param({"envelope_sender": "mallory@mallory.example"}, Reason.ENVELOPE, id="another envelope sender"),
        pytest.param({"head": "From: <bo@example.net>"}, Reason.ENVELOPE, id="no Sender"),
        pytest.param({"head": BY_GOOGLE.replace("n@google", "n@g00gle")}, Reason.ENVELOPE, id="another Sender"),
        pytest.param({"head": BY_GOOGLE.replace("bo@", "cleo@")}, Reason.STRANGER, id="somebody else"),
        pytest.param({"head": BY_GOOGLE.replace("bo@", "bo+x@")}, Reason.STRANGER, id="an address nobody wrote to"),
        pytest.param({"top": ""}, Reason.ENVELOPE, id="nothing on top"),
        pytest.param({"top": RESULTS}, Reason.ENVELOPE, id="nothing but results"),
        pytest.param({"top": ON_TOP + SEALED + RESULTS}, Reason.ENVELOPE, id="results below SES's own fields"),
        pytest.param({"top": RESULTS + ON_TOP + SEALED}, Reason.ENVELOPE, id="results above SES's own fields"),
        pytest.param({"top": ON_TOP + RESULTS}, Reason.ENVELOPE, id="nothing ends SES's own fields"),
        pytest.param({"top": ON_TOP + HERS + SEALED + RESULTS}, Reason.ENVELOPE, id="hers below SES's"),
        pytest.param({"top": ON_TOP + HERS + RESULTS + SEALED}, Reason.ENVELOPE, id="hers beside SES's"),
        pytest.param({"top": ON_TOP + HERS + SEALED + SEALED}, Reason.ENVELOPE, id="two seals"),
        pytest.param({"top": ON_TOP + "X-Note: x\r\n" + RESULTS + SEALED}, Reason.ENVELOPE, id="a field of another"),
        pytest.param({"top": "X-Note: x\r\n" + without()}, Reason.ENVELOPE, id="a field on top"),
        pytest.param({"top": without().replace("google.com (", "x.example (")}, Reason.ENVELOPE, id="another host"),
        pytest.param({"top": without().replace("(mail-lf1-f202.google.com [", "(x.example [")}, Reason.ENVELOPE),
        pytest.param({"top": without().replace("inbound-smtp.eu-central-1.amazonaws.com", "x.example")}, None),
        pytest.param({"top": without().replace("amazonses.com;", "mx.example.org;")}, None),
        pytest.param({"top": without(" dkim=pass header.i=@google.com;\r\n")}, None),
        pytest.param({"top": without().replace("i=@google.com", "i=@google.com.example.org")}, None),
        pytest.param({"top": without().replace("i=@google.com", "i=@x-google.com")}, None),
        pytest.param({"top": without().replace("i=@google.com", "b=google.com")}, None),
        pytest.param({"top": without().replace("dkim=pass header.i=@google", "dkim=fail header.i=@google")}, None),
        pytest.param(
            {"top": without().replace("helo=mail", "helo=x; dkim=pass header.i=@google.com; helo=mail")}, None
        ),
        pytest.param({"top": without().replace("(spfCheck", "(dkim=pass header.i=@google.com; spfCheck")}, None),
        pytest.param({"top": without().replace(f"from={BOUNCES}", 'from="a; dkim=pass"@google.com')}, None),
    ],
)
def test_what_is_not_surely_ses_s_word_on_google_s_signature_proves_nothing(
    changes: dict[str, str], reason: Reason | None
) -> None:
    assert from_google().verdict is Verdict.APPLY
    assert from_google(**changes).reason is (reason or Reason.ENVELOPE)


# --- whose it may be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "verdicts"),
    [
        pytest.param(a_mail(), {"virus": "FAIL"}, id="a virus"),
        pytest.param(a_mail(head="From: a@example.net, b@example.net"), {}, id="two senders"),
        pytest.param(a_mail(method="CANCEL", part=""), {}, id="no answer"),
        pytest.param(a_mail("BEGIN:VEVENT"), {}, id="no calendar that can be read"),
        pytest.param(
            a_mail(uid="7kq9h1p2r7o5t3s1@google.com", head=FROM_BO + f"References: <{UID}>"), {}, id="foreign"
        ),
        pytest.param(f"From: <bo@example.net>\r\n\r\nabout {UID}\r\n".encode(), {}, id="named in the text"),
        pytest.param(a_mail(head="X" * 9_000 + ": x"), {}, id="a line that is too long"),
    ],
)
def test_whatever_is_wrong_with_it_a_mail_is_found_by_the_invitation_that_it_names(
    raw: bytes, verdicts: dict[str, Any]
) -> None:
    found = judged(raw, **verdicts)
    assert found.verdict is Verdict.QUARANTINE
    assert found.seen == SEEN


def test_what_only_speaks_of_an_invitation_is_no_letter_to_its_organizer() -> None:
    found = judged(f"From: <bo@example.net>\r\n\r\nabout {UID}\r\n".encode())
    assert (found.verdict, found.reason) == (Verdict.QUARANTINE, Reason.CALENDAR)


# --- several answers in one mail ----------------------------------------------------------------------------------


def several(*dates: tuple[str, str]) -> bytes:
    """An answer to each of these dates, by RECURRENCE-ID and PARTSTAT."""
    events = [
        line
        for recurrence_id, partstat in dates
        for line in (
            *("BEGIN:VEVENT", f"UID:{UID}", "SEQUENCE:2", "DTSTAMP:20270115T121500Z", f"RECURRENCE-ID:{recurrence_id}"),
            *(f"ATTENDEE;PARTSTAT={partstat}:mailto:bo@example.net", "END:VEVENT"),
        )
    ]
    lines = ("BEGIN:VCALENDAR", "METHOD:REPLY", *events, "END:VCALENDAR", "")
    return f"{FROM_BO}Content-Type: text/calendar; method=REPLY\r\n\r\n".encode() + "\r\n".join(lines).encode()


def test_each_answer_of_a_mail_is_judged_by_itself() -> None:
    raw = several(("20270319T080000Z", "ACCEPTED"), ("20270320T080000Z", "DECLINED"), ("20270326T080000Z", "DECLINED"))
    found = judged(raw, changed("event", rule=WEEKLY))
    assert [(one.verdict, one.reason) for one in found.each] == [
        (Verdict.APPLY, None),
        (Verdict.QUARANTINE, Reason.DATE),
        (Verdict.APPLY, None),
    ]
    assert [one.reply and one.reply.status for one in found.each] == ["accepted", None, "declined"]


def test_an_answer_that_cannot_be_read_does_not_lose_those_beside_it() -> None:
    raw = several(("20270319T080000Z", "X-MAYBE"), ("20270326T080000Z", "DECLINED"), ("nonsense", "DECLINED"))
    found = judged(raw, changed("event", rule=WEEKLY))
    assert [(one.verdict, one.reason) for one in found.each] == [
        (Verdict.QUARANTINE, Reason.PARTSTAT),
        (Verdict.APPLY, None),
        (Verdict.QUARANTINE, Reason.DATE),
    ]
    assert [one.answer is None for one in found.each] == [True, False, True], "or it could be released"


def test_a_mail_whose_sender_is_not_believed_has_no_answer_that_is() -> None:
    raw = several(("20270319T080000Z", "ACCEPTED"), ("20270326T080000Z", "DECLINED"))
    found = judged(raw, changed("event", rule=WEEKLY), dmarc="FAIL")
    assert {(one.verdict, one.reason) for one in found.each} == {(Verdict.QUARANTINE, Reason.DMARC)}
