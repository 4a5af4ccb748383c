"""What came to an address, as a foreign calendar reads it: with a library that is not ours, and as RFC 5546 says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cached_property
from typing import Any

from icalendar import Calendar

from convoke.effects import Send


class Arrived:
    """One letter. Whatever the story, its mail and its calendar must name the same people and the same method."""

    def __init__(self, send: Send) -> None:
        self.bytes = send.letter
        mail = message_from_bytes(send.letter.mail, _class=EmailMessage, policy=SMTP)
        assert isinstance(mail, EmailMessage)
        self.subject = str(mail["Subject"])
        plain = mail.get_body(("plain",))
        assert plain is not None
        self.words = one_space(plain.get_content())
        self.event: Any
        self.calendar: Any = Calendar.from_ical(send.letter.calendar.decode())
        (self.event,) = self.calendar.walk("VEVENT")
        self.method = str(self.calendar["METHOD"])
        self.uid = str(self.event["UID"])
        self.sequence = int(self.event["SEQUENCE"])
        self.dtstamp: datetime = self.event["DTSTAMP"].dt
        self.recipient = _address(self.event["ATTENDEE"])  # a second ATTENDEE would make it a list
        inline, attached = (part for part in mail.walk() if part.get_content_subtype() in ("calendar", "ics"))
        assert inline.get_param("method") == self.method
        assert inline.get_payload(decode=True) == attached.get_payload(decode=True) == send.letter.calendar
        assert _only(mail, "To") == self.recipient == send.intent.told.recipient
        assert _only(mail, "From") == _address(self.event["ORGANIZER"]) == send.intent.told.organizer

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
    def when(self) -> str:
        """Wall times and their zone, or the first and the *last* of the whole days."""
        first, end = self.event["DTSTART"], self.event["DTEND"].dt
        start = first.dt
        if not isinstance(start, datetime):
            last = end - timedelta(days=1)
            return f"{start}, all day" if start == last else f"{start} to {last}, all day"
        end = end.astimezone(start.tzinfo)
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
        return f"{start:%Y-%m-%d %H:%M} to {until} {first.params.get('TZID', 'UTC')}"

    @property
    def in_utc(self) -> str:
        """The instants, as the VTIMEZONE that came along has them."""
        start, end = (self._instant(self.event[name]) for name in ("DTSTART", "DTEND"))
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"

    def _instant(self, moment: Any) -> datetime:
        zones = {str(zone["TZID"]): zone for zone in self.calendar.walk("VTIMEZONE")}
        name, at = moment.params.get("TZID"), moment.dt
        zone = UTC if name is None else zones[name].to_tz(lookup_tzid=False)
        instant: datetime = at.replace(tzinfo=zone).astimezone(UTC)
        return instant


class Mailbox:
    """One address: all that came, in order, and what a calendar that follows RFC 5546 to the letter makes of it."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self._entries: dict[str, Arrived] = {}

    def take(self, letter: Arrived) -> None:
        self.arrived.append(letter)
        standing = self._entries.get(letter.uid)
        if standing is None and letter.method == "CANCEL":
            return  # there is nothing to remove
        # Section 2.1.5: the higher SEQUENCE is the newer revision; of equal ones, the later DTSTAMP.
        if standing is None or (letter.sequence, letter.dtstamp) >= (standing.sequence, standing.dtstamp):
            self._entries[letter.uid] = letter

    def shows(self) -> str:
        """The entries that stand, or ``empty``."""
        standing = [entry for entry in self._entries.values() if entry.method == "REQUEST"]
        entries = [f'"{entry.event["SUMMARY"]}", {entry.when}, {entry.event["STATUS"]}' for entry in standing]
        return " and ".join(entries) or "empty"


def one_space(text: str) -> str:
    return " ".join(text.split())


def _address(uri: str) -> str:
    return str(uri).removeprefix("mailto:")


def _only(mail: EmailMessage, header: str) -> str:
    (person,) = mail[header].addresses
    return str(person.addr_spec)
