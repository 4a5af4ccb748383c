"""The mail that goes out, byte for byte; and hostile mail that comes in, each well under a second."""

from __future__ import annotations

import contextlib
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from quopri import encodestring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke import itip, lines, mail, words
from convoke.model import EventStatus, Message, Method, Participation, Person, Unsayable, When
from tests.factories import NOW, message, told
from tests.golden.cases import CANCELLED, CASES, INVITATION, MOVED, TENTATIVE, dtstamp, kept
from tests.test_itip import ANY_MESSAGE, ANYTHING, reply


def posted(said: Message, sequence: int = 0) -> EmailMessage:
    parsed = message_from_bytes(
        mail.letter(said, sequence=sequence, dtstamp=NOW).mail, _class=EmailMessage, policy=SMTP
    )
    assert isinstance(parsed, EmailMessage)
    return parsed


def text(said: Message) -> str:
    return words.text(words.words(said))


# --- what goes out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_the_bytes_of_each_kind_of_mail_are_those_kept(name: str) -> None:
    said, sequence = CASES[name]
    made = mail.letter(said, sequence=sequence, dtstamp=dtstamp(sequence)).mail
    assert made == kept(f"{name}.eml", made)


@pytest.mark.parametrize("name", CASES)
def test_the_mail_is_built_as_clients_want_it(name: str) -> None:
    said, sequence = CASES[name]
    letter = mail.letter(said, sequence=sequence, dtstamp=NOW)
    _, alternative, _, page, calendar, attached = parts = tuple(posted(said, sequence).walk())
    assert [part.get_content_type() for part in parts] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    assert list(alternative.iter_parts())[-1] is calendar
    assert dict(calendar["Content-Type"].params) == {"charset": "UTF-8", "method": str(said.method)}
    assert calendar["Content-Disposition"] is None
    assert attached.get_filename() == attached.get_param("name") == "invite.ics"
    assert letter.calendar == calendar.get_payload(decode=True) == attached.get_payload(decode=True)
    assert page.get_content().startswith("<!DOCTYPE html>")


def test_the_headers_say_who_writes_to_whom() -> None:
    parsed = posted(TENTATIVE, 7)
    assert parsed["To"].addresses[0].display_name == 'Zoë "Z" O’Hara, Jr.'
    assert parsed["To"].addresses[0].addr_spec == "zoe@xn--bcher-kva.example"
    assert str(parsed["From"]) == "Ada <events@convoke.example.com>"
    assert str(parsed["Reply-To"]) == "Ada <ada@example.org>"
    assert parsed["Date"].datetime == NOW
    assert parsed["Message-ID"] == f"<7.{TENTATIVE.uid}>"
    assert parsed["Auto-Submitted"] == "auto-generated"


@given(ANY_MESSAGE)
@settings(max_examples=100, deadline=None)
def test_no_text_whatever_changes_headers_parts_or_tags(said: Message) -> None:
    letter = mail.letter(said, sequence=2, dtstamp=NOW)
    assert letter == mail.letter(replace(said), sequence=2, dtstamp=NOW)
    assert letter.mail.isascii()
    assert letter.mail.count(b"\n") == letter.mail.count(b"\r\n") == letter.mail.count(b"\r")
    assert max(map(len, letter.mail.split(b"\r\n"))) <= 120
    head, _, body = letter.mail.partition(b"\r\n\r\n")
    assert re.findall(rb"^[A-Za-z-]+(?=:)", head, re.MULTILINE) == [
        *(b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"MIME-Version"),
        *(b"Auto-Submitted", b"Content-Type"),
    ]
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    parsed = posted(said, 2)
    assert parsed["Subject"] == " ".join(words.words(said).subject.split())
    page = next(part for part in parsed.walk() if part.get_content_type() == "text/html").get_content()
    assert tags(page) <= {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "div",
        "h1",
        "table",
        "tr",
        "th",
        "td",
        "a",
        "p",
        "br",
    }


def tags(page: str) -> set[str]:
    seen: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.add(tag)
            assert {name for name, _ in attrs} <= {"lang", "charset", "style", "href"}
            assert all(
                re.match(r"https?://|tel:|mailto:", value or "", re.I) for name, value in attrs if name == "href"
            )

    Reader().feed(page)
    return seen


@given(ANYTHING, ANYTHING)
@settings(max_examples=100, deadline=None)
def test_names_read_back_as_they_were_meant(attendee: str, organizer: str) -> None:
    parsed = posted(
        message(
            attendee=Person(name=attendee, email="bo@example.net"),
            reply_to=Person(name=organizer, email="ada@example.org"),
        )
    )
    # Python's reader puts a space between the encoded words of a name, where RFC 2047, section 6.2 wants none.
    for header, name in (("To", attendee), ("Reply-To", organizer)):
        assert "".join(parsed[header].addresses[0].display_name.split()) == "".join(lines.clean(name).split())


def test_a_mail_that_reads_back_otherwise_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = EmailMessage.as_bytes
    for was, now, what in (
        (b"bo@example.net", b"eve@example.net", "To"),
        (b"ada@example.org", b"eve@example.org", "Reply-To"),
        (b'method="REQUEST"', b'method="CANCEL"', "method"),
        (b"Subject: Inv", b"Subject: Unv", "Subject"),
        (b"Auto-Submitted:", b"Bcc:", "headers"),
        (b"text/html", b"text/plain", "parts"),
        (b"QkVH", b"QkVI", "calendar"),
    ):
        monkeypatch.setattr(EmailMessage, "as_bytes", lambda self, was=was, now=now: honest(self).replace(was, now))
        with pytest.raises(Unsayable, match=what):
            mail.letter(message(title="Plain"), sequence=0, dtstamp=NOW)


# --- the words ----------------------------------------------------------------------------------------------------


def test_an_invitation_says_what_when_where_and_how_to_answer() -> None:
    assert words.words(INVITATION).subject == "Invitation: Kölner Treffen"
    assert text(INVITATION) == (
        "You are invited to “Kölner Treffen”.\n\n"
        "When:      Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)\n"
        "Where:     Dom, Köln\n"
        "More:      https://example.org/treffen\n"
        "Organizer: Ada <ada@example.org>\n\n"
        "Coffee first.\nThen the agenda.\n\n"
        "Please say whether you will come: accept or decline in your calendar, or answer this mail.\n"
    )


def test_a_move_says_what_was_and_what_is_now() -> None:
    said = words.words(MOVED)
    assert said.subject == "Moved: Kölner Treffen"
    assert (
        "When:      was: Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)\n"
        "           now: Friday 12 March 2027, 15:00 to 16:30 (Europe/Berlin, UTC+01:00)\n"
    ) in words.text(said)
    assert "Please say again whether" in words.text(said)
    assert "was: <s>Friday 12 March 2027, 09:00" in words.html(said)


def test_another_place_and_another_title_say_what_was() -> None:
    before = told(location="Dom", title="Treffen")
    said = text(message(before=before, location="", participation=Participation.ACCEPTED))
    assert "was: Dom\n" in said
    assert "now: no place given\n" in said
    assert "was: Treffen\n" in said
    assert "If you cannot come, decline" in said
    assert words.words(message(before=before)).subject == "Updated: Kölner Treffen"


def test_what_may_never_have_arrived_is_not_said_to_have_been() -> None:
    said = words.words(replace(MOVED, before=told(certain=False).known))
    assert said.subject == "Updated: Kölner Treffen"
    assert "was:" not in words.text(said)


def test_a_cancellation_says_what_was_cancelled_and_why() -> None:
    said = words.words(CANCELLED)
    assert said.subject == "Cancelled: Kölner Treffen"
    assert said.headline == "“Kölner Treffen” has been cancelled."
    assert "Reason:    The speaker is ill.\n" in words.text(said)
    assert "When:      Friday 12 March 2027, 15:00" in words.text(said)
    assert "was:" not in words.text(said)
    assert "Please say" not in words.text(said)


def test_one_withdrawn_invitation_does_not_say_that_the_event_is_cancelled() -> None:
    withdrawn = message(method=Method.CANCEL, status=EventStatus.CANCELLED)
    assert words.words(withdrawn).headline == "This invitation to “Kölner Treffen” has been withdrawn."


def test_a_tentative_event_says_so() -> None:
    said = words.words(message(status=EventStatus.TENTATIVE))
    assert said.subject == "Invitation (tentative): Kölner Treffen"
    assert "not yet certain" in said.headline


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (When(start=date(2027, 4, 2), end=date(2027, 4, 2)), "Friday 2 April 2027, all day"),
        (
            When(start=date(2027, 4, 2), end=date(2027, 4, 5), time_zone="Pacific/Auckland"),
            "Friday 2 April 2027 to Monday 5 April 2027, all day (Pacific/Auckland)",
        ),
        (
            When(start=datetime(2027, 6, 1, 22), end=datetime(2027, 6, 2, 1), time_zone="America/St_Johns"),
            "Tuesday 1 June 2027, 22:00 to Wednesday 2 June 2027, 01:00 (America/St_Johns, UTC-02:30)",
        ),
        (
            When(start=datetime(2027, 10, 31, 1), end=datetime(2027, 10, 31, 2, 30, fold=1), time_zone="Europe/Berlin"),
            "Sunday 31 October 2027, 01:00 to 02:30 (Europe/Berlin, UTC+02:00, at its end UTC+01:00)",
        ),
        (
            When(start=datetime(2027, 6, 1, 9), end=datetime(2027, 6, 1, 10), time_zone="UTC"),
            "Tuesday 1 June 2027, 09:00 to 10:00 (UTC)",
        ),
    ],
)
def test_people_read_dates_with_their_zone(when: When, said: str) -> None:
    assert words.in_words(when) == said


def test_only_links_that_lead_to_pages_phones_and_mail_can_be_clicked() -> None:
    page = words.html(words.words(message(url="javascript:alert(1)")))
    assert 'href="javascript' not in page
    assert "javascript:alert(1)" in page


# --- what comes in ------------------------------------------------------------------------------------------------

CALENDAR = reply()


def incoming(
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
        incoming(),
        incoming(encoding="base64", body=b64encode(CALENDAR)),
        incoming(encoding="Quoted-Printable", body=encodestring(CALENDAR)),
        incoming(kind='application/ics; name="reply.ics"', encoding="BASE64", body=b64encode(CALENDAR)),
        multipart(HELLO, ICS, kind="alternative"),
        multipart(multipart(HELLO, ICS, kind="alternative", boundary="b1", head=""), part("application/ics", CALENDAR)),
        multipart(HELLO, ICS, kind="report; report-type=disposition-notification"),
        multipart(ICS).replace(b"\r\n", b"\n"),
        multipart(ICS).replace(b"\r\n--b0--\r\n", b""),
        multipart(ICS, boundary="=_a+b(c)?:'x y"),
        multipart(part("message/rfc822", incoming(body=CALENDAR.replace(b"ACCEPTED", b"DECLINED"))), ICS),
        nested(4),
    ],
)
def test_a_reply_is_found_however_it_is_packed(raw: bytes) -> None:
    found = mail.incoming(raw)
    assert found.sender == "bo@example.net"
    assert found.calendar == CALENDAR
    assert itip.answer(found.calendar).participation is Participation.ACCEPTED


def test_a_labelled_charset_becomes_utf_8() -> None:
    found = mail.incoming(multipart(latin()))
    assert "X-NAME:Köln" in found.calendar.decode("utf-8")


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
    ],
)
def test_from_holds_one_address(value: str) -> None:
    assert mail.incoming(incoming(head=f"From: {value}")).sender == "bo@example.net"


@pytest.mark.parametrize(
    "head",
    [
        "Subject: nobody",
        "From: bo@example.net\r\nFrom: eve@example.net",
        "From: bo@example.net, eve@example.net",
        "From: Bo <bo@example.net>, eve@example.net",
        "From: Bo <bo@example.net> <eve@example.net>",
        "From: bo@example.net <eve@example.net>",
        "From: bo@example.net(<eve@example.net>)x",
        "From: us: bo@example.net;",
        "From: <>",
        "From: Bo",
        "From: bö@example.net",
        'From: "bo ek"@example.net',
    ],
)
def test_a_from_that_can_be_read_in_two_ways_is_put_aside(head: str) -> None:
    with pytest.raises(mail.Quarantined) as aside:
        mail.incoming(incoming(head=head))
    assert aside.value.reason == "from"


OTHER = part("text/calendar", CALENDAR.replace(b"ACCEPTED", b"DECLINED"))


def hostile() -> Iterator[tuple[str, str, bytes]]:
    sender = "From: bo@example.net"
    yield "size", "a large mail", incoming(body=b"x\r\n" * 90_000)
    yield "size", "a large calendar", incoming(body=CALENDAR + b"X-A:b\r\n" * 10_000)
    yield "header", "a large header block", incoming(head=sender + "\r\nX: y" * 6_000)
    yield "header", "a large Content-Type", incoming(kind="text/calendar" + ";a=b" * 1_500)
    yield "header", "quotes in Content-Type", incoming(kind="text/calendar" + ';a="' * 500 + "\r\n " + ';a="' * 500)
    yield "header", "two Content-Types", incoming(head=sender + "\r\nContent-Type: text/plain")
    yield "line", "200 KB of Content-Type", incoming(kind="text/calendar; " + "a" * 200_000)
    yield "line", "20,000 brackets in From", incoming(head="From: " + "(" * 20_000)
    yield "header", "brackets in a folded From", incoming(head="From: " + "\r\n ".join(["(" * 1_000] * 20))
    yield "from", "brackets in From", incoming(head="From: " + "(" * 2_000)
    yield "from", "quotes in From", incoming(head="From: " + '"a" ' * 500)
    yield "from", "backslashes in From", incoming(head='From: "' + "\\" * 1_900)
    yield "parts", "many parts", multipart(*[HELLO] * 30)
    yield "parts", "many empty parts", multipart(*[b""] * 20_000)
    yield "parts", "parts in parts", multipart(*[multipart(*[HELLO] * 6, boundary="b1", head="")] * 6)
    yield "depth", "six levels", nested(5)
    yield "depth", "a thousand levels", nested(1_000)
    yield "unreadable", "no boundary", incoming(kind="multipart/mixed")
    yield "unreadable", "not base64", incoming(encoding="base64", body=b"QkVH" * 100 + b"Q")
    yield "unreadable", "an unknown encoding", incoming(encoding="x-uuencode")
    yield "unreadable", "not its charset", incoming(body=b"\xff\xfe")
    yield "unreadable", "a codec that is slow", incoming(kind="text/calendar; charset=punycode", body=b"a\n" * 30_000)
    yield "unreadable", "a codec that unpacks", incoming(kind="text/calendar; charset=zlib")
    yield "unreadable", "a codec that is not", incoming(kind="text/calendar; charset=iso-8859-99")
    yield "calendar", "no calendar", incoming(kind="text/plain")
    yield "calendar", "two calendars", multipart(ICS, OTHER)
    yield "calendar", "a calendar in somebody else's mail", multipart(part("message/rfc822", incoming()))
    yield "calendar", "boundaries and nothing else", multipart() + b"--b0 \r\n" * 30_000
    yield "calendar", "dashes", multipart() + b"--\r\n" * 50_000
    yield "calendar", "line breaks", incoming(kind="multipart/mixed; boundary=b", body=b"\r\n" * 120_000)
    yield "calendar", "spaces after a boundary", multipart(kind="mixed") + (b"\r\n--b0" + b" " * 8_000 + b"x") * 30
    yield "from", "nothing", b""
    yield "from", "line breaks only", b"\n" * 200_000
    yield "from", "not a mail", bytes(range(256)) * 30
    yield "tnef", "winmail.dat", multipart(HELLO, part("application/ms-tnef", b"x"))


@pytest.mark.parametrize(("reason", "raw"), [pytest.param(reason, raw, id=name) for reason, name, raw in hostile()])
def test_a_hostile_mail_is_put_aside_at_once(reason: str, raw: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(mail.Quarantined) as aside:
        mail.incoming(raw)
    assert time.perf_counter() - began < 1
    assert aside.value.reason == reason


@given(
    st.lists(
        st.sampled_from(
            [b"\r\n", b"--b0", b"--b1", b"--", b"Content-Type: ", b"multipart/mixed; boundary=b1", ICS, b"a"]
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_no_mail_whatever_is_an_error(pieces: list[bytes]) -> None:
    with contextlib.suppress(mail.Quarantined):
        mail.incoming(multipart(b"".join(pieces)))
