"""Measures how long a mail takes to render, beside the libraries that others write such mails with.

``python -m tests.bench.render`` prints a table and, as its last line, the JSON object of :func:`measure`. Every peer
renders the same invitation for the same people, and what it says is compared first (:func:`said`): whom it is from and
to, text, page, and each property of the calendar that clients show. The peers take turns, so that whatever else the
machine does slows all of them; times are those of the processor.
"""

from __future__ import annotations

import json
import pickle
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from functools import partial
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from dateutil import tz

from convoke.calendar.content_lines import address, uri
from convoke.calendar.itip import PRODID, description
from convoke.decision.calendar_state import Message
from convoke.mail import invitation_mail, spliced
from convoke.mail.mime_parts import decoded_body
from convoke.mail.page import html
from convoke.mail.wording import text, words
from convoke.model import Person
from tests.factories import NOW
from tests.golden.cases import INVITATION

NAIVE = "icalendar + EmailMessage"
"""The peer that the ratio refers to."""
OURS = "spliced"
ROUNDS, BUDGET_S = 25, 0.05
ATTENDS = {"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "TRUE"}
ALIKE = {
    "STATUS": "CONFIRMED",
    "TRANSP": "OPAQUE",
    "CLASS": "PUBLIC",
    "X-MICROSOFT-CDO-BUSYSTATUS": "BUSY",
    "X-MICROSOFT-CDO-ALLDAYEVENT": "FALSE",
}
"""What is in the calendar of every invitation."""
NAMES = ("Bo Ek", "Ada Lovelace", "Jean-Luc Ménard", "O'Hara, Pat", "Zoë Schmidt-Bäcker", "田中太郎", "Maria da Silva")


def people(count: int) -> list[Message]:
    """The invitation for so many people, each read anew as from a table."""
    return [
        pickle.loads(pickle.dumps(told))  # noqa: S301 (what was pickled here)
        for number in range(count)
        for told in [
            replace(
                INVITATION,
                attendee=Person(name=NAMES[number % len(NAMES)], email=f"guest{number}@example.net"),
                uid=INVITATION.uid.replace("01abcdefgh", f"{number:010}"),
                created_at=INVITATION.created_at + timedelta(seconds=number),
            )
        ]
    ]


# --- the peers ----------------------------------------------------------------------------------------------------


def plain(message: Message) -> bytes:
    return invitation_mail.rendered(message, sequence=0, dtstamp=NOW).mail


def by_template(message: Message) -> bytes:
    return spliced.rendered(message, sequence=0, dtstamp=NOW).mail


def with_icalendar(message: Message, *, zoned: bool = True) -> bytes:
    zone, person, calendar = _zone(message), message.attendee, icalendar.Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("method", "REQUEST")
    event = icalendar.Event()
    event.add("uid", message.uid)
    event.add("sequence", 0)
    event.add("dtstamp", NOW)
    event.add("created", message.created_at)
    event.add("last-modified", max(message.created_at, message.updated_at))
    for name, local_time in (("dtstart", message.when.start), ("dtend", message.when.end)):
        at = _local(local_time).replace(tzinfo=zone)
        event.add(name, at if zoned else at.astimezone(UTC))
    event.add("summary", message.title)
    event.add("description", description(message))
    event.add("location", message.location)
    event.add("url", uri(message.url))
    organizer = icalendar.vCalAddress(f"mailto:{message.organizer.email}")
    organizer.params["CN"] = icalendar.vText(message.organizer.name)
    event["organizer"] = organizer
    attendee = icalendar.vCalAddress(f"mailto:{address(person.email)}")
    attendee.params["CN"] = icalendar.vText(person.name)
    for name, value in ATTENDS.items():
        attendee.params[name] = icalendar.vText(value)
    event.add("attendee", attendee)
    for name, value in ALIKE.items():
        event.add(name, value)
    calendar.add_component(event)
    if zoned:
        calendar.add_missing_timezones()
    return _mail(message, calendar.to_ical())


def with_vobject(message: Message) -> bytes:
    vobject = import_module("vobject")  # as ics below: only `make bench` needs it
    # It knows the zones of dateutil alone.
    zone, utc, calendar = tz.gettz(message.when.time_zone), tz.UTC, vobject.iCalendar()
    calendar.add("prodid").value = PRODID
    calendar.add("method").value = "REQUEST"
    event = calendar.add("vevent")
    event.add("uid").value = message.uid
    event.add("sequence").value = "0"
    event.add("dtstamp").value = NOW.replace(tzinfo=utc)
    event.add("created").value = message.created_at.replace(tzinfo=utc)
    event.add("last-modified").value = max(message.created_at, message.updated_at).replace(tzinfo=utc)
    event.add("dtstart").value = _local(message.when.start).replace(tzinfo=zone)
    event.add("dtend").value = _local(message.when.end).replace(tzinfo=zone)
    event.add("summary").value = message.title
    event.add("description").value = description(message)
    event.add("location").value = message.location
    event.add("url").value = uri(message.url)
    organizer = event.add("organizer")
    organizer.value, organizer.cn_param = f"mailto:{message.organizer.email}", message.organizer.name
    attendee = event.add("attendee")
    attendee.value, attendee.cn_param = f"mailto:{address(message.attendee.email)}", message.attendee.name
    for name, value in ATTENDS.items():
        setattr(attendee, f"{name.lower()}_param", value)
    for name, value in ALIKE.items():
        event.add(name.lower()).value = value
    return _mail(message, calendar.serialize().encode())


def with_ics(message: Message) -> bytes:
    ics, ContentLine = import_module("ics"), import_module("ics.grammar.parse").ContentLine  # noqa: N806
    zone = _zone(message)
    event = ics.Event(
        name=message.title,
        begin=_local(message.when.start).replace(tzinfo=zone),
        end=_local(message.when.end).replace(tzinfo=zone),
        uid=message.uid,
        description=description(message),
        location=message.location,
        url=uri(message.url),
        created=NOW,  # what it writes as DTSTAMP
        last_modified=max(message.created_at, message.updated_at),
        organizer=ics.Organizer(message.organizer.email, common_name=message.organizer.name),
        attendees=[
            ics.Attendee(
                address(message.attendee.email),
                common_name=message.attendee.name,
                **{name.lower(): value for name, value in ATTENDS.items()},
            )
        ],
    )
    event.extra.append(ContentLine(name="SEQUENCE", value="0"))
    event.extra.append(ContentLine(name="CREATED", value=f"{message.created_at:%Y%m%dT%H%M%SZ}"))
    for name, value in ALIKE.items():
        event.extra.append(ContentLine(name=name, value=value))
    calendar = ics.Calendar(events=[event], creator=PRODID)
    calendar.extra.append(ContentLine(name="METHOD", value="REQUEST"))
    return _mail(message, calendar.serialize().encode())


PEERS: dict[str, Callable[[Message], bytes]] = {
    NAIVE: with_icalendar,
    "icalendar + EmailMessage, times in UTC": partial(with_icalendar, zoned=False),
    "vobject + EmailMessage": with_vobject,
    "ics.py + EmailMessage": with_ics,
    "plain": plain,
    OURS: by_template,
}


def _mail(message: Message, calendar: bytes) -> bytes:
    """The mail around ``calendar``, as the documentation of ``email`` builds one."""
    wording, mail = words(message, NOW), EmailMessage(policy=SMTP)
    mail["From"] = formataddr((message.organizer.name, message.organizer.email))
    mail["To"] = formataddr((message.attendee.name, address(message.attendee.email)))
    mail["Reply-To"] = formataddr((message.reply_to.name, message.reply_to.email))
    mail["Subject"] = wording.subject
    mail["Date"] = format_datetime(NOW)
    mail["Message-ID"] = f"<0.{message.uid}>"
    mail["References"] = f"<{message.uid}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text(wording))
    mail.add_alternative(html(wording), subtype="html")
    mail.add_alternative(calendar.decode(), subtype="calendar", params={"method": "REQUEST"})
    mail.add_attachment(calendar, maintype="application", subtype="ics", filename="invite.ics")
    return mail.as_bytes()


def _local(time_of_event: datetime | date) -> datetime:
    assert isinstance(time_of_event, datetime)
    return time_of_event


def _zone(message: Message) -> ZoneInfo:
    return ZoneInfo(message.when.time_zone or "UTC")


# --- equality -----------------------------------------------------------------------------------------------------

_TEXTS = ("UID", "SEQUENCE", "SUMMARY", "DESCRIPTION", "LOCATION", "URL", "ORGANIZER", "ATTENDEE", *ALIKE)
_FIELDS = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "References", "Auto-Submitted")
_TIMES = ("DTSTAMP", "DTSTART", "DTEND", "CREATED", "LAST-MODIFIED")


def said(mail: bytes) -> dict[str, Any]:
    """What a mail says, however it is written."""
    parsed = message_from_bytes(mail, _class=EmailMessage, policy=SMTP)
    found: dict[str, Any] = {name: str(parsed[name]) for name in _FIELDS}
    parts = {part.get_content_type(): part for part in parsed.walk() if not part.is_multipart()}
    for kind in ("text/plain", "text/html"):
        found[kind] = parts[kind].get_content().replace("\r\n", "\n").strip()
    found["method"] = parts["text/calendar"].get_param("method")
    calendar = icalendar.Calendar.from_ical(decoded_body(parts["text/calendar"]))
    attached = icalendar.Calendar.from_ical(decoded_body(parts["application/ics"]))
    event: Any
    (event,) = calendar.walk("VEVENT")
    found["same attachment"] = attached.to_ical() == calendar.to_ical()
    found["METHOD"] = str(calendar["METHOD"])
    found |= {name: str(event[name]) for name in _TEXTS}
    found |= {name: event[name].dt.astimezone(UTC).replace(microsecond=0) for name in _TIMES}
    found["CN"] = event["ATTENDEE"].params["CN"].replace('"', "'")
    return found | {name: str(event["ATTENDEE"].params[name]) for name in ATTENDS}


def unequal(name: str, count: int = len(NAMES)) -> list[str]:
    """Each thing that the peer ``name`` says otherwise than ours, to so many people."""
    found = []
    for message in people(count):
        ours, theirs = said(plain(message)), said(PEERS[name](message))
        found += [f"{key}: {theirs[key]!r}, not {ours[key]!r}" for key in ours if theirs[key] != ours[key]]
    return found


# --- time ---------------------------------------------------------------------------------------------------------


def measure() -> dict[str, Any]:
    """``{"ratio": …, "range": [least, most], "peers": {name: {"median_ms": …, "range_ms": […], "x": …}}}``: how many
    times as fast as the peer ``NAIVE`` ours is, and each peer; medians over rounds in which each had its turn. Raises
    :class:`AssertionError` if a peer says something else.
    """
    for name in PEERS:
        assert not unequal(name), unequal(name)[:3]
    messages = people(500)
    times: dict[str, list[float]] = {name: [] for name in PEERS}
    counts = {name: max(3, int(BUDGET_S / _each(render, messages[:3]))) for name, render in PEERS.items()}
    for number in range(ROUNDS):
        for name, render in PEERS.items():
            first = number * 17 % len(messages)
            times[name].append(_each(render, [messages[(first + one) % 500] for one in range(counts[name])]))
    ratios = sorted(naive / ours for naive, ours in zip(times[NAIVE], times[OURS], strict=True))
    naive = statistics.median(times[NAIVE])
    return {
        "ratio": round(statistics.median(ratios), 1),
        "range": [round(ratios[0], 1), round(ratios[-1], 1)],
        "peers": {
            name: {
                "median_ms": round(statistics.median(each) * 1000, 4),
                "range_ms": [round(min(each) * 1000, 4), round(max(each) * 1000, 4)],
                "x": round(naive / statistics.median(each), 2),
            }
            for name, each in times.items()
        },
    }


def _each(render: Callable[[Message], bytes], messages: list[Message]) -> float:
    """Seconds of the processor for one mail."""
    began = time.process_time()
    for message in messages:
        render(message)
    return (time.process_time() - began) / len(messages)


def table(found: dict[str, Any]) -> str:
    """What :func:`measure` found, for people."""
    rows = [f"{'rendered with':40}{'ms a mail':>10}{'range':>19}{'x':>8}"]
    for name, peer in found["peers"].items():
        least, most = peer["range_ms"]
        rows.append(f"{name:40}{peer['median_ms']:10.3f}{f'{least:.3f} to {most:.3f}':>19}{peer['x']:8.1f}")
    least, most = found["range"]
    return "\n".join((*rows, f"spliced is {found['ratio']} x {NAIVE} ({least} to {most})"))


if __name__ == "__main__":
    measured = measure()
    print(table(measured))
    print(json.dumps({"render": measured}))
