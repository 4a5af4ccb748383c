"""One small factory a noun: valid as it stands, every part replaceable."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from convoke.decide import next_message
from convoke.feedback import Report
from convoke.ledger import Invitation
from convoke.model import (
    DeliveryState,
    Event,
    EventStatus,
    Message,
    Method,
    Person,
    Registration,
    RegistrationStatus,
    Sender,
    Told,
    When,
)

NOW = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
EVENT_ID = "0123456789abcdefghijklmnop"
REGISTRATION_ID = "01abcdefgh" + EVENT_ID
SENDER = Sender(address="events@convoke.example.com", domain="convoke.example.com")
MORNING = When(start=datetime(2027, 3, 12, 9, 0), end=datetime(2027, 3, 12, 10, 30), time_zone="Europe/Berlin")
AFTERNOON = When(start=datetime(2027, 3, 12, 15, 0), end=datetime(2027, 3, 12, 16, 30), time_zone="Europe/Berlin")


def event(**changes: Any) -> Event:
    plain = Event(
        event_id=EVENT_ID,
        account="acme",
        version=1,
        status=EventStatus.CONFIRMED,
        title="Kölner Treffen",
        when=MORNING,
        organizer=Person(name="Ada", email="ada@example.org"),
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


def invitation(**changes: Any) -> Invitation:
    return replace(Invitation(event_id=EVENT_ID, registration_id=REGISTRATION_ID, poke=1), **changes)


def message(**changes: Any) -> Message:
    """The first invitation."""
    said = next_message(event(), registration(), None, SENDER, NOW)
    assert said is not None
    return replace(said, **changes)


def told(*, sequence: int = 0, dtstamp: datetime = NOW, certain: bool = True, **changes: Any) -> Told:
    """What the first invitation told."""
    return replace(message().told(sequence=sequence, dtstamp=dtstamp), certain=certain, **changes)


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
