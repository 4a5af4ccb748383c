"""What a page of an event says to programs: schema.org's Event as JSON-LD, and Open Graph for previews of the link."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..model import AccountSettings, Event, EventStatus, Occurrence, When
from ..schedule import series

MOST_DATES = 20
"""Of a series so many dates to come are listed."""
LONGEST_DESCRIPTION = 300
"""Characters of the description in a preview."""


def moment(at: datetime | date, when: When) -> str:
    """A start or an end as ISO 8601: with the offset of its zone, or a day."""
    if not isinstance(at, datetime):
        return at.isoformat()
    return at.replace(tzinfo=ZoneInfo(when.time_zone or "UTC")).isoformat()


def event(event: Event, *, page: str, account: AccountSettings, image: str, now: datetime) -> dict[str, Any]:
    """The event (https://schema.org/Event) as it is now; a series (EventSeries) with those of its dates that come.

    ``page`` is the address of its page, ``image`` that of the account's image, or empty. The link to join is not said:
    it is for those who are registered. How many seats are left is not said either.
    """
    cancelled = event.status is EventStatus.CANCELLED
    said = {"@context": "https://schema.org"} | _event(
        event, event.when, event.title, event.location, event.description, cancelled=cancelled, moved=False
    )
    said["url"] = page
    if name := event.organizer.name or account.name:
        # The human organizer's name, never their address; where they have none, the account's.
        said["organizer"] = {"@type": "Person" if event.organizer.name else "Organization", "name": name}
    if image:
        said["image"] = [image]
    if event.language:
        said["inLanguage"] = event.language
    if event.capacity is not None:
        said["maximumAttendeeCapacity"] = event.capacity
    if event.recurs:
        coming = [one for one in series.occurrences(event) if one.when.ends_at > now][:MOST_DATES]
        every = series.occurrences(event)
        said |= {
            "@type": "EventSeries",
            "startDate": moment(every[0].when.start, every[0].when),
            "endDate": moment(every[-1].when.end, every[-1].when),
            "subEvent": [_date(event, one, page, cancelled) for one in coming],
        }
    return said


def _date(event: Event, one: Occurrence, page: str, cancelled: bool) -> dict[str, Any]:
    off = cancelled or one.cancelled
    said = _event(event, one.when, one.title, one.location, "", cancelled=off, moved=one.moved)
    if one.moved and not off:
        original = series.when_at(event.schedule, one.date)
        said["previousStartDate"] = moment(original.start, original)
    return said | {"url": page}


def _event(
    event: Event, when: When, title: str, location: str, description: str, *, cancelled: bool, moved: bool
) -> dict[str, Any]:
    status = "EventCancelled" if cancelled else "EventRescheduled" if moved else "EventScheduled"
    said: dict[str, Any] = {
        "@type": "Event",
        "name": title,
        "startDate": moment(when.start, when),
        "endDate": moment(when.end, when),
        "eventStatus": f"https://schema.org/{status}",
    }
    if description:
        said["description"] = description
    online = event.conference is not None
    if location:
        said["location"] = {"@type": "Place", "name": location, "address": location}
    elif online:
        said["location"] = {"@type": "VirtualLocation"}
    if location or online:
        mode = "MixedEventAttendanceMode" if location and online else "OnlineEventAttendanceMode"
        said["eventAttendanceMode"] = f"https://schema.org/{mode if online else 'OfflineEventAttendanceMode'}"
    return said


def preview(event: Event, when: str, *, page: str, account: AccountSettings, image: str) -> list[tuple[str, str]]:
    """Open Graph's properties (https://ogp.me); ``when`` is written in the language of the page."""
    about = " · ".join(filter(None, (when, event.location)))
    words = " ".join(event.description.split())
    said = {
        "og:type": "website",
        "og:title": event.title,
        "og:description": about + (f" · {words[:LONGEST_DESCRIPTION]}" if words else ""),
        "og:url": page,
        "og:site_name": account.name or event.organizer.name,
        "og:image": image,
    }
    return [(name, text) for name, text in said.items() if text]
