"""What a deployment decides, read from the environment once a process, when first asked for; never at import."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache

from .model import Sender, frozen


@frozen
class Times:
    """How long things take and may take. A lease outlives its function, the send that it covers, and a guard."""

    connect: timedelta = timedelta(seconds=3)
    read: timedelta = timedelta(seconds=10)
    guard: timedelta = timedelta(seconds=5)
    function: timedelta = timedelta(seconds=30)
    resend_after: timedelta = timedelta(seconds=120)
    backoff_cap: timedelta = timedelta(minutes=10)
    pause: timedelta = timedelta(minutes=5)
    hint: timedelta = timedelta(minutes=2)
    settle: timedelta = timedelta(minutes=2)
    attention: timedelta = timedelta(minutes=15)
    soon: timedelta = timedelta(hours=72)
    max_unknowns: int = 6
    rounds: int = 3

    @property
    def send(self) -> timedelta:
        """The longest that one attempt at SES can take."""
        return self.connect + self.read


@frozen
class Settings:
    registrations_table: str
    invitations_table: str
    accounts_table: str
    webhooks_table: str
    urgent_queue: str
    ordinary_queue: str
    hooks_queue: str
    sender: Sender
    configuration_set: str
    local_webhooks: bool = False
    times: Times = Times()


@cache
def settings() -> Settings:
    """The settings of this deployment. Raises :class:`KeyError`, naming the variable, where one is missing."""
    env = os.environ
    return Settings(
        registrations_table=env["REGISTRATIONS_TABLE"],
        invitations_table=env["INVITATIONS_TABLE"],
        accounts_table=env["ACCOUNTS_TABLE"],
        webhooks_table=env["WEBHOOKS_TABLE"],
        urgent_queue=env["URGENT_QUEUE"],
        ordinary_queue=env["ORDINARY_QUEUE"],
        hooks_queue=env["HOOKS_QUEUE"],
        sender=Sender(
            address=env["SENDER_ADDRESS"],
            domain=env["UID_DOMAIN"],
            receives_replies=env.get("RECEIVE_REPLIES") == "true",
        ),
        configuration_set=env["CONFIGURATION_SET"],
        local_webhooks=env.get("LOCAL_WEBHOOKS") == "true",
        times=Times(
            resend_after=timedelta(seconds=int(env.get("RESEND_AFTER", "120"))),
            attention=timedelta(seconds=int(env.get("ATTENTION_AFTER", "900"))),
        ),
    )
