"""What the pages of a registration share: the page that says what will happen, and why something cannot be done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from ..links.tokens import Purpose
from ..model import LocalTime, Participation
from ..registrations import answering
from ..registrations.registry import Obstacle, TooMany
from .forms import Errors, Form
from .opening import Opened, State, invited_anew, opened
from .site import Answer, Refused, Request, missing, page, see_other, too_many

Actions = dict[str, tuple[Callable[[Opened, Form, Errors], Answer], Callable[[Opened, Form], Answer]]]
"""Of each action, as it is called in the address, the page that says what it does, and what does it."""
ACTIVE = (State.PENDING, State.REGISTERED, State.WAITING)
"""The states of whoever comes, or may come yet."""
STANDING = (*ACTIVE, State.DECLINED)
"""The states of whoever can withdraw."""


def open_page(request: Request, token: str) -> Opened:
    return opened(request, token, Purpose.PERSONAL, Purpose.RECENT)


# --- pages --------------------------------------------------------------------------------------------------------


def redirect(seen: Opened, what: str) -> Answer:
    return see_other(seen.request, f"{seen.path}?done={what}", logged=seen.logged)


def personal_page(seen: Opened, template: str, errors: Errors = (), **values: Any) -> Answer:
    return page(
        seen.request,
        template,
        account=seen.account,
        logged=seen.logged,
        event=seen.event,
        person=seen.person,
        path=seen.path,
        recent=seen.recent,
        errors=errors,
        **values,
    )


def step(
    seen: Opened,
    action: str,
    errors: Errors,
    *,
    title: str,
    text: tuple[str, ...],
    button: str,
    kind: str = "",
    hidden: Mapping[str, str] | None = None,
) -> Answer:
    """A page that says what will happen, with one button that does it."""
    return personal_page(
        seen,
        "personal_step.html",
        errors,
        action=f"{seen.path}/{action}",
        title=title,
        text=text,
        button=button,
        kind=kind,
        hidden=hidden or {},
    )


def kept_until(seen: Opened) -> str:
    """Until when the seat of somebody who withdrew by one click is kept, in words; empty where it is not."""
    until = seen.person.held_until
    if seen.state is not State.WITHDRAWN or until is None or until <= seen.request.now:
        return ""
    zone = seen.event.when.time_zone
    texts = seen.request.texts
    local = _in_zone(until, zone)
    return texts.gettext("%(when)s (%(zone)s)", when=texts.day_and_time(texts.day(local), local), zone=zone or "UTC")


def _in_zone(at: datetime, zone: str | None) -> datetime:
    """An instant as the local time of ``zone``, or of UTC."""
    return at.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None)


def answer_buttons(seen: Opened) -> list[tuple[str, str]]:
    """The values and labels of the buttons by which the whole event is answered; none where it cannot be."""
    if seen.state not in (State.REGISTERED, State.DECLINED) or invited_anew(seen):
        return []
    _ = seen.request.texts.gettext
    labels = {
        Participation.ACCEPTED: _("I will come"),
        Participation.TENTATIVE: _("I may come"),
        Participation.DECLINED: _("I will not come"),
    }
    return [(one.value, labels[one]) for one in answering.ANSWERS]


def question(seen: Opened, date: LocalTime | None = None) -> str:
    """What a form asks, as a hash of all times and places that it is about, or of those of one date: an answer to one
    that was shown before they changed says nothing of the present ones.
    """
    asked = [(name, one.when, one.location) for name, one in answering.dates(seen.event, seen.person).items()]
    return hashlib.sha256(repr([each for each in asked if date in (None, each[0])]).encode()).hexdigest()[:32]


# --- what cannot be done ------------------------------------------------------------------------------------------


def back(seen: Opened) -> list[tuple[str, str]]:
    return [(seen.request.texts.gettext("Back to your registration"), seen.path)]


def cannot(seen: Opened, text: str) -> Refused:
    """409: it cannot be done as things are now."""
    title = seen.request.texts.gettext("That cannot be done now")
    return Refused(HTTPStatus.CONFLICT, title, text, ways=back(seen), account=seen.account, texts=seen.request.texts)


def require(seen: Opened, *states: State) -> None:
    """Raise ``site.Refused`` (409) unless the person is in one of ``states``."""
    _, state = seen.request.texts.gettext, seen.state
    if state in states:
        return
    if state is State.CANCELLED:
        raise cannot(seen, _("This event is cancelled."))
    if state is State.OVER:
        raise cannot(seen, _("This event is over."))
    if state is State.WITHDRAWN:
        raise cannot(seen, _("You have withdrawn."))
    if state is State.ERASING:
        raise cannot(seen, erased_soon(seen))
    raise cannot(seen, _("Your registration has changed meanwhile. Look at it again."))


def require_unmanaged(seen: Opened) -> None:
    if seen.managed:
        raise cannot(seen, managed_text(seen))


def managed_text(seen: Opened) -> str:
    """What is said where only the organizer, or their own table, can change something."""
    _ = seen.request.texts.gettext
    if not seen.managed and seen.invitation.highest_possibly_sent is None:
        return _("The organizer has not accepted your registration. If you have questions, please write to them.")
    if not seen.managed:
        return _("The organizer has withdrawn your registration. Please write to them if you want to come.")
    return _("The organizer has your data in a list of their own. Please write to them to change it.")


def obstacle(seen: Opened, why: Obstacle | TooMany) -> Refused:
    """The page that says why nothing was done."""
    _ = seen.request.texts.gettext
    match why:
        case TooMany(until=until):
            return too_many(seen.request, until, back(seen))
        case Obstacle.ABSENT:
            return missing(seen.request)
        case Obstacle.TAKEN:
            return cannot(seen, _("This address is registered a second time, under another link. Use the newest mail."))
        case Obstacle.REPLACED:
            return cannot(
                seen, _("Another registration has taken the place of this one. Please write to the organizer.")
            )
        case Obstacle.REMOVED:
            return cannot(seen, managed_text(seen))
        case Obstacle.CLOSED | Obstacle.NOT_YET:
            return cannot(seen, _("The event takes no registrations at this moment."))
        case Obstacle.NEVER_SENT:
            return cannot(seen, _("Nothing was sent to you yet. Your invitation is on its way."))
        case Obstacle.STOPPED:
            return cannot(
                seen, _("Mail to your address came back, or was marked as spam, so nothing is sent there any more.")
            )
        case _:
            return cannot(seen, _("Your registration has changed meanwhile. Look at it again."))


def require_mails(seen: Opened) -> None:
    """Raise ``site.Refused`` (429) where the account's limit of mails is reached."""
    until = seen.request.store.reads.sending().held_until(seen.event.account, seen.request.now)
    if until is not None:
        raise too_many(seen.request, until, back(seen))


def erased_soon(seen: Opened) -> str:
    _ = seen.request.texts.gettext
    return _("Everything about you is erased as soon as the mail that removes the entry has left.")
