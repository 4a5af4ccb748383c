"""Effects on all mail together: whether it may be sent, how much of it, and how fast. All instants are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..model import frozen
from .base import Effect


@frozen
class StopSending(Effect):
    """Stop all mail until ``until``, with the reason ``why``.

    Condition: mail is not stopped until a later time already. Answer: ``None``.
    """

    until: datetime
    why: str


@frozen
class ReadQuota(Effect):
    """Ask SES for the account's sending quota. Answer: ``Quota``, or ``None`` if SES does not answer."""


@frozen
class StoreRate(Effect):
    """Store how many mails a second SES accepts of this account. Answer: ``None``."""

    rate: float


@frozen
class DrawTurns(Effect):
    """Draw ``count`` of the ``most`` mails that may be sent in one ``second`` (Unix time).

    Condition: so many are left; for ordinary mail also, where urgent mail was drawn in this second, or it is one
    ``ahead``: ordinary mail has then drawn no more than half. Answer: ``int``, how many have been drawn in this second
    now, or ``None``.
    """

    second: int
    count: int
    most: int
    urgent: bool
    ahead: bool


@frozen
class SlowDown(Effect):
    """SES refused a mail at ``at`` (UTC) since there were too many: go on with the share ``to`` of the pace.

    Condition: it was not slowed down in the second before. Answer: ``None``.
    """

    at: datetime
    to: float


@frozen
class ReserveQuota(Effect):
    """Send no invitations until ``until``: the rest of the day's quota is kept for cancellations and changes.

    Answer: ``None``.
    """

    until: datetime


@frozen
class ReadMailed(Effect):
    """Read how many mails each account has sent at ``now`` (UTC), in the day and the hour.

    Answer: tuple of ``AccountMails``, of those that have sent any.
    """

    now: datetime


@frozen
class CountAccounts(Effect):
    """Count the accounts of the deployment. Answer: ``int``."""


@frozen
class HoldAccounts(Effect):
    """Let these accounts and no others send only cancellations, each until its time (UTC). Answer: ``None``."""

    until: Mapping[str, datetime]
