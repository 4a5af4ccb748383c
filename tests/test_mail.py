"""The mail that goes out, byte for byte; and hostile mail that comes in, each well under a second."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from convoke import languages
from convoke.calendar import content_lines
from convoke.decision.calendar_state import Message
from convoke.inbound.mime import incoming
from convoke.mail import invitation_mail, page, placeholders, wording
from convoke.model import EventStatus, Method, Participation, Person, RenderError, When
from tests.factories import MORNING, NOW, message, told
from tests.golden.cases import (
    ALONE,
    CANCELLED,
    CASES,
    DATE_LESS,
    INVITATION,
    MOVED,
    OTHER_DATE,
    SERIES,
    TENTATIVE,
    dtstamp,
    kept,
)
from tests.mailbox import read_mail
from tests.test_itip import ANY_MESSAGE, ANYTHING


def stored(said: Message, sequence: int = 0) -> EmailMessage:
    return read_mail(invitation_mail.rendered(said, sequence=sequence, dtstamp=NOW).mail)


def worded(said: Message, now: datetime = NOW) -> wording.Wording:
    return wording.words(said, now)


def text(said: Message) -> str:
    return wording.text(worded(said))


# --- what goes out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_the_bytes_of_each_kind_of_mail_are_those_kept(name: str) -> None:
    said, sequence = CASES[name]
    made = invitation_mail.rendered(said, sequence=sequence, dtstamp=dtstamp(sequence)).mail
    assert made == kept(f"{name}.eml", made)


@pytest.mark.parametrize("name", CASES)
def test_the_mail_is_built_as_clients_want_it(name: str) -> None:
    said, sequence = CASES[name]
    rendered = invitation_mail.rendered(said, sequence=sequence, dtstamp=NOW)
    _, alternative, _, page, calendar, attached = parts = tuple(stored(said, sequence).walk())
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
    assert rendered.calendar == calendar.get_payload(decode=True) == attached.get_payload(decode=True)
    assert page.get_content().startswith("<!DOCTYPE html>")


def test_the_headers_say_who_writes_to_whom() -> None:
    parsed = stored(TENTATIVE, 7)
    assert parsed["To"].addresses[0].display_name == 'Zoë "Z" O’Hara, Jr.'
    assert parsed["To"].addresses[0].addr_spec == "zoe@xn--bcher-kva.example"
    assert str(parsed["From"]) == "Ada <events@convoke.example.com>"
    assert str(parsed["Reply-To"]) == "Ada <ada@example.org>"
    assert parsed["Date"].datetime == NOW
    assert parsed["Message-ID"] == f"<7.{TENTATIVE.uid}>"
    assert parsed["Auto-Submitted"] == "auto-generated"


def test_the_words_of_a_series_name_its_dates() -> None:
    made = worded(SERIES)
    details = {detail.label: detail.now for detail in made.details}
    assert made.subject == "Invitation: Choir · from Fri 12 Mar 2027, 09:00"
    assert details["When"] == "Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)"
    assert details["Dates"].split("\n") == [
        "Friday 12 March 2027",
        "Saturday 20 March 2027, 11:00",
        "Friday 2 April 2027",
    ]


@pytest.mark.parametrize(("count", "rows"), [(12, 12), (13, 13), (14, 13), (400, 13)])
def test_of_many_dates_the_first_and_the_last_are_named(count: int, rows: int) -> None:
    made = worded(message(rule=f"FREQ=DAILY;COUNT={count}"))
    named = next(detail.now for detail in made.details if detail.label == "Dates").split("\n")
    assert len(named) == rows
    if count == 400:
        assert named[-1] == "and 388 more, the last on Friday 14 April 2028"


def test_a_series_of_which_the_first_date_is_cancelled_begins_with_the_next() -> None:
    made = worded(message(rule="FREQ=WEEKLY;COUNT=3", without=(MORNING.start,)))
    details = {detail.label: detail.now for detail in made.details}
    assert details["When"].startswith("Friday 19 March 2027, 09:00")


def test_the_words_of_one_date_say_which_and_what_it_was() -> None:
    moved, cancelled = worded(OTHER_DATE), worded(DATE_LESS)
    assert moved.subject == "Moved: Dress rehearsal · Sat 20 Mar 2027, 11:00"
    assert moved.headline == "“Dress rehearsal” on Friday 19 March 2027 has been moved."
    assert [(detail.label, detail.was) for detail in moved.details if detail.was] == [
        ("What", "Choir"),
        ("When", "Friday 19 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)"),
    ]
    assert cancelled.subject == "Cancelled: Choir · Fri 26 Mar 2027, 09:00"
    assert "The other dates are as they were." in cancelled.closing
    assert cancelled.details[0].now == "The hall is taken."
    assert worded(ALONE).subject == "Invitation: Choir · Fri 12 Mar 2027, 09:00"
    assert not any(detail.label == "Dates" for said in (moved, cancelled) for detail in said.details)


@pytest.mark.parametrize("domain", ["convoke.example.com", f"{'a' * 60}.{'b' * 60}.example.com"])
def test_an_answer_by_hand_leads_back_to_the_invitation(domain: str) -> None:
    """Whatever SES makes of our Message-ID: an answer refers to all that the mail refers to (RFC 5322, 3.6.4)."""
    uid = INVITATION.uid.replace("convoke.example.com", domain)
    references = stored(replace(INVITATION, uid=uid))["References"]
    by_hand = f"From: bo@example.net\r\nReferences: {references}\r\n <0101@eu-central-1.amazonses.com>\r\n\r\nHej\r\n"
    assert uid in incoming(by_hand.encode()).references


@given(ANY_MESSAGE)
@settings(max_examples=100, deadline=None)
def test_no_text_whatever_changes_headers_parts_or_tags(said: Message) -> None:
    rendered = invitation_mail.rendered(said, sequence=2, dtstamp=NOW)
    assert rendered == invitation_mail.rendered(replace(said), sequence=2, dtstamp=NOW)
    assert rendered.mail.isascii()
    assert rendered.mail.count(b"\n") == rendered.mail.count(b"\r\n") == rendered.mail.count(b"\r")
    assert max(map(len, rendered.mail.split(b"\r\n"))) <= 120
    head, _, body = rendered.mail.partition(b"\r\n\r\n")
    assert re.findall(rb"^[A-Za-z-]+(?=:)", head, re.MULTILINE) == [
        *(b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"References", b"MIME-Version"),
        *(b"Auto-Submitted", b"List-Unsubscribe", b"List-Unsubscribe-Post", b"Content-Type"),
    ]
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    parsed = stored(said, 2)
    assert parsed["Subject"] == " ".join(worded(said).subject.split())
    html = next(part for part in parsed.walk() if part.get_content_type() == "text/html").get_content()
    assert tags(html) <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
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


def tags(html: str) -> set[str]:
    seen: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.add(tag)
            assert {name for name, _ in attrs} <= {
                "lang",
                "dir",
                "charset",
                "name",
                "content",
                "class",
                "style",
                "href",
            }
            assert all(
                re.match(rf"https?://|tel:|mailto:|{placeholders.PERSONAL}\Z", value or "", re.I)
                for name, value in attrs
                if name == "href"
            )

    Reader().feed(html)
    return seen


@given(ANYTHING, ANYTHING)
@settings(max_examples=100, deadline=None)
def test_names_read_back_as_they_were_meant(attendee: str, organizer: str) -> None:
    parsed = stored(
        message(
            attendee=Person(name=attendee, email="bo@example.net"),
            reply_to=Person(name=organizer, email="ada@example.org"),
        )
    )
    # Python's reader puts a space between the encoded words of a name, where RFC 2047, section 6.2 wants none.
    for header, name in (("To", attendee), ("Reply-To", organizer)):
        assert "".join(parsed[header].addresses[0].display_name.split()) == "".join(content_lines.clean(name).split())


@pytest.mark.parametrize(
    ("was", "now", "what"),
    [
        (b"bo@example.net", b"eve@example.net", "To|headers"),
        (b"ada@example.org", b"eve@example.org", "Reply-To|headers"),
        (b'method="REQUEST"', b'method="CANCEL"', "method"),
        (b"Subject: Inv", b"Subject: Unv", "headers"),
        (b"Auto-Submitted:", b"Bcc:", "headers"),
        (b"Content-Type: multipart/mixed", b"Bcc: eve@example.net\r\nContent-Type: multipart/mixed", "headers"),
        (b"text/html", b"text/plain", "parts"),
        (b"QkVH", b"QkVI", "calendar"),
        (b"List-Unsubscribe:", b"List-Help:", "headers"),
        (b"=5Fyour=5Fpersonal=5Flink=5F\r\n", b"_your_personal_link_\r\n", "placeholders"),
        (b"=5Fyour=5Fpersonal=5Flink=5F=\r\n", b"_your_personal_link_=\r\n", "placeholders"),
        (b"See or change", b"=5Fyour=5Fpersonal=5Flink=5F", "placeholders"),
    ],
)
def test_a_mail_that_reads_back_otherwise_is_not_sent(
    was: bytes, now: bytes, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = invitation_mail.joined
    monkeypatch.setattr(invitation_mail, "joined", lambda fields, body: honest(fields, body).replace(was, now))
    with pytest.raises(RenderError, match=what):
        invitation_mail.rendered(message(title="Plain"), sequence=0, dtstamp=NOW)


# --- the words ----------------------------------------------------------------------------------------------------


def test_an_invitation_says_what_when_where_and_how_to_answer() -> None:
    assert worded(INVITATION).subject == "Invitation: Kölner Treffen · Fri 12 Mar 2027, 09:00"
    assert text(INVITATION) == (
        "You are invited to “Kölner Treffen”.\n\n"
        "When:      Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)\n"
        "Where:     Dom, Köln\n"
        "More:      https://example.org/treffen\n"
        "Organizer: Ada <ada@example.org>\n\n"
        "Coffee first.\nThen the agenda.\n\n"
        "Please say whether you will come: accept or decline in your calendar, or answer this mail.\n\n"
        "See or change your registration:\n_your_personal_link_\n\n"
        "You get this mail because bo@example.net is registered for “Kölner Treffen”, organized by "
        "Ada <ada@example.org>. To withdraw, and get no more mail about it, use the link above; it is meant for you "
        "alone.\n"
    )


def test_a_move_says_what_was_and_what_is_now() -> None:
    said = worded(MOVED)
    assert said.subject == "Moved: Kölner Treffen · Fri 12 Mar 2027, 15:00"
    assert (
        "When:      was: Friday 12 March 2027, 09:00 to 10:30 (Europe/Berlin, UTC+01:00)\n"
        "           now: Friday 12 March 2027, 15:00 to 16:30 (Europe/Berlin, UTC+01:00)\n"
    ) in wording.text(said)
    assert "Please say again whether" in wording.text(said)
    assert "was: <s>Friday 12 March 2027, 09:00" in page.html(said)


def test_another_place_and_another_title_say_what_was() -> None:
    before = told(location="Dom", title="Treffen")
    said = text(message(before=before, location="", participation=Participation.ACCEPTED))
    assert "was: Dom\n" in said
    assert "now: no place given\n" in said
    assert "was: Treffen\n" in said
    assert "If you cannot come, decline" in said
    assert worded(message(before=before)).subject == "Updated: Kölner Treffen · Fri 12 Mar 2027, 09:00"


def test_what_may_never_have_arrived_is_not_said_to_have_been() -> None:
    said = worded(replace(MOVED, before=told(certain=False).known))
    assert said.subject == "Updated: Kölner Treffen · Fri 12 Mar 2027, 15:00"
    assert "was:" not in wording.text(said)


def test_a_cancellation_says_what_was_cancelled_and_why() -> None:
    said = worded(CANCELLED)
    assert said.subject == "Cancelled: Kölner Treffen · Fri 12 Mar 2027, 15:00"
    assert said.headline == "“Kölner Treffen” has been cancelled."
    assert "Reason:    The speaker is ill.\n" in wording.text(said)
    assert "When:      Friday 12 March 2027, 15:00" in wording.text(said)
    assert "was:" not in wording.text(said)
    assert "Please say" not in wording.text(said)


def test_one_withdrawn_invitation_does_not_say_that_the_event_is_cancelled() -> None:
    withdrawn = message(method=Method.CANCEL, status=EventStatus.CANCELLED)
    assert worded(withdrawn).headline == "This invitation to “Kölner Treffen” has been withdrawn."


def test_a_tentative_event_says_so() -> None:
    said = worded(message(status=EventStatus.TENTATIVE))
    assert said.subject == "Invitation (tentative): Kölner Treffen · Fri 12 Mar 2027, 09:00"
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
    assert languages.texts_in("en").when(when) == said


def test_only_links_that_lead_to_pages_phones_and_mail_can_be_clicked() -> None:
    html = page.html(worded(message(url="javascript:alert(1)")))
    assert 'href="javascript' not in html
    assert "javascript:alert(1)" in html
