"""The settings of a deployment, read from environment variables once per process, on first use and never at import."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache

from .model import Sender, frozen


@frozen
class Times:
    """Time limits and intervals of delivery. A lease must last longer than its function's timeout, and longer than the
    send that it covers and ``guard`` together.

    - ``connect``, ``read``: the timeouts of a call to SES; ``function``: that of a Lambda function
    - ``guard``: the margin for everything else that a worker does around a send
    - ``resend_after``: how long to wait after an attempt with an unknown outcome; ``max_unknowns`` such attempts at
      most are made for one message
    - ``backoff_cap``: the longest wait after attempts that failed
    - ``pause``: for how long all sending stops when SES rejects everything
    - ``hint``: after what time work for which a queue message was sent becomes due again
    - ``settle``: how long a message about one occurrence waits for its series to be delivered
    - ``attention``: after what time a message without a delivery report counts as missed
    - ``soon``: events that begin within this time are urgent
    - ``lost_writes``: how many writes that fail because of a concurrent change one run may repeat
    - ``in_flight``: how many requests to the webhooks of one account may be in flight
    """

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
    lost_writes: int = 3
    in_flight: int = 1

    @property
    def send(self) -> timedelta:
        """The longest time that one attempt to send through SES can take."""
        return self.connect + self.read


@frozen
class Settings:
    """What one deployment consists of, and what was decided for it: the names of its tables, the URLs of its queues,
    who its mails are from, and SES's configuration set. ``local_webhooks``: a webhook may be ``http://127.0.0.1``, too.
    """

    registrations_table: str
    invitations_table: str
    accounts_table: str
    webhooks_table: str
    urgent_queue: str
    ordinary_queue: str
    hooks_queue: str
    imports_queue: str
    sender: Sender
    configuration_set: str
    public_url: str = ""
    """What the address of every page begins with, without a slash at its end; empty is the API's own address."""
    local_webhooks: bool = False
    times: Times = Times()


@cache
def settings() -> Settings:
    """The settings of this deployment. Raises :class:`KeyError` with the name of a variable that is missing."""
    env = os.environ
    return Settings(
        registrations_table=env["REGISTRATIONS_TABLE"],
        invitations_table=env["INVITATIONS_TABLE"],
        accounts_table=env["ACCOUNTS_TABLE"],
        webhooks_table=env["WEBHOOKS_TABLE"],
        urgent_queue=env["URGENT_QUEUE"],
        ordinary_queue=env["ORDINARY_QUEUE"],
        hooks_queue=env["HOOKS_QUEUE"],
        imports_queue=env["IMPORTS_QUEUE"],
        sender=Sender(
            address=env["SENDER_ADDRESS"],
            domain=env["UID_DOMAIN"],
            receives_replies=env.get("RECEIVE_REPLIES") == "true",
        ),
        configuration_set=env["CONFIGURATION_SET"],
        public_url=env.get("PUBLIC_URL", ""),
        local_webhooks=env.get("LOCAL_WEBHOOKS") == "true",
        times=Times(
            resend_after=timedelta(seconds=int(env.get("RESEND_AFTER", "120"))),
            attention=timedelta(seconds=int(env.get("ATTENTION_AFTER", "900"))),
            # Half of the workers that all accounts share.
            in_flight=int(env.get("WEBHOOK_CONCURRENCY", "2")) // 2,
        ),
    )
