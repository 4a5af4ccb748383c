"""Links with which somebody puts an event into a calendar on the web, and the one to subscribe to it.

None of the providers documents its links. Those here are the ones that their own programs take; where a provider is
known to show another time than the one that is meant, there is no link to it, and the calendar file is left:

- Google takes local times with a zone (``ctz``) of the kind ``Europe/Berlin``; for other zones they are in UTC. The end
  of whole days is the day after the last.
- Outlook.com and Office 365 take times in UTC. Of whole days one of their programs takes the end as the last day, and
  another as the day after it.
- Yahoo takes times in UTC, and of whole days a single one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote, urlencode

from ..model import Event, When

_CITY = re.compile(r"(Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z0-9_/+-]+")
LONGEST_DESCRIPTION = 500
"""Characters of the description that a link has. Whoever wants to read all of it follows the link to the page."""


def links(event: Event, page: str) -> list[tuple[str, str]]:
    """The names of providers with a link for each. Empty for a series, which no such link can hold.

    ``page`` is the address of the event's page, which is put below the description.
    """
    return [] if event.recurs else list(_links(event, page))


def webcal(address: str) -> str:
    """The address of a calendar as programs take it to subscribe to it."""
    return "webcal:" + address.partition(":")[2]


def _links(event: Event, page: str) -> Iterator[tuple[str, str]]:
    when, title, place = event.when, event.title, event.location
    about = "\n\n".join(filter(None, (_shortened(event.description), page)))
    google = {"action": "TEMPLATE", "text": title, "dates": _google(when), "details": about, "location": place}
    if _in_its_zone(when) and when.time_zone:
        google["ctz"] = when.time_zone
    yield "Google", _link("https://calendar.google.com/calendar/render", google)
    if not when.all_day:
        outlook = {"path": "/calendar/action/compose", "rru": "addevent", "subject": title, "body": about}
        outlook |= {"startdt": _iso(when.starts_at), "enddt": _iso(when.ends_at), "location": place}
        yield "Outlook.com", _link("https://outlook.live.com/calendar/0/deeplink/compose", outlook)
        yield "Office 365", _link("https://outlook.office.com/calendar/0/deeplink/compose", outlook)
    yahoo = {"v": "60", "title": title, "desc": about, "in_loc": place}
    if not when.all_day:
        yield (
            "Yahoo",
            _link(
                "https://calendar.yahoo.com/", yahoo | {"st": _compact(when.starts_at), "et": _compact(when.ends_at)}
            ),
        )
    elif when.start == when.end:
        yield "Yahoo", _link("https://calendar.yahoo.com/", yahoo | {"st": f"{when.start:%Y%m%d}", "dur": "allday"})


def _google(when: When) -> str:
    if not isinstance(when.start, datetime) or not isinstance(when.end, datetime):
        return f"{_day(when.start)}/{_day(when.end + timedelta(days=1))}"
    if _in_its_zone(when):
        return f"{when.start:%Y%m%dT%H%M%S}/{when.end:%Y%m%dT%H%M%S}"
    return f"{_compact(when.starts_at)}/{_compact(when.ends_at)}"


def _in_its_zone(when: When) -> bool:
    """Whether Google takes its local times as they are: none of them occurs twice, and the zone is one of a place."""
    return isinstance(when.end, datetime) and not when.end.fold and _CITY.fullmatch(when.time_zone or "") is not None


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def _compact(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_DESCRIPTION else text[:LONGEST_DESCRIPTION].rstrip() + "…"


def _link(base: str, query: dict[str, str]) -> str:
    said = {name: value for name, value in query.items() if value}
    # Spaces as %20: some of them show a plus as it is.
    return f"{base}?{urlencode(said, quote_via=quote)}"
