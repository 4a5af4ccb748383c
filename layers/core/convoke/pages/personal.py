"""The personal page: what somebody who registered holds, and the ways to all that they can do with it by themselves.

A GET shows; a form on each page says what will happen, and its POST does it and leads back here.
"""

from __future__ import annotations

from ..decision.shown import shown
from ..languages import LANGUAGES
from ..model import LocalTime, Occurrence, RegistrationStatus, frozen
from ..registrations import answering
from ..schedule import series
from . import calendar_links, changing, coming, forms, own_data
from .forms import Form
from .opening import Opened, State, answered, feed_token, present_answer
from .personal_steps import (
    STANDING,
    Actions,
    answer_buttons,
    erased_soon,
    kept_until,
    managed_text,
    open_page,
    personal_page,
    question,
)
from .site import Answer, Request, missing, route

MOST_DATES = 60
"""Of a series so many dates to come are listed; the calendar has all."""


# --- the page -----------------------------------------------------------------------------------------------------


@frozen
class ShownDate:
    """One date that the person comes to. ``name`` is how it is answered; ``answer`` is empty where it cannot be."""

    name: str
    text: str
    starts: str
    cancelled: bool
    reason: str
    answer: str


@route("GET", "/r/{token}")
def show(request: Request, token: str) -> Answer:
    seen = open_page(request, token)
    event, person, texts, state = seen.event, seen.person, seen.request.texts, seen.state
    waits = state is State.WAITING
    return personal_page(
        seen,
        "personal.html",
        state=state,
        place=request.store.reads.waiting_before(event.event_id, person.registration_id) + 1 if waits else 0,
        kept=kept_until(seen),
        when=texts.when(series.when_next(event, request.now)),
        answer=present_answer(seen),
        answer_text=answered(present_answer(seen), seen.request),
        answers=answer_buttons(seen),
        question=question(seen),
        dates=_dates(seen),
        entries=_entries(seen),
        managed=seen.managed,
        removed=managed_text(seen) if person.removed else "",
        sent=seen.invitation.highest_possibly_sent is not None,
        # Whoever declined is sent nothing more: what their calendar does with the entry is not known.
        entry=state is State.REGISTERED
        or (seen.invitation.highest_possibly_sent is not None and person.status is not RegistrationStatus.DECLINED),
        notice=_notice(seen, request.query.get("done", "")),
        webcal=calendar_links.webcal(request.urls.feed(feed_token(seen))),
        language=LANGUAGES.get(person.language.partition("-")[0], person.language),
        events_page=seen.events_page,
    )


@frozen
class ShownEntry:
    """One entry of the person's calendar, by what was mailed. ``state`` is as in :class:`Showing`; not ``true``: it is
    not as things are now.
    """

    title: str
    text: str
    location: str
    state: str
    true: bool


def _entries(seen: Opened) -> list[ShownEntry]:
    """What their calendar should show now of what is not over."""
    texts = seen.request.texts
    entries = [one for one in shown(seen.invitation, seen.event, seen.person, seen.request.now) if not one.over]
    return [
        ShownEntry(
            title=one.title,
            text=texts.when(one.when),
            location=one.location,
            state=one.state.value,
            true=one.true,
        )
        for one in entries[:MOST_DATES]
        if one.when is not None
    ]


def _dates(seen: Opened) -> list[ShownDate]:
    # Who does not come, or whose event is cancelled, has no dates: what their calendar shows is all there is to see.
    if not seen.event.recurs or seen.state not in STANDING:
        return []
    coming = [
        item for item in answering.dates(seen.event, seen.person).items() if item[1].when.ends_at > seen.request.now
    ]
    return [
        _date(seen, name, one) for name, one in sorted(coming, key=lambda item: item[1].when.starts_at)[:MOST_DATES]
    ]


def _date(seen: Opened, name: LocalTime, one: Occurrence) -> ShownDate:
    can = bool(answer_buttons(seen)) and not one.cancelled
    return ShownDate(
        name=name.isoformat(),
        text=seen.request.texts.when(one.when),
        starts=one.when.starts_at.isoformat(),
        cancelled=one.cancelled,
        reason=one.reason,
        answer=answered(present_answer(seen, name), seen.request) if can else "",
    )


def _notice(seen: Opened, done: str) -> str:
    """What was just done, in a sentence; nothing that is not so."""
    _, state = seen.request.texts.gettext, seen.state
    if done == "withdrawn" and state is State.WITHDRAWN:
        if seen.invitation.highest_possibly_sent is None:
            return _("You have withdrawn.")
        return _("You have withdrawn. The entry in your calendar is removed by a mail.")
    if done == "returned" and state is State.REGISTERED:
        return _("You are registered again. A new invitation is on its way to you.")
    if done == "returned" and state is State.WAITING:
        return _("You are on the waitlist: all seats are taken.")
    if done == "returned" and state is State.PENDING:
        return _("The organizer decides again whether you come, and you are told by a mail.")
    if done == "answered" and state in (State.REGISTERED, State.DECLINED, State.WAITING):
        return _("Your answer was saved.")
    if done == "changed":
        return _("Your changes were saved.")
    if done == "sent":
        return _("The invitation is on its way to you once more.")
    if done == "fresh":
        return _("A link was mailed to the address of this registration. It is valid for one hour.")
    if done == "erased" and state in (State.WITHDRAWN, State.CANCELLED, State.OVER):
        return erased_soon(seen)
    if done == "moved" and state is State.PENDING:
        return _("Your changes were saved.")
    if done == "moved":
        return _("Your address was changed. A new invitation is on its way to it.")
    if done == "asked":
        return _("A mail was sent to the new address. The address changes once it is confirmed there.")
    return ""


# --- what can be done ---------------------------------------------------------------------------------------------


ACTIONS: Actions = {**coming.ACTIONS, **changing.ACTIONS, **own_data.ACTIONS}


@route("GET", "/r/{token}/{action}")
def ask(request: Request, token: str, action: str) -> Answer:
    """The page that says what an action does, with the form that does it."""
    seen = open_page(request, token)
    if action not in ACTIONS:
        raise missing(seen.request)
    shows, _ = ACTIONS[action]
    return shows(seen, Form(fields={}), ())


@route("POST", "/r/{token}/{action}")
def do(request: Request, token: str, action: str) -> Answer:
    """Do it. A form that cannot be believed is shown again, and nothing was done."""
    seen = open_page(request, token)
    if action not in ACTIONS:
        raise missing(seen.request)
    shows, does = ACTIONS[action]
    form = forms.read(seen.request)
    objections = forms.objections(seen.request, form)
    return shows(seen, form, objections) if objections else does(seen, form)
