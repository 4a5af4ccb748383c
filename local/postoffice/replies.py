"""An attendee's answer as a mail client sends it: METHOD:REPLY by mail (RFC 5546, section 3.2.3; RFC 6047)."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from enum import StrEnum

from icalendar import Calendar, Event, vCalAddress, vText

from .entries import Entry
from .shelf import same


class Answer(StrEnum):
    """The three answers, by their PARTSTAT (RFC 5545, section 3.2.12)."""

    ACCEPTED = "ACCEPTED"
    TENTATIVE = "TENTATIVE"
    DECLINED = "DECLINED"


COPIED = ("UID", "RECURRENCE-ID", "SEQUENCE", "ORGANIZER", "DTSTART", "DTEND", "DURATION", "SUMMARY", "LOCATION")


def mail(entry: Entry, answer: Answer, *, name: str, now: datetime) -> bytes:
    """The reply of the person called ``name`` to an entry that can be answered; ``now`` is an instant in UTC.

    Raises :class:`ValueError` where the calendar's addresses are not fit for a mail's header.
    """
    calendar = _calendar(entry, answer, name=name, now=now)
    letter = EmailMessage(policy=SMTP)
    letter["From"] = Address(display_name=name, addr_spec=entry.attendee)
    letter["To"] = Address(addr_spec=entry.organizer)
    letter["Subject"] = f"{answer.value.capitalize()}: {entry.title}"
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = make_msgid(domain=entry.attendee.rpartition("@")[2])
    letter.set_content(f"{name or entry.attendee} has answered: {answer.value.lower()}.\n")
    letter.add_alternative(calendar, subtype="calendar", charset="utf-8", cte="base64", params={"method": "REPLY"})
    return letter.as_bytes()


def _calendar(entry: Entry, answer: Answer, *, name: str, now: datetime) -> str:
    event = Event()
    for key in COPIED:
        if key in entry.event:
            event[key] = entry.event[key]
    event.DTSTAMP = now.astimezone(UTC)
    attendee = vCalAddress(f"mailto:{entry.attendee}")
    attendee.params["PARTSTAT"] = vText(answer.value)
    if name:
        attendee.params["CN"] = vText(name)
    event["ATTENDEE"] = attendee
    calendar = Calendar()
    calendar.add("PRODID", "-//Convoke//Inbox//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", "REPLY")
    for component in (*entry.zones, event):
        calendar.add_component(component)
    return str(calendar.to_ical(), "utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer that was given to one revision of an entry."""

    answer: Answer
    revision: tuple[int, datetime]


class Answers:
    """The answers that were given on the page. An answer counts until its entry has another revision."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given: list[tuple[str, str, str, Given]] = []

    def give(self, address: str, entry: Entry, answer: Answer) -> None:
        with self._lock:
            self._given.append((address, entry.uid, entry.date_id, Given(answer=answer, revision=entry.revision)))

    def to(self, address: str, entry: Entry) -> Answer | None:
        """The latest answer to this revision of the entry, if there is one."""
        with self._lock:
            given = tuple(self._given)
        for person, uid, date_id, one in reversed(given):
            if same(person, address) and (uid, date_id, one.revision) == (entry.uid, entry.date_id, entry.revision):
                return one.answer
        return None
