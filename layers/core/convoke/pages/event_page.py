"""The page of a public event, for everybody, and the same as a calendar."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote, urlencode

from markupsafe import Markup

from ..calendar.content_lines import one_line
from ..decision.invitation import Seats
from ..languages import LANGUAGES, Texts
from ..mail.page import linked
from ..model import Event, EventStatus, Occurrence, Person, When, frozen
from ..schedule import series
from . import calendar_links, structured_data
from .site import FOR_A_MINUTE, Answer, Request, content, missing, page, route, tagged

MOST_DATES = 60
"""Of a series so many dates to come are listed; the calendar has all."""
EVERYBODYS = {"Cache-Control": FOR_A_MINUTE, "X-Robots-Tag": "", "Vary": "Accept-Language"}
"""Headers of what is the same for everybody, and may be found."""


class State(StrEnum):
    """What somebody who comes to the page can expect of it."""

    CANCELLED = "cancelled"
    OVER = "over"
    FULL = "full"  # whoever registers waits
    FEW = "few"  # a few seats are left
    FREE = "free"
    UNLIMITED = "unlimited"

    @property
    def takes(self) -> bool:
        """Whether people can register, be it for the waitlist."""
        return self not in (State.CANCELLED, State.OVER)


def public_event(request: Request, event_id: str) -> tuple[Request, Event]:
    """The event, if everybody may see it, and the request, answered in its language where the visitor asks for none.
    Raises ``site.Refused`` (404) for any other, whatever the reason.
    """
    event = request.store.reads.event(event_id)
    if event is None or not event.public or event.status is EventStatus.DRAFT:
        raise missing(request)
    return request.speaking(event.language), event


def state_of(event: Event, seats: Seats, now: datetime) -> State:
    """What the page says of the event at ``now`` (UTC). Seats are shown coarsely: an exact number that stays the same
    would tell whoever registers an address whether it was registered before.
    """
    if event.status is EventStatus.CANCELLED:
        return State.CANCELLED
    if not series.coming(event, now):
        return State.OVER if series.takes_place(event) else State.CANCELLED
    if seats.capacity is None:
        return State.UNLIMITED
    left = seats.capacity - seats.taken
    if left <= 0 or seats.queued:
        return State.FULL
    return State.FEW if left <= max(2, seats.capacity // 10) else State.FREE


def about(number: int) -> int:
    """A number of people as it is shown to everybody: to the next 5, from 50 on to the next 10."""
    step = 5 if number < 50 else 10
    return max(step, round(number / step) * step)


@frozen
class ShownDate:
    """One date of a series as it is listed. ``was`` is when it had been, of one that was moved; ``title`` and
    ``location`` are empty where they are those of the series.
    """

    when: When
    text: str
    starts: str
    was: str
    title: str
    location: str
    cancelled: bool
    reason: str


@route("GET", "/e/{event_id}")
def show(request: Request, event_id: str) -> Answer:
    request, event = public_event(request, event_id)
    texts, address = request.texts, request.urls.event(event_id)
    account = request.store.account_settings.of(event.account)
    seats = request.store.reads.seats(event_id)
    state = state_of(event, seats, request.now)
    when = series.when_next(event, request.now)
    dates = series.occurrences(event) if event.recurs else ()
    coming = [one for one in dates if one.when.ends_at > request.now]
    image = request.urls.asset(account.logo) if account.logo else ""
    shown = page(
        request,
        "event.html",
        headers=EVERYBODYS,
        account=account,
        logged={"event": event_id},
        event=event,
        state=state,
        waiting=about(seats.waiting) if seats.waiting else 0,
        when=texts.when(when),
        starts=structured_data.moment(when.start, when),
        ends=structured_data.moment(when.end, when),
        all_day=when.all_day,
        dates=[_date(event, one, texts) for one in coming[:MOST_DATES]],
        more=max(0, len(coming) - MOST_DATES),
        past=len(dates) - len(coming),
        description=_linked(event.description),
        place=_linked(one_line(event.location)),
        map_link=map_link(event.location),
        calendars=calendar_links.links(event, address) if state.takes else [],
        address=address,
        ics=f"/e/{event_id}.ics",
        webcal=calendar_links.webcal(request.urls.event_ics(event_id)),
        structured=structured_data.event(event, page=address, account=account, image=image, now=request.now),
        languages=LANGUAGES.items(),
        preview=structured_data.preview(event, texts.when(when), page=address, account=account, image=image),
    )
    return tagged(request, shown)


def _date(event: Event, one: Occurrence, texts: Texts) -> ShownDate:
    was = series.when_at(event.schedule, one.date) if one.moved else None
    return ShownDate(
        when=one.when,
        text=texts.when(one.when),
        starts=structured_data.moment(one.when.start, one.when),
        was=texts.when_short(was) if was is not None else "",
        title=one.title if one.title != event.title else "",
        location=one.location if one.location != event.location else "",
        cancelled=one.cancelled,
        reason=one.reason,
    )


def _linked(text: str) -> Markup:
    """``text`` escaped, with its links (http and https) as links."""
    return Markup(linked(text, ' rel="nofollow noopener"'))  # noqa: S704 (it escapes all else)


def map_link(location: str) -> str:
    """Where to look a place up on a map; empty for what is a link, or no place that a map could know."""
    place = one_line(location)
    if not place or re.search(r"https?://", place, re.IGNORECASE):
        return ""
    return "https://www.openstreetmap.org/search?" + urlencode({"query": place}, quote_via=quote)


# --- the calendar -------------------------------------------------------------------------------------------------


@route("GET", "/e/{event_id}.ics")
def calendar(request: Request, event_id: str) -> Answer:
    """The event as a calendar to download, or to subscribe to."""
    request, event = public_event(request, event_id)
    title = request.texts.gettext("Cancelled: %(title)s", title=one_line(event.title))
    return calendar_file(request, event, title, EVERYBODYS, logged={"event": event_id})


def calendar_file(
    request: Request, event: Event, cancelled: str, headers: Mapping[str, str], *, logged: Mapping[str, str]
) -> Answer:
    """The event as a published calendar; ``cancelled`` is its title where it does not take place."""
    # What writes calendars takes a while to be imported: no page waits for it.
    from ..calendar import published

    sender = request.store.settings.sender
    body = published.calendar(
        event,
        organizer=Person(name=event.organizer.name, email=sender.address),
        domain=sender.domain,
        page=request.urls.event(event.event_id),
        cancelled=cancelled,
    )
    headers = {"Content-Disposition": disposition(event.title), **headers}
    return tagged(request, content(body, published.MEDIA_TYPE, headers=headers, logged=logged))


def disposition(title: str) -> str:
    """Content-Disposition with a file name after the event's title (RFC 6266): in ASCII for all, in full for most."""
    words = re.sub(r"[^\w -]+", "", one_line(title)).strip()[:60] or "event"
    plain = re.sub(r"[^A-Za-z0-9 -]+", "", words).strip() or "event"
    return f"attachment; filename=\"{plain}.ics\"; filename*=UTF-8''{quote(words, safe='')}.ics"
