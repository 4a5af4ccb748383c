"""Every key of the four tables, and the identifiers that they are made of, spelled once.

Identifiers are lower-case base32hex, whose order as text is the order of the number: a registration's id begins with
its creation time, so that registrations sort by arrival. Mail systems fold case; these have none to lose.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from base64 import b32hexencode
from datetime import UTC, date, datetime

from ..model import Reply, folded

Key = dict[str, str]

DUE_INDEX = "owed"
ACCOUNT_INDEX = "by_account"
SHARDS = tuple("01234567")

EVENT = "EVENT"
FAN_OUT = "FAN"
SEATS = "SEATS"
SPLIT_TRANSFER = "CARRY"
AUDIT = "AUDIT"
REGISTRATION_PREFIX = "REGISTRATION#"
WAITING_PREFIX = "WAITING#"
MESSAGE_PREFIX = "MESSAGE#"
ANSWER_PREFIX = "ANSWER#"
NOTIFICATION_PREFIX = "NOTE#"
WEBHOOK_PREFIX = "WEBHOOK#"
DELIVERY_PREFIX = "DELIVERY#"
WEBHOOK_EVENT_PREFIX = "FACT#"
ACCOUNT_KEY_PREFIX = "KEY#"
QUARANTINE_PREFIX = "QUARANTINE#"
PROPOSAL_PREFIX = "PROPOSAL#"
NOT_SHOWN_PREFIX = "NOT_SHOWN#"
UNCONFIRMED_PREFIX = "UNCONFIRMED#"
UNREACHED_PREFIX = "UNREACHED#"


def event_id(entropy: bytes) -> str:
    """26 characters from 16 random bytes."""
    return _base32(entropy)


def registration_id(at: datetime, entropy: bytes) -> str:
    """36 characters: 10 of the creation time in milliseconds, 26 from 16 random bytes."""
    milliseconds = int(at.timestamp() * 1000)
    return _base32((milliseconds << 2).to_bytes(7, "big"))[-10:] + _base32(entropy)


def _base32(data: bytes) -> str:
    return b32hexencode(data).decode().rstrip("=").lower()


def shard(identifier: str) -> str:
    """Which of the owed index's eight partitions an item belongs to."""
    return SHARDS[zlib.crc32(identifier.encode()) % len(SHARDS)]


def event(event_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": EVENT}


def registration(event_id: str, registration_id: str) -> Key:
    """The key of a registration, and in the other table that of its invitation."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{REGISTRATION_PREFIX}{registration_id}"}


def waiting(event_id: str, registration_id: str) -> Key:
    """A place in the line. The id begins with the time, so the line is in order of arrival."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{WAITING_PREFIX}{registration_id}"}


def address(event_id: str, email: str) -> Key:
    """The lock of one address at one event: keyed by the event, so that nobody is recognized elsewhere."""
    digest = hmac.new(event_id.encode(), folded(email).encode(), hashlib.sha256).hexdigest()
    return {"pk": f"EVENT#{event_id}", "sk": f"ADDRESS#{digest}"}


def message(registration_id: str, sequence: int) -> Key:
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"{MESSAGE_PREFIX}{sequence:010d}"}


def answer(registration_id: str, reply: Reply) -> Key:
    """What a reply says, and when it arrived, is its key, so that the same one is there once; in the order in which
    replies count.
    """
    about = reply.date.isoformat() if reply.date else ""
    order = f"{reply.sequence:010d}#{instant(reply.dtstamp)}"
    if reply.received_at is not None:
        order += f"#{instant(reply.received_at)}"
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"{ANSWER_PREFIX}{order}#{about}#{reply.status.value}"}


def fan_out(event_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": FAN_OUT}


def seats(event_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": SEATS}


def erasure(event_id: str, registration_id: str) -> Key:
    """The debt to forget a person, in the invitations table: paid by the sweeper once everything was taken back."""
    return {"pk": f"EVENT#{event_id}", "sk": f"ERASURE#{registration_id}"}


def notification(event_id: str, registration_id: str, notification_id: str) -> Key:
    """A plain letter, found with the person whom it is to or about; some are about nobody."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{NOTIFICATION_PREFIX}{registration_id}#{notification_id}"}


def daily_count(event_id: str, kind: str, day: str) -> Key:
    """How many notes of a kind have left for an event on one day."""
    return {"pk": f"EVENT#{event_id}", "sk": f"RATION#{kind}#{day}"}


def received_mail(ses_id: str) -> Key:
    """What became of a mail that came in."""
    return {"pk": f"MAIL#{ses_id}", "sk": "MAIL"}


def quarantined(account: str, quarantine_id: str) -> Key:
    """A mail that was put aside, in the invitations table: strangers fill it, and must not come near API keys."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"{QUARANTINE_PREFIX}{quarantine_id}"}


def unassigned(quarantine_id: str) -> Key:
    """A mail that was put aside and names no event, in a stack of several accounts: it is shown to none of them."""
    return {"pk": "UNASSIGNED", "sk": f"{QUARANTINE_PREFIX}{quarantine_id}"}


def not_shown(partition: str, event_id: str, day: date) -> Key:
    """How many mails were put aside on one day beyond those that are kept to be shown. ``event_id`` is empty for those
    that name no event; ``partition`` is where the others are kept.
    """
    return {"pk": partition, "sk": f"{NOT_SHOWN_PREFIX}{event_id}#{day.isoformat()}"}


def proposal(event_id: str, proposal_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": f"{PROPOSAL_PREFIX}{proposal_id}"}


def daily_limit(registration_id: str, what: str, day: date) -> Key:
    """How often somebody did something on one day."""
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"ALLOWANCE#{what}#{day.isoformat()}"}


def split_transfer(event_id: str) -> Key:
    """The debt to carry registrations over to this event, in the invitations table."""
    return {"pk": f"EVENT#{event_id}", "sk": SPLIT_TRANSFER}


def survey(event_id: str) -> Key:
    """The debt to look whether everybody was reached."""
    return {"pk": f"EVENT#{event_id}", "sk": "SURVEY"}


def unreached(event_id: str, registration_id: str) -> Key:
    """Somebody who was not reached. They stand together, so that an event can show them."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{UNREACHED_PREFIX}{registration_id}"}


def unconfirmed(event_id: str, registration_id: str, quarantine_id: str) -> Key:
    """An answer that waits for the organizer's word; with those who were not reached, so that an event shows both."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{UNCONFIRMED_PREFIX}{registration_id}#{quarantine_id}"}


def audit_page(at: datetime, page: int) -> Key:
    """A page of what an audit that stopped has found, in the invitations table."""
    return {"pk": AUDIT, "sk": f"{instant(at)}#{page:05d}"}


def sending() -> Key:
    return {"pk": "SENDING", "sk": "SENDING"}


def api_key(secret: str) -> Key:
    """The key of an API key's record: only its hash is kept."""
    return {"pk": f"KEY#{hashlib.sha256(secret.encode()).hexdigest()}", "sk": "KEY"}


def account(account: str) -> Key:
    return {"pk": f"ACCOUNT#{account}", "sk": "ACCOUNT"}


def accounts() -> Key:
    """The names of all accounts that ever had a key."""
    return {"pk": "ACCOUNTS", "sk": "ACCOUNTS"}


def account_key(account: str, name: str) -> Key:
    """Where an account's key is found by its name."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"{ACCOUNT_KEY_PREFIX}{name}"}


def request(account: str, route: str, idempotency_key: str) -> Key:
    """A request that is granted once. A path may be of any length, and a key of DynamoDB has at most 1,024 bytes.

    Apart from the account's API keys: the function behind the API may write here, and is not to make keys.
    """
    digest = hashlib.sha256(f"{route}#{idempotency_key}".encode()).hexdigest()
    return {"pk": f"REQUESTS#{account}", "sk": digest}


def webhook(account: str, webhook_id: str) -> Key:
    return {"pk": f"ACCOUNT#{account}", "sk": f"{WEBHOOK_PREFIX}{webhook_id}"}


def webhooks(account: str) -> Key:
    """How many webhooks an account has."""
    return {"pk": f"ACCOUNT#{account}", "sk": "WEBHOOKS"}


def webhook_event(fact_id: str) -> Key:
    return {"pk": f"{WEBHOOK_EVENT_PREFIX}{fact_id}", "sk": "FACT"}


def delivery(webhook_id: str, fact_id: str) -> Key:
    """One fact's way to one webhook. A fact's id begins with its time, so they are in order."""
    return {"pk": f"{WEBHOOK_PREFIX}{webhook_id}", "sk": f"{DELIVERY_PREFIX}{fact_id}"}


def instant(at: datetime) -> str:
    """An instant as text whose order is the order of time, microseconds, UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def due_key(priority: int, at: datetime) -> str:
    """When somebody must look again, most pressing first: ``<priority>#<instant>``."""
    return f"{priority}#{instant(at)}"


def event_id_of(pk: str) -> str:
    return pk.removeprefix("EVENT#")


def sooner_due_key(one: str, other: str) -> str:
    """Of two debts on one item what must be written: as pressing as the more pressing, due when the earlier one is."""
    (priority, at, *_), (other_priority, other_at, *_) = one.split("#"), other.split("#")
    return f"{min(priority, other_priority)}#{min(at, other_at)}"


def keep_due_since(due_key: str, standing: str | None) -> str:
    """``due_key`` in the place of a debt that stands: it is as old as that, ``<priority>#<instant>#<since>``."""
    if standing is None:
        return due_key
    priority, at, *_ = due_key.split("#")
    since = instant(due_since(standing))
    return f"{priority}#{at}" if since == at else f"{priority}#{at}#{since}"


def due_since(due_key: str) -> datetime:
    """Since when (UTC) something has been owed, however often the look at it was put off."""
    return datetime.fromisoformat(due_key.split("#")[-1])
