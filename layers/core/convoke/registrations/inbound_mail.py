"""Carries out what an incoming mail was judged to ask for, and records it under SES's message id, so that a mail that
is delivered twice is processed once.

Each action either is idempotent, or is written in one transaction with the record. So each answer of a mail is carried
out or quarantined by itself, and the record is written last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from ..decision.decide import Snapshot
from ..inbound.authenticity import Receipt
from ..inbound.judgement import MOST_LOOKS, Judgement, Verdict, vouched
from ..inbound.mime import Incoming
from ..inbound.quarantine import Origin, Owner, QuarantinedMail, origin, quarantined_mail, unconfirmed
from ..inbound.reasons import Reason
from ..inbound.uids import ids_of
from ..mail import new_notifications
from ..model import AnswerChannel, Participation, Person
from ..store.proposals import new_proposal
from ..store.quarantine import quarantine_id
from ..store.store import Store
from ..store.writes import NOTHING_ELSE, Action
from . import registry, replies

DAILY_LIMITS = {
    Verdict.APPLY: 10,  # with a comment that is passed on; without one there is no limit
    Verdict.PROPOSE: 20,
    Verdict.REFRESH: 3,
    Verdict.FORWARD: 10,
    Verdict.QUARANTINE: 50,
}
"""How often a day (UTC) each of them is done in the name of one person, since each sends a mail or is listed; for each
origin of a quarantined mail.
"""
DAILY_LIMIT_UNNAMED = 200
"""How many quarantined mails a day (UTC) that name no registration are listed, for each event, account and origin."""
ASKING = (Verdict.PROPOSE, Verdict.REFRESH, Verdict.FORWARD)


def process(store: Store, judged: Judgement, receipt: Receipt, *, now: datetime) -> Judgement:
    """Carry out the judgement of a mail, once. Returns what was done: what could not be done is quarantined."""
    done = [_process_one(store, one, receipt, number, now) for number, one in enumerate(judged.each)]
    named = {_person_of(store, one) for one in done}
    for registration_id in named - {None}:
        store.received.link(str(registration_id), receipt)
    # Fails where the same mail was delivered twice and is processed by another worker at the same time.
    store.attempt({"mail": store.received.record_action(done[0], receipt)})
    return replace(done[0], others=tuple(done[1:]))


def _process_one(store: Store, judged: Judgement, receipt: Receipt, number: int, now: datetime) -> Judgement:
    """Carry out one answer, the ``number``-th of the mail; quarantine it where that is not possible."""
    if judged.verdict is Verdict.QUARANTINE:
        reason = judged.reason
    elif judged.verdict in ASKING and not _allowed(store, judged.seen, judged.verdict, now):
        reason = Reason.OFTEN
    else:
        record = {"mail": store.received.record_action(judged, receipt)}
        reason = _do(store, judged, receipt.ses_id, receipt.received_at, AnswerChannel.MAIL, record, now=now)
    if reason is not None:
        judged = replace(judged, verdict=Verdict.QUARANTINE, reason=reason)
        _quarantine(store, judged, receipt, number, now)
    elif not _pass_on(store, judged, now):
        # The answer was applied all the same; only its comment is listed with the quarantined mails.
        remark = replace(judged, verdict=Verdict.QUARANTINE, reason=Reason.OFTEN)
        _quarantine(store, remark, receipt, number, now)
    return judged


def _quarantine(store: Store, judged: Judgement, receipt: Receipt, number: int, now: datetime) -> None:
    """Store the mail to be listed. Beyond the daily limit it is only counted; the mail itself is in the S3 bucket."""
    owner = owner_of(store, judged)
    one = quarantined_mail(judged, receipt, owner, quarantine_id(receipt, number))
    if not _may_be_shown(store, owner, origin(judged, receipt), now):
        store.attempt({"count": store.quarantine.count_not_shown_action(owner, now)})
        return
    actions = {"held": store.quarantine.put_action(one, receipt)}
    doubt = unconfirmed(judged, one)
    if doubt is not None and owner.event_id:
        actions["attention"] = store.surveys.unconfirmed_action(owner.event_id, doubt, one.expires_at)
    store.attempt(actions)  # fails where it is stored already; it may have been decided meanwhile


def _person_of(store: Store, judged: Judgement) -> str | None:
    """The registration whose person an incoming mail is from, or about."""
    return judged.seen.registration.registration_id if judged.seen else owner_of(store, judged).registration_id


def owner_of(store: Store, judged: Judgement) -> Owner:
    """The account, event and registration to which a mail is listed.

    By the registration that the mail names; otherwise by the event that it names, with the registration that has the
    sender's address; otherwise the deployment's account, where there is only one.
    """
    if judged.seen is not None:
        event, person = judged.seen.event, judged.seen.registration
        return Owner(account=event.account, event_id=event.event_id, registration_id=person.registration_id)
    incoming = judged.incoming
    named = {ids[0]: None for uid in (incoming.uids if incoming else ()) if (ids := ids_of(uid))}
    for event_id in list(named)[:MOST_LOOKS]:
        known = store.reads.event(event_id)
        if known is not None:
            sender = incoming.sender if incoming else None
            whose = store.reads.address_holder(event_id, sender) if sender else None
            return Owner(account=known.account, event_id=event_id, registration_id=whose)
    return Owner(account=store.accounts.only_account() or "")


def release(store: Store, mail: QuarantinedMail, *, now: datetime) -> Reason | None:
    """Carry out a quarantined mail as if its sender had been verified. Returns the reason where that is not possible.

    What has been done already is not repeated.
    """
    if mail.reason is Reason.VIRUS or mail.answer is None or not (mail.event_id and mail.registration_id):
        return mail.reason
    seen = registry.read_snapshot(store, mail.event_id, mail.registration_id)
    if seen is None:
        return mail.reason
    judged = vouched(mail.answer, seen, mail.received_at)
    source, at = mail.quarantine_id, mail.received_at
    reason = _do(store, judged, source, at, AnswerChannel.RELEASE, NOTHING_ELSE, now=now)
    if reason is None:
        _pass_on(store, judged, now, asked=True)
    return reason


# --- the actions --------------------------------------------------------------------------------------------------


def _do(
    store: Store,
    judged: Judgement,
    source: str,
    received_at: datetime,
    channel: AnswerChannel,
    record: Mapping[str, Action],
    *,
    now: datetime,
) -> Reason | None:
    """Carry out one judgement, or return the reason why not.

    ``source`` identifies the mail; ``record`` is written in the transaction of what must not be repeated.
    """
    seen, answer = judged.seen, judged.answer
    ids = (seen.registration.event_id, seen.registration.registration_id) if seen else ("", "")
    match judged.verdict:
        case Verdict.APPLY | Verdict.LATE if seen and answer and judged.reply:
            applied = replies.apply(store, *ids, judged.reply, channel=channel, now=now)
            return Reason.STATUS if applied.outcome is replies.Outcome.INACTIVE else None
        case Verdict.PROPOSE if seen and answer and judged.proposed:
            # The same proposal is stored once; a decision about it is not overwritten.
            proposal = new_proposal(answer, seen, judged.date, judged.proposed, received_at)
            store.attempt({"proposal": store.proposals.put_action(proposal)})
            if judged.reply is not None:
                replies.apply(store, *ids, judged.reply, channel=channel, now=now, keeps_seat=True)
            return None
        case Verdict.REFRESH if seen:
            return Reason.STOPPED if registry.resend(store, *ids, now=now, also=record) else None
        case Verdict.FORWARD if seen and judged.incoming:
            _forward(store, seen, judged.incoming, source, now)
            return None
    return judged.reason


def _pass_on(store: Store, judged: Judgement, now: datetime, *, asked: bool = False) -> bool:
    """Schedule a notification to the organizer where an answer has a comment or is a delegation.

    The same comment is passed on once, in however many mails and answers it arrives; also where the answer itself was
    applied before, since an interrupted worker may not have passed it on. False: the daily limit is reached, and nobody
    ``asked`` for it by releasing the mail.
    """
    seen, answer = judged.seen, judged.answer
    # What was written with a proposal is shown with it.
    if seen is None or answer is None or answer.participation is None or judged.verdict is Verdict.PROPOSE:
        return True
    if not (answer.comment or answer.participation is Participation.DELEGATED):
        return True
    source = f"{answer.uid} {answer.sequence} {answer.dtstamp.isoformat()} {answer.participation} {answer.comment}"
    person, how = seen.registration, answer.participation
    notification = new_notifications.remark(
        seen.event, person, answered=how, text=answer.comment, source=source, now=now
    )
    if store.notifications.scheduled(notification):
        return True
    if not asked and not _allowed(store, seen, Verdict.APPLY, now):
        return False
    store.notifications.schedule(notification, now=now)
    return True


def _forward(store: Store, seen: Snapshot, incoming: Incoming, source: str, now: datetime) -> None:
    """Schedule a notification to the organizer with the text of a mail from a verified attendee."""
    person = seen.registration
    notification = new_notifications.forward(
        seen.event,
        author=Person(name=person.name, email=person.email),
        subject=incoming.subject,
        text=incoming.text,
        source=source,
        registration_id=person.registration_id,
        now=now,
    )
    store.notifications.schedule(notification, now=now)


def _allowed(store: Store, seen: Snapshot | None, what: Verdict, now: datetime) -> bool:
    """Count one more action in the name of a person on this day (UTC). False: the daily limit is reached."""
    return seen is None or store.received.count(seen.registration.registration_id, what.value, DAILY_LIMITS[what], now)


def _may_be_shown(store: Store, owner: Owner, sent_by: Origin, now: datetime) -> bool:
    """Count one more quarantined mail on this day (UTC). False: the daily limit of its owner and origin, which protects
    the table, is reached.
    """
    what = f"{Verdict.QUARANTINE}-{sent_by}"
    if owner.registration_id:
        return store.received.count(owner.registration_id, what, DAILY_LIMITS[Verdict.QUARANTINE], now)
    whose = owner.event_id or owner.account or "nobody"
    return store.received.count(whose, what, DAILY_LIMIT_UNNAMED, now)
