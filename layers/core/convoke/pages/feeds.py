"""A registration as a calendar: the file to download, and the private feed to subscribe to. Neither has a personal link
in it, since calendars are shared.

- The *file* has the entries that were mailed, under their UIDs (:mod:`calendar.delivered`): whoever imports it has what
  the mails would have put into the calendar, and a later mail changes or removes it.
- The *feed* says what is true now, also where no mail arrives any more. It is a calendar of its own, which the
  subscriber's program reads again every so often, so its UIDs are others (:mod:`calendar.published`). What the person
  has no part in any more stands in it as cancelled, since some programs keep what is missing.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from ..calendar.content_lines import one_line
from ..links.tokens import Purpose
from ..model import DateChange, Event, EventStatus
from ..registrations import answering
from ..schedule import series
from .event_page import calendar_file, disposition
from .opening import Opened, State, opened
from .personal_steps import open_page
from .site import Answer, Refused, Request, content, route

FILE = "text/calendar; charset=utf-8"


@route("GET", "/r/{token}.ics")
def download(request: Request, token: str) -> Answer:
    """The entries that were mailed, as a file."""
    # What writes calendars takes a while to be imported: no page waits for it.
    from ..calendar import delivered

    seen = open_page(request, token)
    stored = seen.request.store.reads.messages_with_mails(seen.person.registration_id)
    body = delivered.file(one.rendered.calendar for one in stored if one.rendered is not None)
    if body is None:
        _ = seen.request.texts.gettext
        raise Refused(
            HTTPStatus.NOT_FOUND,
            _("There is nothing for your calendar"),
            _("Your invitation has not been sent yet, or it was cancelled."),
            ways=[(_("Back to your registration"), seen.path)],
            account=seen.account,
            texts=seen.request.texts,
        )
    headers = {"Content-Disposition": disposition(seen.event.title)}
    return content(body, FILE, headers=headers, logged=seen.logged)


@route("GET", "/f/{token}.ics")
def feed(request: Request, token: str) -> Answer:
    """What the person has of the event now."""
    seen = opened(request, token, Purpose.FEED)
    # A program asks again with what it has; nothing in between keeps it.
    return calendar_file(request, *shown(seen), {"Cache-Control": "private, no-cache"}, logged=seen.logged)


def shown(seen: Opened) -> tuple[Event, str]:
    """The event as it is for this person, and the title where nothing of it takes place for them: dates that they do
    not come to are cancelled, or all of it.
    """
    _, event, state = seen.request.texts.gettext, seen.event, seen.state
    title = one_line(event.title)
    changed = max(event.updated_at, seen.person.updated_at)
    # SEQUENCE rises with either, so that a program that compares them sees each change.
    event = replace(event, updated_at=changed, version=event.version + seen.person.version - 1)
    if event.status is EventStatus.DRAFT:
        event = replace(event, status=EventStatus.TENTATIVE)
    if state is State.WAITING:
        return replace(event, status=EventStatus.CANCELLED), _("Waitlist: %(title)s", title=title)
    cancelled = _("Cancelled: %(title)s", title=title)
    if state in (State.PENDING, State.DECLINED, State.WITHDRAWN, State.ERASING):
        return replace(event, status=EventStatus.CANCELLED), _("Not registered: %(title)s", title=title)
    if seen.person.occurrences is None or not event.recurs:
        return event, cancelled
    mine = {one.date for one in answering.dates(event, seen.person).values()}
    kept = {change.date: change for change in event.changes}
    for one in series.occurrences(event):
        if one.date not in mine:
            kept[one.date] = replace(kept.get(one.date, DateChange(date=one.date)), cancelled=True)
    return replace(event, changes=tuple(sorted(kept.values(), key=lambda change: str(change.date)))), cancelled
