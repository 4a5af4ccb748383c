"""What a mail that came in leads to, once it has been judged: done, and noted under SES's id of it, so that a mail that
is delivered twice is heard once.

Each thing that is done is harmless when it is done again; what cannot be, goes into one transaction with the note. So
of a mail with several answers each is done or put aside by itself, and the note comes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..decision.plan import Snapshot
from ..inbound.authenticity import Receipt
from ..inbound.judgement import MOST_LOOKS, Judgement, Verdict, vouched
from ..inbound.mime import Incoming
from ..inbound.quarantine import KEPT, Owner, QuarantinedMail, held, unconfirmed
from ..inbound.reasons import Reason
from ..inbound.uids import ids_of
from ..mail import notifications
from ..model import AnswerChannel, Participation, Person
from ..settings import Settings
from ..store import (
    attention,
    dynamo,
    items,
    keys,
    notes,
    proposals,
    quarantine,
)
from ..store.accounts import only_account
from ..store.reads import Reads
from ..store.writes import (
    NEW,
    NOTHING_ELSE,
    Action,
    attempt,
    put,
    update,
)
from . import registry, replies

A_DAY = {
    Verdict.APPLY: 10,  # with a remark that is passed on; without one, as often as they like
    Verdict.PROPOSE: 20,
    Verdict.REFRESH: 3,
    Verdict.FORWARD: 10,
    Verdict.QUARANTINE: 50,
}
"""How often that can happen in the name of one person in a day (UTC): each mails somebody, or is shown to them."""
A_DAY_OF_OTHERS = 200
"""How many mails a day are kept to be shown that are about nobody in particular, for each event and account."""
ASKING = (Verdict.PROPOSE, Verdict.REFRESH, Verdict.FORWARD)
COUNTED = timedelta(days=2)

# The day has not had all of them.
FEWER_THAN_A_DAY_HAS = "attribute_not_exists(#count) OR #count < :most"


def read_snapshot(client: Any, settings: Settings, event_id: str, registration_id: str) -> Snapshot | None:
    """A registration as it is now, with its invitation and its event."""
    reads = Reads(client, settings)
    invitation = reads.invitation(event_id, registration_id)
    registration = reads.registration(event_id, registration_id)
    event = reads.event(event_id)
    if invitation is None or registration is None or event is None:
        return None
    return Snapshot(invitation=invitation, registration=registration, event=event)


def is_processed(client: Any, settings: Settings, ses_id: str) -> bool:
    """Whether this mail has been dealt with."""
    return dynamo.get(client, settings.invitations_table, keys.received_mail(ses_id)) is not None


def process(client: Any, settings: Settings, judged: Judgement, receipt: Receipt, *, now: datetime) -> Judgement:
    """Do what was judged, once a mail. Answers what was done: what could not be is put aside."""
    done = [_process_one(client, settings, one, receipt, number, now) for number, one in enumerate(judged.each)]
    # Refused where the same mail, delivered twice, was dealt with in the same moment.
    attempt(client, {"mail": record_action(settings, done[0], receipt)})
    return replace(done[0], others=tuple(done[1:]))


def _process_one(
    client: Any, settings: Settings, judged: Judgement, receipt: Receipt, number: int, now: datetime
) -> Judgement:
    """Do what one answer asks, the ``number``-th of the mail."""
    if judged.verdict is Verdict.QUARANTINE:
        reason = judged.reason
    elif judged.verdict in ASKING and not _allowed(client, settings, judged.seen, judged.verdict, now):
        reason = Reason.OFTEN
    else:
        note = {"mail": record_action(settings, judged, receipt)}
        reason = _do(client, settings, judged, receipt.ses_id, receipt.received_at, AnswerChannel.MAIL, note, now=now)
    if reason is not None:
        judged = replace(judged, verdict=Verdict.QUARANTINE, reason=reason)
        _put_aside(client, settings, judged, receipt, number, now)
    elif not _pass_on(client, settings, judged, now):
        # The answer counts all the same. What was written with it is shown with the mails that were put aside.
        remark = replace(judged, verdict=Verdict.QUARANTINE, reason=Reason.OFTEN)
        _put_aside(client, settings, remark, receipt, number, now)
    return judged


def _put_aside(
    client: Any, settings: Settings, judged: Judgement, receipt: Receipt, number: int, now: datetime
) -> None:
    """Keep it to be shown. What is too much for a day is counted, noted all the same, and the mail is in its bucket."""
    owner = owner_of(client, settings, judged)
    one = held(judged, receipt, owner, quarantine.quarantine_id(receipt, number))
    if not _may_be_shown(client, settings, owner, now):
        attempt(client, {"count": quarantine.count_not_shown_action(settings, owner, now)})
        return
    actions = {"held": quarantine.put_action(settings, one)}
    doubt = unconfirmed(judged, one)
    if doubt is not None and owner.event_id:
        actions["attention"] = attention.unconfirmed_action(settings, owner.event_id, doubt, one.expires_at)
    attempt(client, actions)  # refused where it is there already; somebody may have decided about it


def owner_of(client: Any, settings: Settings, judged: Judgement) -> Owner:
    """Whom a mail is shown to: whose registration it names; else whose event, and there the person with the address
    that it claims to come from; else the account, where there is only one.
    """
    if judged.seen is not None:
        event, person = judged.seen.event, judged.seen.registration
        return Owner(account=event.account, event_id=event.event_id, registration_id=person.registration_id)
    incoming, reads = judged.incoming, Reads(client, settings)
    named = {ids[0]: None for uid in (incoming.uids if incoming else ()) if (ids := ids_of(uid))}
    for event_id in list(named)[:MOST_LOOKS]:
        known = reads.event(event_id)
        if known is not None:
            lock = keys.address(event_id, incoming.sender) if incoming and incoming.sender else None
            whose = dynamo.get(client, settings.registrations_table, lock) if lock else None
            return Owner(
                account=known.account,
                event_id=event_id,
                registration_id=whose["registration_id"] if whose else None,
            )
    return Owner(account=only_account(client, settings.accounts_table) or "")


def release(client: Any, settings: Settings, mail: QuarantinedMail, *, now: datetime) -> Reason | None:
    """Do what a mail asks that was put aside, as if its sender had been believed. Answers why not, where it cannot be.

    What has been done already is not done again.
    """
    if mail.reason is Reason.VIRUS or mail.answer is None or not (mail.event_id and mail.registration_id):
        return mail.reason
    seen = read_snapshot(client, settings, mail.event_id, mail.registration_id)
    if seen is None:
        return mail.reason
    judged = vouched(mail.answer, seen, mail.received_at)
    source, at = mail.quarantine_id, mail.received_at
    reason = _do(client, settings, judged, source, at, AnswerChannel.RELEASE, NOTHING_ELSE, now=now)
    if reason is None:
        _pass_on(client, settings, judged, now, asked=True)
    return reason


def record_action(settings: Settings, judged: Judgement, receipt: Receipt) -> Action:
    """What became of a mail, as long as the mail is kept."""
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
        "expires_at": int((receipt.received_at + KEPT).timestamp()),
    }
    return put(settings.invitations_table, items.present(item), NEW)


# --- each thing that is done --------------------------------------------------------------------------------------


def _do(
    client: Any,
    settings: Settings,
    judged: Judgement,
    source: str,
    received_at: datetime,
    means: AnswerChannel,
    note: Mapping[str, Action],
    *,
    now: datetime,
) -> Reason | None:
    """Do it, or answer why not. ``source`` names the mail; ``note`` goes into the transaction of what may be done once
    only.
    """
    seen, answer = judged.seen, judged.answer
    match judged.verdict:
        case Verdict.APPLY | Verdict.LATE if seen and answer and judged.reply:
            ids = seen.registration.event_id, seen.registration.registration_id
            applied = replies.apply(client, settings, *ids, judged.reply, means=means, now=now)
            return Reason.STATUS if applied.outcome is replies.Outcome.INACTIVE else None
        case Verdict.PROPOSE if seen and answer and judged.proposed:
            # The same one is there once, and what was decided about it stays.
            proposal = proposals.new_proposal(answer, seen, judged.date, judged.proposed, received_at)
            attempt(client, {"proposal": proposals.put_action(settings, proposal)})
            return None
        case Verdict.REFRESH if seen:
            ids = seen.registration.event_id, seen.registration.registration_id
            return Reason.STOPPED if registry.resend(client, settings, *ids, now=now, also=note) else None
        case Verdict.FORWARD if seen and judged.incoming:
            _forward(client, settings, seen, judged.incoming, source, now)
            return None
    return judged.reason


def _pass_on(client: Any, settings: Settings, judged: Judgement, now: datetime, *, asked: bool = False) -> bool:
    """Tell the organizer what an answer says that no count can: what was written with it, that it was handed on. The
    same words are passed on once, in however many mails they come, and with however many answers; also where the answer
    was known, since whoever was interrupted has not passed it on. False: the day had enough, and nobody ``asked``.
    """
    seen, answer = judged.seen, judged.answer
    if seen is None or answer is None or answer.participation is None:
        return True
    if not (answer.comment or answer.participation is Participation.DELEGATED):
        return True
    said = f"{answer.uid} {answer.sequence} {answer.dtstamp.isoformat()} {answer.participation} {answer.comment}"
    person, how = seen.registration, answer.participation
    note = notifications.remark(seen.event, person, answered=how, text=answer.comment, source=said, now=now)
    key = keys.notification(note.event_id, note.registration_id, note.notification_id)
    if dynamo.get(client, settings.invitations_table, key) is not None:
        return True
    if not asked and not _allowed(client, settings, seen, Verdict.APPLY, now):
        return False
    notes.schedule(client, settings, note, now=now)
    return True


def _forward(client: Any, settings: Settings, seen: Snapshot, incoming: Incoming, source: str, now: datetime) -> None:
    """Pass on what a human wrote, of whom we know who it is."""
    person = seen.registration
    note = notifications.forward(
        seen.event,
        author=Person(name=person.name, email=person.email),
        subject=incoming.subject,
        text=incoming.text,
        source=source,
        registration_id=person.registration_id,
        now=now,
    )
    notes.schedule(client, settings, note, now=now)


def _allowed(client: Any, settings: Settings, seen: Snapshot | None, what: Verdict, now: datetime) -> bool:
    """Count what happens in one person's name in a day. False: it was enough before."""
    return seen is None or _counted(client, settings, seen.registration.registration_id, what, A_DAY[what], now)


def _may_be_shown(client: Any, settings: Settings, owner: Owner, now: datetime) -> bool:
    """Count what is put aside in a day. False: it was enough before, and strangers do not fill the table."""
    what = Verdict.QUARANTINE
    if owner.registration_id:
        return _counted(client, settings, owner.registration_id, what, A_DAY[what], now)
    whose = owner.event_id or owner.account or "nobody"
    return _counted(client, settings, whose, what, A_DAY_OF_OTHERS, now)


def _counted(client: Any, settings: Settings, whose: str, what: Verdict, most: int, now: datetime) -> bool:
    counted = update(
        settings.invitations_table,
        keys.daily_limit(whose, what.value, now.date()),
        "SET #expires_at = :expires_at ADD #count :one",
        FEWER_THAN_A_DAY_HAS,
        expires_at=int((now + COUNTED).timestamp()),
        one=1,
        most=most,
    )
    return not attempt(client, {"allowance": counted})
