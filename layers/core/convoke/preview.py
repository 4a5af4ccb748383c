"""What a change would tell whom, by the very decision that tells it, without telling anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from .decide import next_message
from .model import Event, Method, Sender, noun
from .plan import Seen, told_of
from .told import Message

Kind = Literal["none", "update", "ask_again", "invite", "cancel"]
EXAMPLES = 5
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
        if self.messages[-1].method is Method.CANCEL and self.messages[-1].date is None:
            return "cancel"
        if any(said.method is Method.REQUEST and said.upon is None for said in self.messages):
            return "invite"
        if any(said.method is Method.REQUEST and said.asked is None for said in self.messages):
            return "ask_again"
        return (
            "update" if any(said.upon is not None and said.upon.whole for said in self.messages) else self._of_dates()
        )

    def _of_dates(self) -> Kind:
        """Who comes to some dates only loses all of it where every date is taken back."""
        last = self.messages[-1]
        gone = last.told(sequence=0, dtstamp=last.updated_at).gone
        return "cancel" if gone else "update"


def foresee(people: Iterable[Seen], after: Event, sender: Sender, now: datetime) -> Iterator[Foreseen]:
    """What each of ``people`` would be told if their event were ``after``."""
    for seen in people:
        messages: list[Message] = []
        told, dtstamp = told_of(seen.invitation), now
        while len(messages) < MOST:
            said = next_message(after, seen.registration, told, sender, now)
            if said is None:
                break
            messages.append(said)
            dtstamp += timedelta(seconds=1)
            told = said.told(sequence=seen.invitation.allocated + len(messages), dtstamp=dtstamp)
        yield Foreseen(seen=replace(seen, event=after), messages=tuple(messages))
