"""Writing one invitation, always on the fence that was read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from ..decision.invitation import Acknowledged, Intent, Invitation
from ..model import noun
from ..webhooks.facts import FactType
from .kind import Effect


@noun
class Clear(Effect):
    """Nothing to say: no longer owed (``expired``: it is too late to), fence raised, IF fence and poke are those read.
    -> bool

    Raising the fence also where nothing was owed stops a slower worker that read an older event.
    """

    seen: Invitation
    expired: bool


@noun
class Claim(Effect):
    """Take the right to send ``intent`` until ``lease_until``, IF fence and poke are those read. -> the Invitation as
    claimed, or None
    """

    seen: Invitation
    intent: Intent
    lease_until: datetime
    owed_at: str


@noun
class Happening:
    """What an account's webhooks are to be told."""

    account: str
    type: FactType
    data: dict[str, Any]
    at: datetime


@noun
class GiveBack(Effect):
    """Nothing left: the lease is over, ``exposed`` as it was before, this attempt uncounted, IF the fence is mine. ->
    bool

    ``owed_at`` is when to look again; ``None``, where the intent is given up, takes the debt away IF poke is still the
    claim's. ``attempts`` counts refusals in a row. What is given up (``failed``) says why: ``reason``, a code, with the
    message too, unless something was reported of that; the ``fact`` for whoever listens; and the event is looked at for
    whom it did not reach.
    """

    claimed: Invitation
    before: Invitation
    owed_at: str | None
    attempts: int
    failed: bool = False
    reason: str = ""
    fact: Happening | None = None


@noun
class Amend(Effect):
    """SES reported something: write ``heard``'s acknowledgement, state and stop, IF the fence is that of ``seen``; and
    with it the ``fact`` for whoever listens. -> bool
    """

    seen: Invitation
    heard: Invitation
    fact: Happening | None = None


@noun
class Wait(Effect):
    """Nobody knows whether it left: keep the lease, look again at ``owed_at``, IF the fence is mine. -> bool"""

    claimed: Invitation
    owed_at: str


class Ending(StrEnum):
    """How an acknowledgement was received."""

    DONE = "done"
    OWED = "owed"
    OVERTAKEN = "overtaken"


@noun
class Acknowledge(Effect):
    """SES accepted it: one write, IF the claim is still mine. -> Ending

    It is no longer owed IF poke is still the claim's, unless ``owed_at`` says that more is to be told after it.
    """

    claimed: Invitation
    acknowledged: Acknowledged
    owed_at: str | None


@noun
class Poke(Effect):
    """One more reason to look again, from ``owed_at`` on; unconditional. ``repair``: and to say it anew under a new
    SEQUENCE. -> None
    """

    event_id: str
    registration_id: str
    owed_at: str
    repair: bool = False
