"""Where and when the simulation takes place: the one event, its deployment, the hour at which it begins."""

from __future__ import annotations

from datetime import UTC, datetime

from convoke.model import Sender
from convoke.settings import Settings, Times

START = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
ACCOUNT = "acme"
EVENT_ID = "0123456789abcdefghijklmnop"
SENDER = Sender(address="events@convoke.example.com", domain="convoke.example.com")
SETTINGS = Settings(
    registrations_table="Registrations",
    invitations_table="Invitations",
    accounts_table="Accounts",
    webhooks_table="Webhooks",
    urgent_queue="Urgent",
    ordinary_queue="Ordinary",
    hooks_queue="HooksDue",
    imports_queue="ImportsDue",
    sender=SENDER,
    configuration_set="Sending",
)
TIMES = Times()
