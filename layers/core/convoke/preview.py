"""What a change would tell whom, by the very decision that tells it, without telling anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from .ledger import Acknowledged
from .model import Event, Method, Sender, folded, noun
from .plan import Seen, decide, intent_for
from .told import Message

Kind = Literal["none", "update", "ask_again", "invite", "cancel"]
EXAMPLES = 5
ALIKE = datetime.min.replace(tzinfo=UTC)
MOST = 2000
"""Messages to one attendee for one change, and more than any change needs: 400 dates, each told at two addresses."""


@noun
class Foreseen:
    """What one attendee would be told, in order."""

    seen: Seen
    messages: tuple[Message, ...]

    @property
    def kind(self) -> Kind:
        """The gravest of it: ``cancel`` is an entry that goes for good."""
        if not self.messages:
            return "none"
        last = self.messages[-1]
        if last.method is Method.CANCEL and last.told(sequence=0, dtstamp=last.updated_at).gone:
            return "cancel"
        if any(said.method is Method.REQUEST and said.opens for said in self.messages):
            return "invite"
        if any(said.method is Method.REQUEST and said.asked is None for said in self.messages):
            return "ask_again"
        return "update"


def foresee(people: Iterable[Seen], after: Event, sender: Sender, now: datetime) -> Iterator[Foreseen]:
    """What each of ``people`` would be told if their event were ``after``.

    Most are alike, but for who they are: then the messages are those to the first of them.
    """
    known: dict[tuple[object, ...], tuple[Message, ...]] = {}
    for seen in people:
        seen = replace(seen, event=after)
        alike = _alike(seen)
        messages = known.get(alike) if alike is not None else None
        if messages is None:
            messages = tuple(_messages(seen, sender, now))
            if alike is not None:
                known[alike] = messages
        yield Foreseen(seen=seen, messages=messages)


def _messages(seen: Seen, sender: Sender, now: datetime) -> Iterator[Message]:
    """One after the other, as if each were accepted."""
    for _ in range(MOST):
        plan = decide(seen, sender, now)
        if plan is None:
            return
        yield plan.message
        invitation = seen.invitation
        intent = intent_for(plan, invitation, "foreseen", now)
        accepted = Acknowledged(told=intent.told, ses_id="", at=now, repair=invitation.repair, resend=invitation.resend)
        invitation = replace(
            invitation,
            allocated=max(invitation.allocated, intent.told.sequence),
            exposed=intent.told.sequence,
            heard=intent.told,
            intent=intent,
            acknowledged=accepted,
        )
        seen = replace(seen, invitation=invitation)


def _alike(seen: Seen) -> tuple[object, ...] | None:
    """All on which it depends what somebody would be told; ``None`` where they are not as most are."""
    invitation, person = seen.invitation, seen.registration
    last = invitation.acknowledged
    counts = (last.repair, last.resend) if last else (0, 0)
    if invitation.doubt or invitation.stopped or (invitation.repair, invitation.resend) != counts:
        return None
    coming = (person.status, person.occurrences, person.named)
    if last is None:
        return coming
    told = replace(
        last.told,
        uid="",
        generation=0,
        sequence=0,
        dtstamp=ALIKE,
        recipient="",
        asked=0,
        revision=None,
        # Which number makes the UID of an entry of its own is nothing that anybody reads.
        dates=tuple(replace(one, asked=0, separate=one.separate.partition("-")[0]) for one in last.told.dates),
        separate=last.told.separate.partition("-")[0],
    )
    return *coming, told, folded(last.told.recipient) == folded(person.email)
