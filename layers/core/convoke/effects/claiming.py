"""Writing one invitation, always on the fence that was read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from ..decision.invitation import Acknowledged, Intent, Invitation
from ..model import frozen
from ..webhooks.facts import WebhookEventType
from .kind import Effect


@frozen
class ClearDue(Effect):
    """Nothing to say: no longer owed (``expired``: it is too late to), fence raised, IF fence and poke are those read.
    -> bool

    Raising the fence also where nothing was owed stops a slower worker that read an older event.
    """

    seen: Invitation
    expired: bool


@frozen
class Claim(Effect):
    """Take the right to send ``intent`` until ``lease_until``, IF fence and poke are those read. -> the Invitation as
    claimed, or None
    """

    seen: Invitation
    intent: Intent
    lease_until: datetime
    due_key: str


@frozen
class WebhookEvent:
    """What an account's webhooks are to be told."""

    account: str
    type: WebhookEventType
    data: dict[str, Any]
    at: datetime


@frozen
class ReleaseClaim(Effect):
    """Nothing left: the lease is over, ``highest_possibly_sent`` as it was before, this attempt uncounted, IF the
    fence is mine. -> bool

    ``due_key`` is when to look again; ``None``, where the intent is given up, takes the debt away IF poke is still the
    claim's. ``attempts`` counts refusals in a row. What is given up (``failed``) says why: ``reason``, a code, with the
    message too, unless something was reported of that; the ``fact`` for whoever listens; and the event is looked at for
    whom it did not reach.
    """

    claimed: Invitation
    before: Invitation
    due_key: str | None
    attempts: int
    failed: bool = False
    reason: str = ""
    fact: WebhookEvent | None = None


@frozen
class StoreReport(Effect):
    """SES reported something: write ``changed``'s acknowledgement, state and stop, IF the fence is that of ``seen``;
    and with it the ``fact`` for whoever listens. -> bool
    """

    seen: Invitation
    changed: Invitation
    fact: WebhookEvent | None = None


@frozen
class HoldClaim(Effect):
    """Nobody knows whether it left: keep the lease, look again at ``due_key``, IF the fence is mine. -> bool"""

    claimed: Invitation
    due_key: str


class AcknowledgeResult(StrEnum):
    """How an acknowledgement was received."""

    DONE = "done"
    OWED = "owed"
    OVERTAKEN = "overtaken"


@frozen
class Acknowledge(Effect):
    """SES accepted it: one write, IF the claim is still mine. -> Ending

    It is no longer owed IF poke is still the claim's, unless ``due_key`` says that more is to be told after it.
    """

    claimed: Invitation
    acknowledged: Acknowledged
    due_key: str | None


@frozen
class WakeUp(Effect):
    """One more reason to look again, from ``due_key`` on; unconditional. ``repair``: and to say it anew under a new
    SEQUENCE. -> None
    """

    event_id: str
    registration_id: str
    due_key: str
    repair: bool = False
