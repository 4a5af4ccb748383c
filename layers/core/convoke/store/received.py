"""Which mails that came in have been processed, and how often in a day each of their actions was done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ..inbound.authenticity import Receipt
from ..inbound.judgement import Judgement
from ..inbound.quarantine import KEPT
from . import codec, conditions, dynamo, keys
from .repository import Repository
from .writes import Action, put, update

COUNTED = timedelta(days=2)
"""How long a daily count is kept."""


class ReceivedMails(Repository):
    def is_processed(self, ses_id: str) -> bool:
        """Whether the mail with SES's message id ``ses_id`` has been processed."""
        return self._item(self._sent, keys.received_mail(ses_id)) is not None

    def record_action(self, judged: Judgement, receipt: Receipt) -> Action:
        """The action that records the result for a mail; the record expires with the mail."""
        seen = judged.seen
        item = {
            **keys.received_mail(receipt.ses_id),
            "verdict": judged.verdict.value,
            "reason": judged.reason.value if judged.reason else None,
            "event_id": seen.event.event_id if seen else None,
            "registration_id": seen.registration.registration_id if seen else None,
            "bucket": receipt.bucket,
            "key": receipt.key,
            "received_at": keys.instant(receipt.received_at),
            "expires_at": codec.epoch(receipt.received_at + KEPT),
        }
        return put(self._sent, {name: value for name, value in item.items() if value is not None}, conditions.NEW)

    def link(self, registration_id: str, receipt: Receipt) -> None:
        """Note where a mail is kept that is from, or about, the person of a registration."""
        place = {"bucket": receipt.bucket, "key": receipt.key, "expires_at": codec.epoch(receipt.received_at + KEPT)}
        self._write(put(self._sent, {**keys.received_from(registration_id, receipt.ses_id), **place}))

    def linked(self, registration_id: str) -> Iterator[tuple[str, str]]:
        """The bucket and the key of each mail that is kept of a person."""
        rows = self._rows(dynamo.starting_with(self._sent, keys.received_from(registration_id, "")))
        return ((row["bucket"], row["key"]) for row in rows)

    def count(self, whose: str, what: str, most: int, now: datetime) -> bool:
        """Count one more action of a kind in the name of a registration, event or account on this day (UTC). False:
        ``most`` of them are counted already.
        """
        key = keys.daily_limit(whose, what, now.date())
        changes = {"expires_at": codec.epoch(now + COUNTED)}
        counted = update(self._sent, key, changes, conditions.BELOW_MAXIMUM, add={"count": 1}, most=most)
        return not self._attempt({"daily_limit": counted})
