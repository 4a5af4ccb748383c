"""The keys of all items of the four DynamoDB tables, the identifiers in them, and the due keys of the index of due
items.

Identifiers are lower-case base32hex (RFC 4648, section 7), which sorts as text in the order of the encoded number: a
registration's id begins with its creation time, so that registrations sort in order of arrival. Lower case only, since
mail systems may change the case of a UID or an address.

A due key, ``<priority>#<instant>`` or ``<priority>#<instant>#<since>``, says that an item has to be looked at: how
urgent it is (0 is the most urgent), from when on, and, where a later look replaced an earlier one, since when it is
due.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from base64 import b32hexencode
from datetime import UTC, date, datetime

from ..model import Reply, folded, mailbox

Key = dict[str, str]

DUE_INDEX = "due"
ACCOUNT_INDEX = "by_account"
START_INDEX = "by_start"
UPDATED_INDEX = "by_updated"
PERSON_INDEX = "by_person"
SHARDS = tuple("01234567")
TASK_SHARDS = ("task0", "task1", "task2", "task3")
"""The partitions of the index of due items: of what mails somebody, and of tasks, which mail nobody. Apart, so that the
tasks are found whatever number of mails is due.
"""
PARTITIONS = 4
"""Over how many partition keys the invitations of an event are spread.

DynamoDB takes 1,000 write units a second for each key, and a mail costs its invitation five: four keys take 800 mails a
second of one event, so 500 leave room for ids that meet in one. Each more would cost every walk over an event's
invitations another query.
"""

MAILBOX = "MAILBOX"

EVENT = "EVENT"
FAN_OUT = "FAN_OUT"
SEATS = "SEATS"
SPLIT_TRANSFER = "SPLIT_TRANSFER"
AUDIT = "AUDIT"
BATCH_PREFIX = "BATCH#"
REGISTRATION_PREFIX = "REGISTRATION#"
MESSAGE_PREFIX = "MESSAGE#"
ANSWER_PREFIX = "ANSWER#"
NOTIFICATION_PREFIX = "NOTIFICATION#"
WEBHOOK_PREFIX = "WEBHOOK#"
DELIVERY_PREFIX = "DELIVERY#"
WEBHOOK_EVENT_PREFIX = "WEBHOOK_EVENT#"
WEBHOOK_EVENTS_PREFIX = "WEBHOOK_EVENTS#"
QUARANTINE_PREFIX = "QUARANTINE#"
API_KEY = "KEY"
NOT_SHOWN_PREFIX = "NOT_SHOWN#"
UNREACHED_PREFIX = "UNREACHED#"
IMPORT_PREFIX = "IMPORT#"


def random_id(entropy: bytes) -> str:
    """The id of an event, or of whatever else is found by its id alone: 26 characters from 16 random bytes."""
    return _base32(entropy)


def registration_id(at: datetime, entropy: bytes) -> str:
    """36 characters: 10 of the creation time in milliseconds, 26 from 16 random bytes."""
    milliseconds = int(at.timestamp() * 1000)
    return _base32((milliseconds << 2).to_bytes(7, "big"))[-10:] + _base32(entropy)


def _base32(data: bytes) -> str:
    return b32hexencode(data).decode().rstrip("=").lower()


def shard(identifier: str) -> str:
    """The partition, one of eight, of the index of due items that an item with this identifier belongs to."""
    return _one_of(SHARDS, identifier)


def task_shard(identifier: str) -> str:
    """The partition, one of four, of the index of due items that a task with this identifier belongs to."""
    return _one_of(TASK_SHARDS, identifier)


def _one_of(shards: tuple[str, ...], identifier: str) -> str:
    return shards[zlib.crc32(identifier.encode()) % len(shards)]


def event(event_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": EVENT}


def registration(event_id: str, registration_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": f"{REGISTRATION_PREFIX}{registration_id}"}


def invitation(event_id: str, registration_id: str) -> Key:
    """The key of a registration's invitation, in one of :data:`PARTITIONS`."""
    # Of other bits than the shard is, so that what is due in one shard is in all partitions.
    number = (zlib.crc32(registration_id.encode()) >> 16) % PARTITIONS
    return {"pk": f"EVENT#{event_id}#{number}", "sk": f"{REGISTRATION_PREFIX}{registration_id}"}


def invitation_places(event_id: str, registration_id: str) -> tuple[Key, ...]:
    """Where the id of a registration sorts in each of the partitions of the event's invitations."""
    sk = f"{REGISTRATION_PREFIX}{registration_id}"
    return tuple({"pk": f"EVENT#{event_id}#{number}", "sk": sk} for number in range(PARTITIONS))


def waiting(event_id: str, registration_id: str) -> Key:
    """A place on the waitlist. The id begins with the creation time, so the places sort in order of arrival."""
    return {"pk": f"EVENT#{event_id}", "sk": f"WAITING#{registration_id}"}


def _keyed_hash(key: str, text: str) -> str:
    """HMAC-SHA256 (RFC 2104) of ``text``, in hexadecimal digits."""
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


def address(event_id: str, email: str) -> Key:
    """The item that reserves an address for one registration of an event.

    It holds an HMAC of the address keyed by the event's id, so that the same address cannot be recognized at another
    event.
    """
    digest = _keyed_hash(event_id, folded(email))
    return {"pk": f"EVENT#{event_id}", "sk": f"ADDRESS#{digest}"}


def person(account: str, email: str) -> str:
    """The partition of the index by which the registrations of an address are found at all events of an account."""
    return f"{account}#{_keyed_hash(account, folded(email))}"


def organizer(email: str) -> str:
    """The partition of the same index by which the events of an organizer are found, of all accounts. It begins with a
    character that no name of an account begins with.
    """
    return f"@{_keyed_hash('organizer', folded(email))}"


def external_event(account: str, external_id: str) -> Key:
    """The item that says which event of the account has this external id. It is hashed, since a sort key has at most
    1,024 bytes.
    """
    return {"pk": f"EXTERNAL#{account}", "sk": f"EVENT#{hashlib.sha256(external_id.encode()).hexdigest()}"}


def external_registration(event_id: str, external_id: str) -> Key:
    """The item that says which registration of the event has this external id."""
    return {"pk": f"EVENT#{event_id}", "sk": f"EXTERNAL#{hashlib.sha256(external_id.encode()).hexdigest()}"}


def message(registration_id: str, sequence: int) -> Key:
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"{MESSAGE_PREFIX}{sequence:010d}"}


def first_message(registration_id: str) -> Key:
    """Where the messages to an attendee begin."""
    return {"pk": f"REGISTRATION#{registration_id}", "sk": MESSAGE_PREFIX}


def first_answer(registration_id: str) -> Key:
    """Where the replies of an attendee begin."""
    return {"pk": f"REGISTRATION#{registration_id}", "sk": ANSWER_PREFIX}


def answer(registration_id: str, reply: Reply) -> Key:
    """The key of a stored reply, made of its content and its time of arrival: the same reply is stored once, and
    replies sort in the order of precedence (SEQUENCE, then DTSTAMP; RFC 5546, section 2.1.5).
    """
    about = reply.date.isoformat() if reply.date else ""
    order = f"{reply.sequence:010d}#{instant(reply.dtstamp)}"
    if reply.received_at is not None:
        order += f"#{instant(reply.received_at)}"
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"{ANSWER_PREFIX}{order}#{about}#{reply.status.value}"}


def fan_out(event_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": FAN_OUT}


def untold(event_id: str) -> Key:
    """The event as it was before the changes that wait to be announced."""
    return {"pk": f"EVENT#{event_id}", "sk": "UNTOLD"}


def batch(event_id: str, version: int, first: str) -> Key:
    """A batch of the fan-out of one version of an event: those registered after the id ``first``."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{BATCH_PREFIX}{version:010d}#{first}"}


def pace(second: int) -> Key:
    """How many mails may still be sent in one second (Unix time)."""
    return {"pk": f"PACE#{second}", "sk": "PACE"}


def seats(event_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": SEATS}


def seat_shard(event_id: str, number: int) -> Key:
    """One of the blocks of an event's seats, beside the event's own count."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{SEATS}#{number:02}"}


def erasure(event_id: str, registration_id: str) -> Key:
    """The task to erase a person, in the invitations table: the sweep does it once all their entries are cancelled."""
    return {"pk": f"EVENT#{event_id}", "sk": f"ERASURE#{registration_id}"}


def address_change(event_id: str, registration_id: str) -> Key:
    """A new address for a registration that is not confirmed yet, in the invitations table."""
    return {"pk": f"EVENT#{event_id}", "sk": f"ADDRESS_CHANGE#{registration_id}"}


def hold(event_id: str, registration_id: str) -> Key:
    """The seats that are kept for a registration which was cancelled by one click, in the invitations table."""
    return {"pk": f"EVENT#{event_id}", "sk": f"HOLD#{registration_id}"}


def notification(event_id: str, registration_id: str, notification_id: str) -> Key:
    """A notification mail, beside the registration that it is to or about; the id is empty where it is about none."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{NOTIFICATION_PREFIX}{registration_id}#{notification_id}"}


def daily_count(event_id: str, kind: str, day: str) -> Key:
    """The count of notifications of one kind that were sent about an event on one day (UTC)."""
    return {"pk": f"EVENT#{event_id}", "sk": f"DAILY_COUNT#{kind}#{day}"}


def received_mail(ses_id: str) -> Key:
    """The record that an incoming mail has been processed, by SES's message id."""
    return {"pk": f"MAIL#{ses_id}", "sk": "MAIL"}


def received_from(registration_id: str, ses_id: str) -> Key:
    """Where an incoming mail is kept that is from, or about, the person of a registration: erasing them deletes it."""
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"RECEIVED#{ses_id}"}


def copied(registration_id: str, event_id: str) -> Key:
    """The registration of the same person at the event that a series was split into, or that it was split from."""
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"COPY#{event_id}"}


def quarantined(account: str, quarantine_id: str) -> Key:
    """A quarantined mail. It is in the invitations table, not beside the account's API keys, since anybody can cause
    one to be written.
    """
    return {"pk": f"ACCOUNT#{account}", "sk": f"{QUARANTINE_PREFIX}{quarantine_id}"}


def unassigned(quarantine_id: str) -> Key:
    """A quarantined mail that names no event, in a deployment with several accounts: it is shown to none of them."""
    return {"pk": "UNASSIGNED", "sk": f"{QUARANTINE_PREFIX}{quarantine_id}"}


def not_shown(partition: str, event_id: str, day: date) -> Key:
    """The count of mails of one day (UTC) that exceeded the daily limit of quarantined mails and are not listed.

    ``event_id`` is empty for mails that name no event; ``partition`` is that of the listed ones.
    """
    return {"pk": partition, "sk": f"{NOT_SHOWN_PREFIX}{event_id}#{day.isoformat()}"}


def proposal(event_id: str, proposal_id: str) -> Key:
    return {"pk": f"EVENT#{event_id}", "sk": f"PROPOSAL#{proposal_id}"}


def daily_limit(registration_id: str, what: str, day: date) -> Key:
    """The count of one kind of action on one day (UTC) in the name of a registration, or of an event or account."""
    return {"pk": f"REGISTRATION#{registration_id}", "sk": f"DAILY_LIMIT#{what}#{day.isoformat()}"}


def mailed_account(account: str, day: str) -> Key:
    """The count of an account's mails of one day (UTC, ``YYYY-MM-DD``). Those of all accounts are in one partition."""
    return {"pk": f"MAILED#{day}", "sk": account}


def mailed_recipient(account: str, email: str, day: str) -> Key:
    """The count of one account's mails of one day (UTC) to the mailbox of an address.

    It holds an HMAC of the address keyed by account and day: the address cannot be read from it, nor be recognized on
    another day. An account has its own count, so that none can use up another's.
    """
    digest = _keyed_hash(f"{account}#{day}", mailbox(email))
    return {"pk": f"MAILED#{digest}", "sk": day}


def counted(account: str, what: str, day: str) -> Key:
    """The count of one kind of request (``resend`` of a registration, ``dates`` of an account) on one day (UTC)."""
    return {"pk": f"COUNTED#{account}", "sk": f"{what}#{day}"}


def brake(purpose: str, whose: str, when: str) -> Key:
    """The count of what is asked for on the pages, for one purpose: on the day ``when`` (UTC, ``YYYY-MM-DD``) from a
    network, at an event or of an account; or to a mailbox (:data:`MAILBOX`).

    It holds an HMAC of whose it is, keyed by both: neither an address nor a network can be read from it.
    """
    digest = _keyed_hash(f"{purpose}#{when}", whose)
    return {"pk": f"BRAKE#{digest}", "sk": when}


def unconfirmed_registration(unconfirmed_id: str) -> Key:
    """What somebody typed who has not confirmed their address yet, in the invitations table."""
    return {"pk": f"UNCONFIRMED#{unconfirmed_id}", "sk": "UNCONFIRMED"}


def limits(account: str) -> Key:
    """The limits of an account that an operator has set, in the invitations table, where delivery can read them."""
    return {"pk": "LIMITS", "sk": account}


def split_transfer(event_id: str) -> Key:
    """The task to copy registrations to this event after a split, in the invitations table."""
    return {"pk": f"EVENT#{event_id}", "sk": SPLIT_TRANSFER}


def survey(event_id: str) -> Key:
    """The task to check whether everybody at an event was reached."""
    return {"pk": f"EVENT#{event_id}", "sk": "SURVEY"}


def unreached(event_id: str, registration_id: str) -> Key:
    """A person who was not reached. All of one event are in one range of sort keys, so that one query lists them."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{UNREACHED_PREFIX}{registration_id}"}


def unconfirmed(event_id: str, registration_id: str, quarantine_id: str) -> Key:
    """An answer that waits for the organizer's decision. Its range of sort keys adjoins that of people who were not
    reached, so that one query lists both.
    """
    return {"pk": f"EVENT#{event_id}", "sk": f"UNCONFIRMED#{registration_id}#{quarantine_id}"}


def imported(event_id: str, import_id: str) -> Key:
    """An import of people to an event, in the invitations table; its id begins with when it was made."""
    return {"pk": f"EVENT#{event_id}", "sk": f"{IMPORT_PREFIX}{import_id}"}


def import_content(import_id: str, what: str) -> Key:
    """What belongs to an import: pieces of its text, parts of its people, lines that are wrong. It is apart from the
    event's items, since it is large.
    """
    return {"pk": f"{IMPORT_PREFIX}{import_id}", "sk": what}


def audit_page(at: datetime, page: int) -> Key:
    """A page of the differences that an audit found, in the invitations table."""
    return {"pk": AUDIT, "sk": f"{instant(at)}#{page:05d}"}


def audits(at: str = "") -> Key:
    """Where the pages of all audits begin, or those of the audit of the instant ``at``, as it is stored."""
    return {"pk": AUDIT, "sk": at}


def sending() -> Key:
    """Whether, and until when, sending is stopped for the whole deployment."""
    return {"pk": "SENDING", "sk": "SENDING"}


def api_key(secret: str) -> Key:
    """The record of an API key, by the SHA-256 of the key: the key itself is not stored."""
    return {"pk": f"KEY#{hashlib.sha256(secret.encode()).hexdigest()}", "sk": API_KEY}


def accounts() -> Key:
    """The names of all accounts that ever had an API key."""
    return {"pk": "ACCOUNTS", "sk": "ACCOUNTS"}


def link_keys() -> Key:
    """What personal links are signed with, in the accounts table, in a partition of its own: who may read it is said
    by the partition.
    """
    return {"pk": "LINK_KEYS", "sk": "LINK_KEYS"}


def account_key(account: str, name: str) -> Key:
    """The record of an account's API key by the key's name, for listing and revoking."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"KEY#{name}"}


def source(account: str, name: str) -> Key:
    """The description of a source of the account. Not in the partition of its API keys, since functions read it."""
    return {"pk": f"SOURCES#{account}", "sk": f"SOURCE#{name}"}


def account_settings(account: str) -> Key:
    """What an account has decided for its events and their pages. Not in the partition of its API keys, since
    functions read it.
    """
    return {"pk": f"SETTINGS#{account}", "sk": "SETTINGS"}


def logo(name: str) -> Key:
    """An account's image by the name that it is served under, which tells nothing of the account."""
    return {"pk": f"LOGO#{name}", "sk": "LOGO"}


def request(account: str, route: str, idempotency_key: str) -> Key:
    """The record of a request with an Idempotency-Key. It is hashed, since a path may be of any length and a sort key
    has at most 1,024 bytes.

    The partition is not the account's own: the API's function may write here, but must not be able to create API keys.
    """
    digest = hashlib.sha256(f"{route}#{idempotency_key}".encode()).hexdigest()
    return {"pk": f"REQUESTS#{account}", "sk": digest}


def webhook(account: str, webhook_id: str) -> Key:
    return {"pk": f"ACCOUNT#{account}", "sk": f"{WEBHOOK_PREFIX}{webhook_id}"}


def webhooks(account: str) -> Key:
    """The count of an account's webhooks."""
    return {"pk": f"ACCOUNT#{account}", "sk": "WEBHOOKS"}


def test_count(account: str, at: datetime) -> Key:
    """The count of test events that an account had posted in one minute (UTC)."""
    return {"pk": f"ACCOUNT#{account}", "sk": f"TESTS#{at.astimezone(UTC):%Y-%m-%dT%H:%M}"}


def in_flight(account: str) -> Key:
    """The requests that an account's webhooks have in flight, and their hosts that did not answer."""
    return {"pk": f"ACCOUNT#{account}", "sk": "IN_FLIGHT"}


def webhook_content(about: str, webhook_event_id: str) -> Key:
    """What a webhook event says in full, by the id of the registration or event that it is about: erasing a person
    deletes it.
    """
    return {"pk": f"WEBHOOK_CONTENT#{about}", "sk": f"CONTENT#{webhook_event_id}"}


def webhook_event(account: str, webhook_event_id: str) -> Key:
    """A webhook event. Its id begins with its time, so those of an account sort by time."""
    return {"pk": f"{WEBHOOK_EVENTS_PREFIX}{account}", "sk": f"{WEBHOOK_EVENT_PREFIX}{webhook_event_id}"}


def delivery(webhook_id: str, webhook_event_id: str) -> Key:
    """The delivery of one webhook event to one webhook. An event's id begins with its time, so they sort by time."""
    return {"pk": f"{WEBHOOK_PREFIX}{webhook_id}", "sk": f"{DELIVERY_PREFIX}{webhook_event_id}"}


def instant(at: datetime) -> str:
    """An instant as ISO 8601 text in UTC, with microseconds: its order as text is the order of time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def due_key(priority: int, at: datetime) -> str:
    """``<priority>#<instant>``: an item has to be looked at from ``at`` on. Priority 0 is the most urgent."""
    return f"{priority}#{instant(at)}"


def event_id_of(pk: str) -> str:
    """The event's id in the partition key of any of its items, those of its invitations among them."""
    return pk.removeprefix("EVENT#").partition("#")[0]


def sooner_due_key(one: str, other: str) -> str:
    """The due key that stands for two of one item: the more urgent priority, and the earlier time."""
    (priority, at, *_), (other_priority, other_at, *_) = one.split("#"), other.split("#")
    return f"{min(priority, other_priority)}#{min(at, other_at)}"


def keep_due_since(due_key: str, existing: str | None) -> str:
    """``due_key`` as it replaces ``existing``: ``<priority>#<instant>#<since>``, keeping since when that was due."""
    if existing is None:
        return due_key
    priority, at, *_ = due_key.split("#")
    since = instant(due_since(existing))
    return f"{priority}#{at}" if since == at else f"{priority}#{at}#{since}"


def due_since(due_key: str) -> datetime:
    """Since when (UTC) an item has been due, however often the time to look at it was postponed."""
    return datetime.fromisoformat(due_key.split("#")[-1])


def session(secret: str) -> Key:
    """Somebody who is signed in to the console, by the SHA-256 of what their browser keeps."""
    return {"pk": f"SESSION#{hashlib.sha256(secret.encode()).hexdigest()}", "sk": "SESSION"}


def sign_in(token: str) -> Key:
    """A link to sign in to the console with, by the SHA-256 of its token."""
    return {"pk": f"SIGN_IN#{hashlib.sha256(token.encode()).hexdigest()}", "sk": "SIGN_IN"}
