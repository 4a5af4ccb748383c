"""Iteration over all registrations of an event with their invitations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..decision.invitation import Invitation
from ..model import Registration
from ..settings import Settings
from .reads import Reads

BATCH_SIZE = 500
"""How many registrations and invitations are read at a time."""


def everybody(
    client: Any, settings: Settings, event_id: str, after: str = ""
) -> Iterator[tuple[Registration, Invitation]]:
    """The event's registrations after the id ``after``, in order of arrival, each with its invitation. An invitation is
    read before its registration.

    Strongly consistent. Ten thousand registrations take about 5,300 read units.
    """
    reads = Reads(client, settings)
    while invitations := reads.invitations(event_id, after, BATCH_SIZE):
        first, after = after, invitations[-1].registration_id
        people = {person.registration_id: person for person in reads.registrations(event_id, first, after)}
        for invitation in invitations:
            if person := people.get(invitation.registration_id):
                yield person, invitation
