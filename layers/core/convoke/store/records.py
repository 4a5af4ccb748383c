"""What delivery writes to the invitations table beside invitations: stored messages, postponed due keys, pages of an
audit, and the switch that stops all sending.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from botocore.exceptions import ClientError

from .. import effects
from ..decision.invitation import StoredMessage
from ..effects import Due, DueKind
from ..model import GRAVITY, DeliveryState
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .repository import Repository
from .writes import Action, alone, put, update

KEPT_AFTER_ITS_SECOND = 3600
"""Seconds after which the item of a second is removed."""
NO_TURN = frozenset(
    {
        *("ConditionalCheckFailedException", "TransactionConflictException"),
        *("ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"),
    }
)
"""DynamoDB's error codes after which there may be a turn in the next second, whose item is another one."""
KEPT = timedelta(days=30)
"""How long the differences that an audit found are kept."""


class Records(Repository):
    """Writes to stored messages, due keys, pages of an audit, and the switch that stops sending. What takes an effect
    does what that says.
    """

    # --- stored messages ----------------------------------------------------------------------------------------

    def store_message(self, stored: StoredMessage) -> StoredMessage:
        """Store the message, unless it is stored already; returns the one that is stored."""
        written, existing = alone(self.client, put(self._sent, message_item(stored), conditions.NOT_STORED))
        return stored if written or existing is None else codec.read(StoredMessage, existing)

    def record_sent(self, effect: effects.RecordMessageState) -> None:
        """Record that SES accepted the message. Does nothing where something graver was reported already."""
        rank = GRAVITY.index(effect.state)
        changes = {
            "sent_at": keys.instant(effect.at),
            "ses_id": effect.ses_id,
            "state": effect.state.value,
            "rank": rank,
            "reason": effect.reason,
        }
        key = keys.message(effect.registration_id, effect.sequence)
        # ``sent_at`` is that of the first acceptance; the invitation has that of a resend.
        condition = conditions.NOTHING_GRAVER_REPORTED
        self._write(update(self._sent, key, changes, condition, first=("sent_at",), rank=rank))

    def give_up_action(self, registration_id: str, sequence: int, reason: str) -> Action:
        """The action that records in a stored message that it was given up, and why."""
        changes = {"state": DeliveryState.FAILED.value, "reason": reason}
        return update(self._sent, keys.message(registration_id, sequence), changes, conditions.NOTHING_REPORTED)

    def forget_messages(self, registration_id: str) -> None:
        """Remove the recipient and the rendered mail from every message to an attendee."""
        first = keys.first_message(registration_id)
        for key in self._rows(dynamo.starting_with(self._sent, first, ProjectionExpression="pk, sk")):
            changes = {"calendar_state.recipient": ""}
            self._attempt({"message": update(self._sent, key, changes, remove=("rendered", "unwritten"))})

    # --- due keys -----------------------------------------------------------------------------------------------

    def postpone(self, effect: effects.Postpone) -> bool:
        """Give a due item a later due key. False: it has another due key than the one that was read, or none."""
        seen = effect.due.due_key
        changes = {"due_key": keys.keep_due_since(effect.due_key, seen)}
        return self._write(
            update(self._sent, item_key(effect.due), changes, conditions.DUE_KEY_UNCHANGED, due_key=seen)
        )

    # --- audits -------------------------------------------------------------------------------------------------

    def store_audit_page(self, effect: effects.StoreAuditPage) -> None:
        item = {
            **keys.audit_page(effect.at, effect.page),
            "at": keys.instant(effect.at),
            "differences": list(effect.lines),
            "expires_at": codec.epoch(effect.at + KEPT),
        }
        self._write(put(self._sent, item))

    def audit_findings(self) -> Iterator[tuple[datetime, str]]:
        """The differences that the latest stored audit found: when (UTC), and a line with event, registration and
        reason.
        """
        query = dynamo.starting_with(self._sent, keys.audits())
        last = self.client.query(**query, ScanIndexForward=False, Limit=1)["Items"]
        if not last:
            return
        at = dynamo.unwire(last[0])["at"]
        for page in self._rows(dynamo.starting_with(self._sent, keys.audits(at))):
            yield from ((datetime.fromisoformat(at), line) for line in page["differences"])

    # --- the switch ---------------------------------------------------------------------------------------------

    def stop_sending(self, effect: effects.StopSending) -> None:
        until = keys.instant(effect.until)
        changes = {"stopped_until": until, "reason": effect.why}
        self._write(update(self._sent, keys.sending(), changes, conditions.NOT_STOPPED_FOR_LONGER, until=until))

    def start_sending(self) -> None:
        """Send mail again, whatever stopped it."""
        self._write(update(self._sent, keys.sending(), {}, "", remove=("stopped_until", "reason")))

    def draw_turns(self, effect: effects.DrawTurns) -> int | None:
        """Draw turns of one second. ``None``: too few are left."""
        if effect.urgent:
            condition, kind = conditions.TURNS_ARE_LEFT, "urgent"
        else:
            kind = "ordinary"
            condition = conditions.HALF_IS_LEFT if effect.ahead else conditions.HALF_IS_LEFT_BESIDE_URGENT
        [(_, write)] = update(
            self._sent,
            keys.pace(effect.second),
            {"expires_at": effect.second + KEPT_AFTER_ITS_SECOND},
            condition,
            add={"drawn": effect.count, kind: effect.count},
            room=effect.most - effect.count,
            half=effect.most // 2 - effect.count,
        ).items()
        try:
            answer = self.client.update_item(**write, ReturnValues="UPDATED_NEW")
        except ClientError as error:
            # Where too many draw at once, others' turns come first: this worker looks at the next second.
            if error.response["Error"]["Code"] not in NO_TURN:
                raise
            return None
        return int(dynamo.unwire(answer["Attributes"])["drawn"])

    def slow_down(self, effect: effects.SlowDown) -> None:
        changes = {"slowed_at": keys.instant(effect.at), "slowed_to": Decimal(str(effect.to))}
        before = keys.instant(effect.at - timedelta(seconds=1))
        self._write(update(self._sent, keys.sending(), changes, conditions.NOT_JUST_SLOWED, before=before))

    def store_rate(self, effect: effects.StoreRate) -> None:
        self._write(update(self._sent, keys.sending(), {"rate": Decimal(str(effect.rate))}, ""))

    def reserve(self, effect: effects.ReserveQuota) -> None:
        self._write(update(self._sent, keys.sending(), {"reserved_until": keys.instant(effect.until)}, ""))

    def hold_accounts(self, effect: effects.HoldAccounts) -> None:
        held = {account: keys.instant(until) for account, until in effect.until.items()}
        self._write(update(self._sent, keys.sending(), {"held": held}, ""))


def message_item(stored: StoredMessage) -> Item:
    """The item of a message. Of the occurrences it has the state of the one that the message is about, or none where it
    is about the whole event: only the invitation has the state of the others.
    """
    state = stored.calendar_state
    about = tuple(one for one in state.dates if (one.date, one.separate) == (state.date, state.separate))
    return codec.item(
        replace(stored, calendar_state=replace(state, dates=about)),
        keys.message(stored.registration_id, state.sequence),
        unwritten=None if stored.rendered else True,
    )


def item_key(due: Due) -> keys.Key:
    """The key of a due item in the invitations table."""
    match due.kind:
        case DueKind.REGISTRATION:
            return keys.invitation(due.event_id, due.registration_id)
        case DueKind.ERASURE:
            return keys.erasure(due.event_id, due.registration_id)
        case DueKind.HOLD:
            return keys.hold(due.event_id, due.registration_id)
        case DueKind.FAN_OUT:
            return keys.fan_out(due.event_id)
        case DueKind.BATCH:
            return keys.batch(due.event_id, due.version, due.registration_id)
        case DueKind.SEATS:
            return keys.seats(due.event_id)
        case DueKind.NOTIFICATION:
            return keys.notification(due.event_id, due.registration_id, due.notification_id)
        case DueKind.SURVEY:
            return keys.survey(due.event_id)
        case DueKind.SPLIT_TRANSFER:
            return keys.split_transfer(due.event_id)
        case DueKind.IMPORT:
            return keys.imported(due.event_id, due.registration_id)
