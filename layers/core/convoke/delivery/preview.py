"""Which messages a change of an event would cause, by the same decision that sends them. Sends and stores nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from ..decision.calendar_state import Message
from ..decision.decide import Snapshot, decide, intent_for
from ..decision.invitation import Acknowledged, WaitMail
from ..decision.waiting import is_barred, missing_wait_mail
from ..model import Event, Method, Sender, folded, frozen

PreviewKind = Literal["none", "update", "ask_again", "invite", "cancel", "waits"]
EXAMPLES = 5
"""How many attendees a preview lists with their mails, beside the first of each kind."""
MAILS_OF_AN_EXAMPLE = 10
"""How many mails of one attendee a preview shows: to whoever comes to hundreds of dates there may be hundreds."""
ANY_INSTANT = datetime.min.replace(tzinfo=UTC)
"""Stands for the DTSTAMP where attendees are compared."""
MAX_MESSAGES = 2000
"""Messages to one attendee for one change: more than any needs, which is 400 dates at two addresses each."""


@frozen
class PreviewResult:
    """The messages that one attendee would be sent, in order; where there are none, the wait mail that they would be
    sent, if any.
    """

    seen: Snapshot
    messages: tuple[Message, ...]
    wait_mail: WaitMail | None = None

    @property
    def kind(self) -> PreviewKind:
        """The most important effect: ``cancel`` if the entry is removed in the end, ``invite`` if a new entry is sent,
        ``ask_again`` if an update asks for a new answer, ``update`` for any other message, ``waits`` if
        only a wait mail is sent, else ``none``.
        """
        if not self.messages:
            return "none" if self.wait_mail is None else "waits"
        last = self.messages[-1]
        if last.method is Method.CANCEL and last.calendar_state(sequence=0, dtstamp=last.updated_at).gone:
            return "cancel"
        if any(message.method is Method.REQUEST and message.opens for message in self.messages):
            return "invite"
        if any(message.method is Method.REQUEST and message.asked is None for message in self.messages):
            return "ask_again"
        return "update"


def preview(people: Iterable[Snapshot], after: Event, sender: Sender, now: datetime) -> Iterator[PreviewResult]:
    """The messages that each of ``people`` would be sent if their event were ``after``.

    Most attendees differ only in who they are; then all get the messages computed for the first of them.
    """
    known: dict[tuple[object, ...], tuple[Message, ...]] = {}
    for before in people:
        seen = replace(before, event=after)
        alike = _alike(seen)
        messages = known.get(alike) if alike is not None else None
        if messages is None:
            messages = tuple(_messages(seen, sender, now))
            if alike is not None:
                known[alike] = messages
        yield PreviewResult(seen=seen, messages=messages, wait_mail=None if messages else _wait_mail(before, seen, now))


def _wait_mail(before: Snapshot, seen: Snapshot, now: datetime) -> WaitMail | None:
    """The wait mail that is missing by the change; ``None`` also if the address may not be sent it."""
    mail = missing_wait_mail(seen, now)
    barred = is_barred(seen.invitation.stop_of(seen.registration.email), mail)
    return None if barred or mail is missing_wait_mail(before, now) else mail


def _messages(seen: Snapshot, sender: Sender, now: datetime) -> Iterator[Message]:
    """The messages to one attendee, each decided as if SES had accepted the one before."""
    for _ in range(MAX_MESSAGES):
        plan = decide(seen, sender, now)
        if plan is None:
            return
        yield plan.message
        invitation = seen.invitation
        intent = intent_for(plan, invitation, "preview", now)
        accepted = Acknowledged(
            calendar_state=intent.calendar_state, ses_id="", at=now, repair=invitation.repair, resend=invitation.resend
        )
        invitation = replace(
            invitation,
            allocated=max(invitation.allocated, intent.sequence),
            highest_possibly_sent=intent.sequence,
            possibly_sent=intent.calendar_state,
            intent=intent,
            acknowledged=accepted,
        )
        seen = replace(seen, invitation=invitation)


def _alike(seen: Snapshot) -> tuple[object, ...] | None:
    """Everything that the messages to an attendee depend on, as a key that is equal for equal attendees; ``None`` if
    something else matters too (a stopped address, an unknown outcome, a repair, a resend).
    """
    invitation, person = seen.invitation, seen.registration
    last = invitation.acknowledged
    counts = (last.repair, last.resend) if last else (0, 0)
    if invitation.doubt or invitation.stopped or (invitation.repair, invitation.resend) != counts:
        return None
    coming = (person.status, person.occurrences, person.named)
    if last is None:
        return coming
    calendar_state = replace(
        last.calendar_state,
        uid="",
        generation=0,
        sequence=0,
        dtstamp=ANY_INSTANT,
        recipient="",
        asked=0,
        revision=None,
        # The number in a separate entry's UID appears in no text.
        dates=tuple(
            replace(one, asked=0, separate=one.separate.partition("-")[0]) for one in last.calendar_state.dates
        ),
        separate=last.calendar_state.separate.partition("-")[0],
    )
    return *coming, calendar_state, folded(last.calendar_state.recipient) == folded(person.email)
