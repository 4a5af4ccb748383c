"""Effects on fan-outs and their batches.

All due keys are ``<priority>#<instant>`` (see ``store.keys``), all instants UTC.
"""

from __future__ import annotations

from datetime import datetime

from ..decision.fan_out import Batch, FanOut
from ..model import frozen
from .base import Effect
from .queues import BatchHint


@frozen
class PlanBatches(Effect):
    """Write the next batches of the fan-out ``seen``, each with its due key, and move ``planned_to`` to ``through``.

    ``people`` is how many are in these batches. ``due_key`` is when to go on planning; ``None``: all are planned, and
    the fan-out is not due any more. Where no batch is left then, it is deleted.
    Condition: version and ``planned_to`` are those of ``seen``. Answer: ``bool``, whether it was written.
    """

    seen: FanOut
    batches: tuple[tuple[Batch, str], ...]
    through: str
    people: int
    due_key: str | None


@frozen
class ClaimBatch(Effect):
    """Take the exclusive right to work on a batch until ``lease_until``, which is also when it is due again.

    Condition: it exists, and no other worker has it at ``now``. Answer: the claimed ``Batch``, or ``None``.
    """

    hint: BatchHint
    now: datetime
    lease_until: datetime


@frozen
class MoveBatch(Effect):
    """The registrations up to the id ``after`` have been informed: the rest of the batch is due at ``due_key``.

    Condition: the worker still has the batch. Answer: ``bool``, whether it was written.
    """

    batch: Batch
    after: str
    due_key: str


@frozen
class EndBatch(Effect):
    """All registrations of the batch have been informed: delete it, and with the last batch its fan-out.

    Condition: the worker still has the batch; the fan-out is changed only if it is of the batch's version. Answer:
    ``bool``, whether it was written.
    """

    batch: Batch


@frozen
class CountHeld(Effect):
    """Count the fan-outs that wait at ``now`` (UTC) for further changes. Answer: ``int``, approximate."""

    now: datetime
