"""What a mail that came in leads to, once it has been judged: done, and noted under SES's id of it, so that a mail that
is delivered twice is heard once.

Each thing that is done is harmless when it is done again; what cannot be, goes into one transaction with the note.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from .. import notes
from ..inbound.firewall import Receipt
from ..inbound.judgement import Judgement, Verdict
from ..inbound.quarantine import KEPT, held
from ..inbound.reasons import Reason
from ..model import Participation, Person
from ..reconcile import Seen
from ..settings import Settings
from . import dynamo, items, keys, proposals, quarantine, registry, replies
from .notes import owe
from .reads import Reads
from .registry import Obstacle
from .writes import NEW, Action, attempt, put

A_DAY = {Verdict.PROPOSE: 20, Verdict.REFRESH: 3, Verdict.FORWARD: 10}
"""How often one person may ask for it in a day (UTC): what they ask for mails somebody."""
COUNTED = timedelta(days=2)

# The day has not had all of them.
FEWER_THAN_A_DAY_HAS = "attribute_not_exists(#count) OR #count < :most"


def look(client: Any, settings: Settings, event_id: str, registration_id: str) -> Seen | None:
    """A registration as it is now, with its invitation and its event."""
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    registration = reads.registration(event_id, registration_id)
    event = reads.event(event_id)
    if invitation is None or registration is None or event is None:
        return None
    return Seen(invitation=invitation, registration=registration, event=event)


def known(client: Any, settings: Settings, ses_id: str) -> bool:
    """Whether this mail has been dealt with."""
    return dynamo.get(client, settings.invitations_table, keys.received(ses_id)) is not None


def carry_out(client: Any, settings: Settings, judged: Judgement, receipt: Receipt, *, now: datetime) -> Judgement:
    """Do what was judged, once a mail. Answers what was done: what could not be is put aside."""
    reason = None
    match judged.verdict:
        case Verdict.APPLY | Verdict.LATE:
            reason = _apply(client, settings, judged, receipt.ses_id, now=now)
        case Verdict.PROPOSE | Verdict.REFRESH | Verdict.FORWARD if not _allowed(client, settings, judged, now):
            reason = Reason.OFTEN
        case Verdict.PROPOSE:
            propose(client, settings, judged, receipt.received_at)
        case Verdict.REFRESH:
            reason = _refresh(client, settings, judged, {"mail": _noting(settings, judged, receipt)}, now=now)
        case Verdict.FORWARD:
            _forward(client, settings, judged, receipt.ses_id, now=now)
    if reason is not None:
        judged = replace(judged, verdict=Verdict.QUARANTINE, reason=reason)
    actions = {"mail": _noting(settings, judged, receipt)}
    aside = held(judged, receipt, quarantine.quarantine_id(receipt)) if judged.verdict is Verdict.QUARANTINE else None
    if aside is not None:
        actions["held"] = quarantine.holding(settings, aside)
    attempt(client, actions)  # refused where the same mail, delivered twice, was dealt with in the same moment
    return judged


def _noting(settings: Settings, judged: Judgement, receipt: Receipt) -> Action:
    seen = judged.seen
    item = {
        **keys.received(receipt.ses_id),
        "verdict": judged.verdict.value,
        "reason": judged.reason.value if judged.reason else None,
        "event_id": seen.event.event_id if seen else None,
        "registration_id": seen.registration.registration_id if seen else None,
        "bucket": receipt.bucket,
        "key": receipt.key,
        "received_at": keys.instant(receipt.received_at),
        "expires_at": int((receipt.received_at + KEPT).timestamp()),
    }
    return put(settings.invitations_table, items.present(item), NEW)


# --- each thing that is done --------------------------------------------------------------------------------------


def propose(client: Any, settings: Settings, judged: Judgement, received_at: datetime) -> None:
    """Keep a COUNTER for the organizer. The same one is there once, and what was decided about it stays."""
    proposal = proposals.proposal_of(judged, received_at)
    attempt(client, {"proposal": proposals.proposing(settings, proposal)})


def _allowed(client: Any, settings: Settings, judged: Judgement, now: datetime) -> bool:
    assert judged.seen is not None
    key = keys.allowance(judged.seen.registration.registration_id, judged.verdict.value, now.date())
    written, _ = dynamo.conditionally(
        client.update_item,
        TableName=settings.invitations_table,
        Key=dynamo.wire(key),
        UpdateExpression="SET expires_at = :expires ADD #count :one",
        ConditionExpression=FEWER_THAN_A_DAY_HAS,
        ExpressionAttributeNames={"#count": "count"},
        ExpressionAttributeValues=dynamo.wire(
            {":one": 1, ":most": A_DAY[judged.verdict], ":expires": int((now + COUNTED).timestamp())}
        ),
    )
    return written


def _refresh(
    client: Any, settings: Settings, judged: Judgement, also: dict[str, Action], *, now: datetime
) -> Reason | None:
    assert judged.seen is not None
    person = judged.seen.registration
    obstacle = registry.resend(client, settings, person.event_id, person.registration_id, now=now, also=also)
    return Reason.STOPPED if isinstance(obstacle, Obstacle) else None
