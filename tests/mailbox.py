"""What came to an address, as a foreign calendar reads it: with a library that is not ours, and as RFC 5546 says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property
from typing import Any

from icalendar import Calendar

from convoke.effects import Send
from convoke.mail import placeholders
from tests.factories import existing, expect
from tests.rfc5545 import Moment, instant
from tests.rfc5546 import Known, Message, Recipient, Shown, read


def read_mail(raw: bytes) -> EmailMessage:
    """A mail as the standard library reads it."""
    return expect(EmailMessage, message_from_bytes(raw, _class=EmailMessage, policy=SMTP))


def plain_text_of(raw: bytes) -> str:
    return str(existing(read_mail(raw).get_body(("plain",))).get_content()).replace("\r\n", "\n")


def with_links(stored: bytes, *, of: bytes) -> bool:
    """Whether a ``stored`` mail is the one that was sent (``of``), once the links of that are put in."""
    assert placeholders.counted(stored) == (1, placeholders.OF_A_MAIL)
    (personal,) = re.findall(r"https?://\S+/r/[\w-]+", plain_text_of(of))
    withdraw = str(read_mail(of)["List-Unsubscribe"]).strip("<>")
    assert placeholders.counted(of) == (0, 0)
    return placeholders.filled(stored, personal=personal, withdraw=withdraw) == of


class Arrived:
    """One mail. Whatever the story, its mail and its calendar must name the same people and the same method."""

    def __init__(self, send: Send) -> None:
        self.bytes = send.rendered
        mail = read_mail(send.rendered.mail)
        self.subject = str(mail["Subject"])
        self.words = one_space(plain_text_of(send.rendered.mail))
        self.event: Any
        (self.event,) = Calendar.from_ical(send.rendered.calendar.decode()).walk("VEVENT")
        self.said = read(send.rendered.calendar)
        self.method, self.uid, self.sequence = self.said.method, self.said.uid, self.said.sequence
        self.dtstamp = self.said.dtstamp
        self.recipient = _address(self.event["ATTENDEE"])  # a second ATTENDEE would make it a list
        inline, attached = (part for part in mail.walk() if part.get_content_subtype() in ("calendar", "ics"))
        assert inline.get_param("method") == self.method
        assert inline.get_payload(decode=True) == attached.get_payload(decode=True) == send.rendered.calendar
        assert _only(mail, "To") == self.recipient == send.intent.calendar_state.recipient
        assert _only(mail, "From") == _address(self.event["ORGANIZER"]) == send.intent.calendar_state.organizer

    @cached_property
    def lines(self) -> list[str]:
        """The content lines of the event, unfolded."""
        text = re.sub(r"\r\n[ \t]", "", self.bytes.calendar.decode())
        return text.partition("BEGIN:VEVENT\r\n")[2].split("\r\n")

    @property
    def says(self) -> str:
        """When it is, STATUS, PARTSTAT and RSVP."""
        params = self.event["ATTENDEE"].params
        rsvp = f" RSVP={params['RSVP']}" if "RSVP" in params else ""
        return f"{self.when}, {self.event['STATUS']}, {params['PARTSTAT']}{rsvp}"

    @property
    def about(self) -> str:
        """The one date of a series that it is about, by its original start."""
        date = self.said.recurrence_id
        return "" if date is None else f" for {date:%Y-%m-%d %H:%M}" if isinstance(date, datetime) else f" for {date}"

    @property
    def when(self) -> str:
        return span(self.said.start, self.said.end) + zone_of(self.said.start)

    @property
    def in_utc(self) -> str:
        """The instants, as the VTIMEZONE that came along has them."""
        start, end = instant(self.said.start), instant(self.said.end)
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"


class Mailbox:
    """One address: all that came, in order, and what a calendar that follows RFC 5546 to the letter makes of it."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self._recipient = Recipient()

    def take(self, rendered: Arrived) -> None:
        self.arrived.append(rendered)
        self._recipient.take(rendered.said)

    def calendar(self) -> Recipient:
        return self._recipient

    def shows(self) -> str:
        """What stands, or ``empty``. The form is told in ``tests/conversation.py``."""
        return in_words(self._recipient)


# --- a calendar in words ------------------------------------------------------------------------------------------

OFTEN = {"DAILY": ("daily", "days"), "WEEKLY": ("weekly", "weeks"), "MONTHLY": ("monthly", "months")}
OFTEN["YEARLY"] = ("yearly", "years")


def in_words(calendar: Recipient) -> str:
    return " and ".join(entry for known in calendar.known.values() for entry in _entries(known)) or "empty"


def _entries(known: Known) -> Iterator[str]:
    whole, shown = known.whole, known.shows()
    if whole is None or not whole.stands:
        yield from (f"{_plain(one)}, one date{_from(original, one)}" for original, one in shown.items())
    elif whole.recurs or known.single:
        yield f"{_series(whole)}: {', '.join(_dates(whole, known))}"
    else:
        yield from map(_plain, shown.values())


def _plain(one: Shown) -> str:
    start, end = _local(one)
    return f'"{one.title}", {span(start, end)}{zone_of(start)}, {one.status}'


def _from(original: Moment, one: Shown) -> str:
    if one.start == original:
        return ""
    was = original.astimezone(one.zone) if isinstance(original, datetime) else original
    return f", moved from {was:%Y-%m-%d %H:%M}" if isinstance(was, datetime) else f", moved from {was}"


def _series(whole: Message) -> str:
    often = "by date"
    if whole.rule:
        rule = dict(part.split("=") for part in whole.rule.split(";"))
        adverb, units = OFTEN[rule["FREQ"]]
        often = adverb if rule.get("INTERVAL", "1") == "1" else f"every {rule['INTERVAL']} {units}"
    return f'"{whole.title}", {often} {span(whole.start, whole.end)}{zone_of(whole.start)}, {whole.status}'


def _dates(whole: Message, known: Known) -> Iterator[str]:
    usual, shown = dict(known.without_changes()), known.shows()
    for original in sorted({*shown, *known.removed()}):
        named = _named(original, whole)
        if original not in shown:
            yield f"no {named}"
            continue
        marks = [*_differences(shown[original], usual.get(original, whole.shown(original)))]
        if original not in usual:
            marks.append("not of the series")
        yield f"{named} ({', '.join(marks)})" if marks else named


def _named(original: Moment, whole: Message) -> str:
    """``19 Mar``, with the year where it is another than the first date's, and the time likewise."""
    first = whole.start
    if isinstance(original, datetime) and isinstance(first, datetime):
        original = original.astimezone(first.tzinfo)
        clock = f" {original:%H:%M}" if original.time() != first.time() else ""
    else:
        clock = ""
    year = f" {original.year}" if original.year != first.year else ""
    return f"{original.day} {original:%b}{year}{clock}"


def _differences(one: Shown, usual: Shown) -> Iterator[str]:
    if (one.start, one.end) != (usual.start, usual.end):
        start, end = _local(one)
        zone = zone_of(start) if str(one.zone) != str(usual.zone) else ""
        yield f"moved to {span(start, end)}{zone}"
    if one.title != usual.title:
        yield f'called "{one.title}"'
    if one.location != usual.location:
        yield f'at "{one.location}"'
    if one.description != usual.description:
        yield f'described as "{one.description}"'
    if one.status != usual.status:
        yield one.status


def _local(one: Shown) -> tuple[Moment, Moment]:
    """Start and end in the zone that the message told them in."""
    if isinstance(one.start, datetime) and isinstance(one.end, datetime):
        return one.start.astimezone(one.zone), one.end.astimezone(one.zone)
    return one.start, one.end


def span(start: Moment, end: Moment) -> str:
    """Wall times, or the first and the *last* of the whole days."""
    if isinstance(start, datetime) and isinstance(end, datetime):
        end = end.astimezone(start.tzinfo)
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
        return f"{start:%Y-%m-%d %H:%M} to {until}"
    last = end - timedelta(days=1)
    return f"{start}, all day" if start == last else f"{start} to {last}, all day"


def zone_of(start: Moment) -> str:
    return f" {start.tzinfo}" if isinstance(start, datetime) else ""


def one_space(text: str) -> str:
    return " ".join(text.split())


def _address(uri: str) -> str:
    return str(uri).removeprefix("mailto:")


def _only(mail: EmailMessage, header: str) -> str:
    (person,) = mail[header].addresses
    return str(person.addr_spec)
