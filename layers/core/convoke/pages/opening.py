"""What a personal link opens: the registration that its token names, if the token is valid for it as it is now.

A link is valid until a month after the event, as that is now. It is void once the registration's counter of links has
risen, as it does with its address. Only whoever has a link that was valid once is told that it is not any more; any
other is answered as a page that there is not.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from ..decision.decide import calendar_state_of, participation
from ..decision.invitation import Invitation
from ..links import tokens
from ..links.tokens import AFTER_THE_EVENT, Purpose
from ..model import (
    AccountSettings,
    Event,
    EventStatus,
    LocalTime,
    Participation,
    Registration,
    RegistrationStatus,
    frozen,
)
from ..registrations import registry
from ..schedule import series
from .site import Request, gone, missing

FORMER_LINKS = 32
"""So many links back, somebody with a former one is told that there is a newer one."""


class State(StrEnum):
    """What a person has of the event."""

    PENDING = "pending"
    REGISTERED = "registered"
    WAITING = "waiting"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    ERASING = "erasing"  # withdrawn, and erased as soon as the cancellation has left
    CANCELLED = "cancelled"  # the event is
    OVER = "over"  # the event is


@frozen
class Opened:
    """A registration that its holder has opened. ``recent``: by a link that was mailed to them within the hour;
    ``erasing``: its erasure is scheduled, and waits for the mail that removes the entry.
    ``request`` is answered in the language of the registration, if the visitor's browser says none.
    """

    request: Request
    token: str
    recent: bool
    event: Event
    person: Registration
    invitation: Invitation
    account: AccountSettings
    erasing: bool = False

    @property
    def path(self) -> str:
        """The personal page."""
        return f"/r/{self.token}"

    @property
    def logged(self) -> dict[str, str]:
        return {"event": self.event.event_id, "registration": self.person.registration_id}

    @property
    def state(self) -> State:
        if not self.event.status.expects_people:  # of a draft people know nothing, or that it is cancelled
            return State.CANCELLED
        if series.ends_at(self.event) <= self.request.now:
            return State.OVER
        match self.person.status:
            case RegistrationStatus.PENDING:
                return State.PENDING
            case RegistrationStatus.REGISTERED:
                return State.REGISTERED
            case RegistrationStatus.WAITLISTED:
                return State.WAITING
            case RegistrationStatus.DECLINED:
                return State.DECLINED
            case _:
                return State.ERASING if self.erasing else State.WITHDRAWN

    @property
    def managed(self) -> bool:
        """Whether the organizer's own table says who this is: what is changed here would be changed back."""
        return self.person.source is not None

    @property
    def events_page(self) -> list[tuple[str, str]]:
        """The way to the event's page, if it has one."""
        return ways(self.request, self.event)


def ways(request: Request, event: Event) -> list[tuple[str, str]]:
    """Where to go on from a personal link that opens nothing."""
    if not event.public or event.status is EventStatus.DRAFT:
        return []
    _, path = request.texts.gettext, f"/e/{event.event_id}"
    return [(_("Have a new link mailed to you"), f"{path}/link"), (_("The page of the event"), path)]


def opened(request: Request, token: str, *purposes: Purpose) -> Opened:
    """What ``token`` opens, if it was made for one of ``purposes``.

    Raises ``site.Refused``: 404 for what was never valid, 410 for what is not any more.
    """
    for purpose in purposes:
        try:
            named = tokens.unverified(purpose, token)
        except tokens.InvalidLink:
            continue
        event = request.store.reads.event(named.event_id)
        seen = registry.read(request.store, named.event_id, named.registration_id)
        if event is not None and seen is not None:
            person, invitation = seen
            spoken = request.speaking(person.language, event.language)
            if not _is_ours(spoken, named, event, person):
                break  # in the visitor's own language: nothing of the registration is shown
            return Opened(
                request=spoken,
                token=token,
                recent=purpose is Purpose.RECENT,
                event=event,
                person=person,
                invitation=invitation,
                account=request.store.account_settings.of(event.account),
                erasing=_erasing(request, person),
            )
    raise missing(request)


def _is_ours(request: Request, named: tokens.Unverified, event: Event, person: Registration) -> bool:
    """Whether the token opens the registration; False: it never did. Raises ``site.Refused`` (410) for one that did."""
    _, keys, now = request.texts.gettext, request.keys(), request.now
    try:
        named.verify(keys, links=person.links, now=now)
    except tokens.ExpiredLink:
        text = _("It was valid for one hour. Open your page by the link in any mail about this event, and ask again.")
        raise gone(request, text, ways(request, event)) from None
    except tokens.InvalidLink:
        if _was_valid(named, request, person.links):
            text = _("The address of this registration was changed since. Use the link in the newest mail about it.")
            raise gone(request, text, ways(request, event)) from None
        return False
    if person.status is RegistrationStatus.ERASED:
        raise gone(request, _("This registration was erased: nothing is stored about you here any more."))
    if series.ends_at(event) + AFTER_THE_EVENT <= now:
        raise gone(request, _("The event has been over for a month, and so is this page."))
    return True


def _was_valid(named: tokens.Unverified, request: Request, links: int) -> bool:
    """Whether the token was made with a former counter: as valid as it was, it opens nothing."""
    for former in range(max(0, links - FORMER_LINKS), links):
        try:
            named.verify(request.keys(), links=former, now=request.now)
        except tokens.ExpiredLink:
            return True
        except tokens.InvalidLink:
            continue
        return True
    return False


def _erasing(request: Request, person: Registration) -> bool:
    return person.status is RegistrationStatus.CANCELLED and request.store.registrations.to_be_erased(person)


def personal_path(request: Request, person: Registration) -> str:
    """The path of somebody's personal page."""
    return f"/r/{_token(request, person, Purpose.PERSONAL)}"


def feed_token(seen: Opened) -> str:
    return _token(seen.request, seen.person, Purpose.FEED)


def _token(request: Request, person: Registration, purpose: Purpose) -> str:
    return tokens.personal(request.keys(), purpose, person.event_id, person.registration_id, links=person.links)


def again(seen: Opened) -> Opened:
    """The same, as it is stored now."""
    fresh = registry.read(seen.request.store, seen.event.event_id, seen.person.registration_id)
    if fresh is None:
        raise missing(seen.request)
    return replace(seen, person=fresh[0], invitation=fresh[1], erasing=_erasing(seen.request, fresh[0]))


def invited_anew(seen: Opened) -> bool:
    """Whether they are registered, and all that they were sent was cancelled, as for whoever withdrew and came back:
    the new invitation, which is still to be sent, asks them again, whatever they answered before.
    """
    state = calendar_state_of(seen.invitation)
    return seen.state is State.REGISTERED and state is not None and state.gone


def present_answer(seen: Opened, date: LocalTime | None = None) -> Participation:
    """What the person has answered to what they are, or are about to be, asked: of the event, or of one date."""
    return Participation.NEEDS_ACTION if invited_anew(seen) else participation(seen.person, seen.invitation, date)


def answered(what: Participation, request: Request) -> str:
    """An answer as the page says it."""
    _ = request.texts.gettext
    match what:
        case Participation.ACCEPTED:
            return _("You will come.")
        case Participation.DECLINED:
            return _("You will not come.")
        case Participation.TENTATIVE:
            return _("Perhaps you will come.")
        case Participation.DELEGATED:
            return _("You handed it on to somebody else.")
        case Participation.NEEDS_ACTION:
            return _("You have not answered yet.")
