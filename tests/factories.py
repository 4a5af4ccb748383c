"""One small factory for each kind of data: valid as it stands, every part replaceable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from convoke.decision.calendar_state import CalendarState, Message
from convoke.decision.decide import next_message
from convoke.decision.invitation import Acknowledged, Intent, Invitation
from convoke.delivery.ses_events import Report
from convoke.effects import Send
from convoke.inbound.authenticity import Receipt
from convoke.inbound.itip_reply import Answer, IncomingMethod
from convoke.inbound.proposals import Proposal
from convoke.inbound.quarantine import QuarantinedMail
from convoke.inbound.reasons import Reason
from convoke.model import (
    DeliveryState,
    Event,
    EventStatus,
    Method,
    Participation,
    Person,
    Registration,
    RegistrationStatus,
    Reply,
    Sender,
    When,
)
from convoke.store import keys
from convoke.webhooks.events import Webhook, WebhookEventType

NOW = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
EVENT_ID = "0123456789abcdefghijklmnop"
NEW_ID = EVENT_ID[::-1]
"""Of the event that another is split into."""
REGISTRATION_ID = "01abcdefgh" + EVENT_ID
SENDER = Sender(address="events@convoke.example.com", domain="convoke.example.com")
MORNING = When(start=datetime(2027, 3, 12, 9, 0), end=datetime(2027, 3, 12, 10, 30), time_zone="Europe/Berlin")
AFTERNOON = When(start=datetime(2027, 3, 12, 15, 0), end=datetime(2027, 3, 12, 16, 30), time_zone="Europe/Berlin")


Found = TypeVar("Found")


def existing(found: Found | None) -> Found:
    """What was looked for, which has to be there."""
    assert found is not None
    return found


def expect(kind: type[Found], found: object) -> Found:
    """What was answered, which has to be of this ``kind``."""
    assert isinstance(found, kind), found
    return found


def event(**changes: Any) -> Event:
    plain = Event(
        event_id=EVENT_ID,
        account="acme",
        version=1,
        status=EventStatus.CONFIRMED,
        title="Kölner Treffen",
        when=MORNING,
        organizer=Person(name="Ada", email="ada@example.org"),
        notify_after=0,  # changes are told at once
        created_at=NOW - timedelta(days=1),
        updated_at=NOW - timedelta(days=1),
    )
    return replace(plain, **changes)


def registration(**changes: Any) -> Registration:
    plain = Registration(
        event_id=EVENT_ID,
        registration_id=REGISTRATION_ID,
        version=1,
        status=RegistrationStatus.REGISTERED,
        name="Bo Ek",
        email="bo@example.net",
        created_at=NOW - timedelta(hours=1),
        updated_at=NOW - timedelta(hours=1),
    )
    return replace(plain, **changes)


def reply(**changes: Any) -> Reply:
    """Yes to the first invitation."""
    return replace(Reply(status=Participation.ACCEPTED, sequence=0, dtstamp=NOW), **changes)


def invitation(**changes: Any) -> Invitation:
    return replace(Invitation(event_id=EVENT_ID, registration_id=REGISTRATION_ID, wakeups=1), **changes)


def message(**changes: Any) -> Message:
    """The first invitation."""
    return replace(existing(next_message(event(), registration(), None, SENDER, NOW)), **changes)


def told(*, sequence: int = 0, dtstamp: datetime = NOW, certain: bool = True, **changes: Any) -> CalendarState:
    """What the first invitation told."""
    cancelled = changes.get("method") is Method.CANCEL and changes.get("date") is None
    first = message().calendar_state(sequence=sequence, dtstamp=dtstamp)
    return replace(first, certain=certain, **{"spent": cancelled, **changes})


def receipt(**changes: Any) -> Receipt:
    """SES's word on a mail from Bo that passes every check."""
    plain = Receipt(
        ses_id="0000000000000000ses",
        bucket="convoke-inbound-mail",
        key="0000000000000000ses",
        received_at=NOW + timedelta(minutes=30),
        envelope_sender="bo@example.net",
        spam="PASS",
        virus="PASS",
        spf="PASS",
        dmarc="PASS",
    )
    return replace(plain, **changes)


def answer(**changes: Any) -> Answer:
    """Bo accepts the first invitation."""
    plain = Answer(
        kind=IncomingMethod.REPLY,
        uid=message().uid,
        attendee="bo@example.net",
        participation=Participation.ACCEPTED,
        sequence=0,
        dtstamp=NOW + timedelta(minutes=15),
    )
    return replace(plain, **changes)


def held(**changes: Any) -> QuarantinedMail:
    """That answer, put aside since nobody vouched for its sender."""
    plain = QuarantinedMail(
        quarantine_id=keys.registration_id(NOW, bytes(16)),
        account="acme",
        event_id=EVENT_ID,
        registration_id=REGISTRATION_ID,
        reason=Reason.DMARC,
        sender="bo@example.net",
        subject="Accepted: Kölner Treffen",
        answer=answer(),
        received_at=NOW,
    )
    return replace(plain, **changes)


def proposal(**changes: Any) -> Proposal:
    """Bo would rather come in the afternoon."""
    plain = Proposal(
        event_id=EVENT_ID,
        registration_id=REGISTRATION_ID,
        proposal_id=keys.registration_id(NOW, bytes(16)),
        uid=message().uid,
        sequence=0,
        dtstamp=NOW,
        when=AFTERNOON,
        comment="After lunch?",
        received_at=NOW,
    )
    return replace(plain, **changes)


def accepted(before: Invitation, said: CalendarState, at: datetime = NOW, **changes: Any) -> Invitation:
    """``before`` once SES has accepted the message that told ``said``."""
    sent = replace(
        before,
        allocated=said.sequence,
        highest_possibly_sent=said.sequence,
        intent=Intent(calendar_state=said, attempt="a"),
        acknowledged=Acknowledged(calendar_state=said, ses_id="ses", at=at),
        state=DeliveryState.ACCEPTED,
        due_key=None,
    )
    return replace(sent, **changes)


def invited(**changes: Any) -> Invitation:
    """Told once, and SES said yes."""
    return accepted(invitation(), told(**changes), state=DeliveryState.NONE)


def report(state: DeliveryState, *, sequence: int = 0, final: bool = False, **changes: Any) -> Report:
    """What SES says of the first invitation."""
    plain = Report(
        event_id=EVENT_ID,
        registration_id=REGISTRATION_ID,
        sequence=sequence,
        generation=1,
        method=Method.REQUEST,
        state=state,
        final=final,
        address="bo@example.net",
        ses_id="ses-1",
        at=NOW,
    )
    return replace(plain, **changes)


def report_on(mail: Send, state: DeliveryState, at: datetime, *, final: bool = False, ses_id: str = "ses") -> Report:
    """What SES says of a mail that it accepted."""
    sent = mail.intent.calendar_state
    return Report(
        event_id=mail.event_id,
        registration_id=mail.registration_id,
        sequence=sent.sequence,
        generation=sent.generation,
        method=sent.method,
        date=sent.part,
        separate=sent.separate,
        state=state,
        final=final,
        address=sent.recipient,
        ses_id=ses_id,
        at=at,
    )


def webhook(*events: WebhookEventType) -> Webhook:
    return Webhook(
        webhook_id="abcdefghijklmnop0123456789",
        account="acme",
        url="https://hooks.example.org/convoke",
        events=events,
        secret="whs_secret",
        created_at=NOW,
    )
