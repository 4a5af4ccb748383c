"""Mail that comes in, taken apart: genuine mail however it is packed, hostile mail well under a second."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from quopri import encodestring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.inbound import Verdict, judge
from convoke.inbound.itip_reply import answers
from convoke.inbound.mime import incoming
from convoke.model import Participation
from tests.factories import receipt
from tests.test_itip_reply import reply

CALENDAR = reply()


def a_mail(
    *,
    head: str = "From: Bo Ek <Bo@Example.net>",
    kind: str = "text/calendar; method=REPLY; charset=utf-8",
    encoding: str = "",
    body: bytes = CALENDAR,
) -> bytes:
    more = f"\r\nContent-Transfer-Encoding: {encoding}" if encoding else ""
    return f"{head}\r\nMIME-Version: 1.0\r\nContent-Type: {kind}{more}\r\n\r\n".encode() + body


def multipart(
    *parts: bytes, kind: str = "mixed", boundary: str = "b0", head: str = "From: bo@example.net\r\n"
) -> bytes:
    inside = b"".join(b"\r\n--" + boundary.encode() + b"\r\n" + part for part in parts)
    top = f'{head}Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    return top + inside + f"\r\n--{boundary}--\r\n".encode()


def part(kind: str, body: bytes, encoding: str = "7bit") -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


ICS = part("text/calendar; charset=utf-8; method=REPLY", CALENDAR)
HELLO = part("text/plain", b"Bo has accepted.\r\n")


def nested(depth: int) -> bytes:
    inner = ICS
    for level in range(depth, 0, -1):
        inner = multipart(inner, boundary=f"b{level}", head="From: bo@example.net\r\n" if level == 1 else "")
    return inner


def latin() -> bytes:
    text = CALENDAR.decode().replace("VERSION:2.0", "VERSION:2.0\r\nX-NAME:Köln")
    return part("text/calendar; charset=ISO-8859-1", text.encode("latin-1"), "8bit")


@pytest.mark.parametrize(
    "raw",
    [
        a_mail(),
        a_mail(encoding="base64", body=b64encode(CALENDAR)),
        a_mail(encoding="Quoted-Printable", body=encodestring(CALENDAR)),
        a_mail(kind='application/ics; name="reply.ics"', encoding="BASE64", body=b64encode(CALENDAR)),
        multipart(HELLO, ICS, kind="alternative"),
        multipart(multipart(HELLO, ICS, kind="alternative", boundary="b1", head=""), part("application/ics", CALENDAR)),
        multipart(HELLO, ICS, kind="report; report-type=disposition-notification"),
        multipart(ICS).replace(b"\r\n", b"\n"),
        multipart(ICS).replace(b"\r\n--b0--\r\n", b""),
        multipart(ICS, boundary="=_a+b(c)?:'x y"),
        multipart(part("message/rfc822", a_mail(body=CALENDAR.replace(b"ACCEPTED", b"DECLINED"))), ICS),
        nested(9),
    ],
)
def test_a_reply_is_found_however_it_is_packed(raw: bytes) -> None:
    found = incoming(raw)
    assert found.sender == "bo@example.net"
    assert found.calendar == CALENDAR
    assert [each.participation for each in answers(CALENDAR)] == [Participation.ACCEPTED]


def test_a_labelled_charset_becomes_utf_8() -> None:
    found = incoming(multipart(latin()))
    assert "X-NAME:Köln".encode() in (found.calendar or b"")


@pytest.mark.parametrize(
    "value",
    [
        "bo@example.net",
        "<Bo@EXAMPLE.net>",
        '"Ek, \\"Bo\\" <eve@example.org>" <bo@example.net>',
        "=?utf-8?q?B=C3=B6?= <bo@example.net>",
        "Bo Ek (work) <bo@example.net>",
        "bo@example.net (Bo Ek)",
        "Bö Ek <bo@example.net>",
        "Bo\r\n Ek\r\n <bo@example.net>",
        "Ek, Bo <bo@example.net>",
        "bo@example.net <BO@example.net>",
        "[Sales] Bo (EMEA (west)) <bo@example.net>",
    ],
)
def test_from_holds_one_address(value: str) -> None:
    assert incoming(a_mail(head=f"From: {value}")).sender == "bo@example.net"


@pytest.mark.parametrize(
    "head",
    [
        "Subject: nobody",
        "From: bo@example.net\r\nFrom: eve@example.net",
        "From: bo@example.net, eve@example.net",
        "From: Bo <bo@example.net>, eve@example.net",
        "From: Bo <bo@example.net> <eve@example.net>",
        "From: bo@example.net <eve@example.net>",
        "From: eve@example.org, Bo <bo@example.net>",
        'From: "eve@example.org", Bo <bo@example.net>',
        "From: (eve@example.org), <bo@example.net>",
        "From: bo@example.net, <bo@example.net>",
        "From: bo@example.net.evil <bo@example.net>",
        "From: evil-bo@example.net <bo@example.net>",
        "From: , <bo@example.net>",
        "From: bo@example.net(<eve@example.net>)x",
        "From: us: bo@example.net;",
        "From: <>",
        "From: Bo",
        "From: bö@example.net",
        'From: "bo ek"@example.net',
    ],
)
def test_a_from_that_can_be_read_in_two_ways_is_put_aside(head: str) -> None:
    found = incoming(a_mail(head=head))
    assert (found.problem, found.sender) == ("from", None)


OTHER = part("text/calendar", CALENDAR.replace(b"ACCEPTED", b"DECLINED"))


def hostile() -> Iterator[tuple[str, str, bytes]]:
    sender = "From: bo@example.net"
    yield "size", "a large mail", a_mail(body=b"x\r\n" * 1_800_000)
    yield "size", "a large calendar", a_mail(body=CALENDAR + b"X-A:b\r\n" * 40_000)
    yield "header", "a large header block", a_mail(head=sender + "\r\nX: y" * 50_000)
    yield "header", "a large Content-Type", a_mail(kind="text/calendar" + ";a=b" * 1_500)
    yield "header", "quotes in Content-Type", a_mail(kind="text/calendar" + ';a="' * 500 + "\r\n " + ';a="' * 500)
    yield "header", "two Content-Types", a_mail(head=sender + "\r\nContent-Type: text/plain")
    yield "header", "200 KB of Content-Type", a_mail(kind="text/calendar; " + "a" * 200_000)
    yield "header", "20,000 brackets in From", a_mail(head="From: " + "(" * 20_000)
    yield "header", "brackets in a folded From", a_mail(head="From: " + "\r\n ".join(["(" * 1_000] * 20))
    yield "from", "brackets in From", a_mail(head="From: " + "(" * 2_000)
    yield "from", "quotes in From", a_mail(head="From: " + '"a" ' * 500)
    yield "from", "backslashes in From", a_mail(head='From: "' + "\\" * 1_900)
    yield "parts", "many parts", multipart(*[HELLO] * 101)
    yield "parts", "many empty parts", multipart(*[b""] * 20_000)
    yield "parts", "parts in parts", multipart(*[multipart(*[HELLO] * 12, boundary="b1", head="")] * 12)
    yield "depth", "eleven levels", nested(11)
    yield "depth", "a thousand levels", nested(1_000)
    yield "unreadable", "no boundary", a_mail(kind="multipart/mixed")
    yield "unreadable", "not base64", a_mail(encoding="base64", body=b"QkVH" * 100 + b"Q")
    yield "unreadable", "no text", a_mail(body=b"\xff\xfe")
    yield "unreadable", "a codec that is slow", a_mail(kind="text/calendar; charset=punycode", body=b"a\n" * 30_000)
    yield "calendar", "no calendar", a_mail(kind="text/plain")
    yield "calendar", "two calendars", multipart(ICS, OTHER)
    yield "calendar", "a calendar in somebody else's mail", multipart(part("message/rfc822", a_mail()))
    yield "calendar", "boundaries and nothing else", multipart() + b"--b0 \r\n" * 700_000
    yield "calendar", "dashes", multipart() + b"--\r\n" * 19_000
    yield "calendar", "line breaks", a_mail(kind="multipart/mixed; boundary=b", body=b"\r\n" * 2_500_000)
    yield "calendar", "spaces after a boundary", multipart(kind="mixed") + (b"\r\n--b0" + b" " * 8_000 + b"x") * 30
    yield "from", "nothing", b""
    yield "from", "line breaks only", b"\n" * 200_000
    yield "from", "not a mail", bytes(range(256)) * 30
    yield "tnef", "winmail.dat", multipart(HELLO, part("application/ms-tnef", b"x"))


@pytest.mark.parametrize(("reason", "raw"), [pytest.param(reason, raw, id=name) for reason, name, raw in hostile()])
def test_a_hostile_mail_is_put_aside_at_once(reason: str, raw: bytes) -> None:
    began = time.process_time()
    judged = judge(receipt(), raw, lambda _: None)
    assert time.process_time() - began < 1
    assert (judged.verdict, judged.reason) == (Verdict.QUARANTINE, reason)


UID_OF_OURS = f"{'a' * 26}.{'b' * 36}.1@convoke.example.com"
DAY = "Date: Fri, 15 Jan 2027 13:15:00 +0100\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        a_mail(body=CALENDAR.replace(b"abc.def.1@example.org", UID_OF_OURS.encode())),
        a_mail(head=f"From: nobody\r\nReferences: <{UID_OF_OURS}>", kind="text/plain", body=b"Hello"),
        a_mail(head=f"From: nobody\r\nIn-Reply-To:\r\n <{UID_OF_OURS}>", kind="multipart/mixed"),
        a_mail(body=f"UID:{UID_OF_OURS[:50]}\r\n {UID_OF_OURS[50:]}".encode(), kind="application/pdf"),
        a_mail(body=b64encode(f"UID:{UID_OF_OURS}".encode()), encoding="base64", kind="application/ms-tnef"),
        a_mail(body=encodestring(f"x: {UID_OF_OURS}".encode()), encoding="quoted-printable", kind="text/html"),
        a_mail(body=b"x" * 5_000_000 + f"\r\n({UID_OF_OURS}) ".encode() + b"x" * 1_000_000),
        f"a line that is no field\r\n\r\n{UID_OF_OURS}".encode(),
        multipart(part("message/rfc822", a_mail(body=UID_OF_OURS.encode())), *[HELLO] * 200),
    ],
)
def test_a_uid_of_ours_is_found_wherever_it_stands(raw: bytes) -> None:
    assert incoming(raw).uids == (UID_OF_OURS,)


def test_what_only_looks_like_a_uid_of_ours_is_none() -> None:
    for text in (f"a{UID_OF_OURS}", UID_OF_OURS.upper(), UID_OF_OURS.replace(".1@", ".@"), UID_OF_OURS[:-19]):
        assert incoming(a_mail(body=text.encode())).uids == ()


def test_the_uids_of_the_calendar_come_first_then_the_latest_mail_that_is_answered() -> None:
    uids = [f"{rendered * 26}.{'b' * 36}.1@convoke.example.com" for rendered in "cdef"]
    head = f"From: bo@example.net\r\nReferences: <{uids[2]}>\r\n <{uids[1]}>"
    text = part("text/plain", uids[3].encode())
    inside = multipart(text, part("text/calendar", f"UID:{uids[0]}".encode()), head=f"{head}\r\n")
    assert incoming(inside).uids == tuple(uids)


@pytest.mark.parametrize(
    ("problem", "raw"),
    [
        ("from", a_mail(head=f"From: Bo\r\n{DAY}Subject: Accepted")),
        ("from", a_mail(head=f"From: bo@example.net\r\nSender: Bo\r\n{DAY}Subject: Accepted")),
        ("header", a_mail(head=f"From: bo@example.net\r\nno field at all\r\n{DAY}Subject: Accepted")),
        ("depth", nested(11).replace(b"From:", f"{DAY}Subject: Accepted\r\nFrom:".encode(), 1)),
        ("size", a_mail(head=f"From: bo@example.net\r\n{DAY}Subject: Accepted", body=b"x" * 6_000_000)),
    ],
)
def test_what_makes_a_mail_unusable_hides_nothing_else_of_it(problem: str, raw: bytes) -> None:
    found = incoming(raw)
    assert (found.problem, found.subject) == (problem, "Accepted")
    assert found.sent_at == datetime(2027, 1, 15, 12, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "sent_at"),
    [
        ("Fri, 15 Jan 2027 13:15:00 +0100", datetime(2027, 1, 15, 12, 15, tzinfo=UTC)),
        ("15 Jan 27 12:15 GMT", datetime(2027, 1, 15, 12, 15, tzinfo=UTC)),
        ("Fri, 15 Jan 2027 12:15:00 -0000 (UTC)", datetime(2027, 1, 15, 12, 15, tzinfo=UTC)),
        ("Fri, 15 Jan 2027", None),
        ("Fri, 35 Jan 2027 13:15:00 +0100", None),
        ("1 Jan 10000 00:00:00 +0000", None),
        ("", None),
    ],
)
def test_when_a_mail_was_written_is_read_if_it_says_so(date: str, sent_at: datetime | None) -> None:
    assert incoming(a_mail(head=f"From: bo@example.net\r\nDate: {date}")).sent_at == sent_at


def test_of_calendars_that_differ_the_one_that_answers_is_used() -> None:
    asks = part("application/ics", CALENDAR.replace(b"METHOD:REPLY", b"METHOD:REQUEST"))
    for parts in ((ICS, asks), (asks, ICS), (ICS, asks, asks)):
        found = incoming(multipart(*parts))
        assert (found.problem, found.calendar, found.method) == (None, CALENDAR, "REPLY")
    assert incoming(multipart(ICS, OTHER)).problem == "calendar"
    assert incoming(multipart(asks, asks)).calendar is not None


@given(
    st.lists(
        st.sampled_from(
            [b"\r\n", b"--b0", b"--b1", b"--", b"Content-Type: ", b"multipart/mixed; boundary=b1", ICS, b"a"]
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_no_mail_whatever_is_an_error(pieces: list[bytes]) -> None:
    incoming(multipart(b"".join(pieces)))
