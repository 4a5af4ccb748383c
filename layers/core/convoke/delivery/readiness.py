"""Whether a deployment can do its work: what was read of it, and from that one finding for each thing it depends on.

Pure. ``aws.readiness`` reads the facts. What could not be read is :class:`Unknown`, and so is what is found of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from ..model import frozen

Fact = TypeVar("Fact")


class State(StrEnum):
    """How one thing is: as it has to be, not so, or not known."""

    OK = "ok"
    TO_DO = "to do"
    UNKNOWN = "unknown"


@frozen
class Finding:
    """One thing that a deployment depends on: its name, and how it is or what to do. It holds no mail address."""

    what: str
    state: State
    why: str


@frozen
class Unknown:
    """It could not be read: AWS's error code, or the name of an exception."""

    why: str


# --- facts --------------------------------------------------------------------------------------------------------


@frozen
class Account:
    """The account's SES in this region (``GetAccount``). ``enforcement`` is HEALTHY, PROBATION or SHUTDOWN."""

    production: bool
    sending: bool
    enforcement: str


@frozen
class Identity:
    """The SES identity (``GetEmailIdentity``). ``mail_from`` is its MAIL FROM domain, ``None`` where it has none."""

    verified: bool
    dkim: str
    mail_from: str | None
    mail_from_status: str


@frozen
class Subscriptions:
    """A topic's subscriptions: how many are confirmed, and how many wait for that."""

    confirmed: int
    pending: int


@frozen
class Concurrency:
    """How many instances of functions may run at once, and how many of them queues and streams keep busy at most."""

    unreserved: int
    wanted: int


@frozen
class Table:
    """A table's settings. ``streams`` and ``expires`` are whether it has a stream, and a time to live."""

    name: str
    protected: bool
    recovery: bool
    streams: bool
    expires: bool


@frozen
class Facts:
    """``recipients`` are the addresses and domains that the active receipt rule set takes mail for, ``None`` where no
    rule set is active; ``mx`` are the hosts of the sender's domain. ``identity`` is ``None`` where SES has none.
    """

    sender: str
    domain: str
    region: str
    receives: bool
    account: Account | Unknown
    identity: Identity | Unknown | None
    recipients: frozenset[str] | Unknown | None
    mx: tuple[str, ...] | Unknown
    reports: Subscriptions | Unknown
    inbound: Subscriptions | Unknown
    alarms: Subscriptions | Unknown
    concurrency: Concurrency | Unknown
    bytecode: bool
    tables: tuple[Table, ...] | Unknown

    @property
    def sender_domain(self) -> str:
        return self.sender.partition("@")[2]


TABLES = ("registrations", "invitations", "accounts", "webhooks")
STREAMS = frozenset({"registrations", "webhooks"})
"""The tables whose streams call functions."""
EXPIRES = frozenset({"invitations", "accounts", "webhooks"})
"""The tables from which DynamoDB deletes what expired."""


# --- decisions ----------------------------------------------------------------------------------------------------
# Each is about one fact: how it is, and in words that, or what to do. The names are those of `findings`.

Decided = tuple[State, str]


def ok(why: str) -> Decided:
    return State.OK, why


def to_do(why: str) -> Decided:
    return State.TO_DO, why


def production_access(account: Account, _: Facts) -> Decided:
    if account.production:
        return ok("SES mails any address")
    return to_do('SES is in its sandbox and mails verified addresses only: "Request production access" in its console')


def sending(account: Account, _: Facts) -> Decided:
    if account.enforcement == "SHUTDOWN" or not account.sending:
        return to_do("SES has paused the account's sending: its console says why, and how to appeal")
    if account.enforcement != "HEALTHY":
        return to_do(f"SES has the account under review ({account.enforcement}): its console says why")
    return ok("enabled")


def identity(found: Identity | None, facts: Facts) -> Decided:
    if found is None:
        return to_do(f"SES has no identity {facts.domain} here: deploy with CreateIdentity true, or create it")
    if not found.verified:
        return to_do(f"{facts.domain} is not verified: publish the DkimRecord outputs; SES sees them within 72 hours")
    return ok(f"{facts.domain} is verified")


def dkim(found: Identity | None, _: Facts) -> Decided:
    if found is not None and found.dkim == "SUCCESS":
        return ok("mail is signed")
    status = "no identity" if found is None else found.dkim
    return to_do(f"mail is not signed ({status}): publish the DkimRecord outputs, and keep signing enabled")


def mail_from(found: Identity | None, facts: Facts) -> Decided:
    if found is None or found.mail_from is None:
        return ok("none was chosen: SPF passes for amazonses.com, and DMARC by DKIM")
    if found.mail_from_status == "SUCCESS":
        return ok(f"{found.mail_from} is verified")
    return to_do(
        f"{found.mail_from} is {found.mail_from_status}: publish the MailFromRecord outputs"
        f" (MX 10 feedback-smtp.{facts.region}.amazonses.com)"
    )


def sender(facts: Facts) -> Decided:
    if f".{facts.sender_domain}".endswith(f".{facts.domain}"):
        return ok(f"SenderAddress is within {facts.domain}")
    return to_do(f"SenderAddress is at {facts.sender_domain}, which is not within SenderDomain {facts.domain}")


def rule_set(recipients: frozenset[str] | None, facts: Facts) -> Decided:
    if not facts.receives:
        return ok("not needed: ReceiveReplies is false")
    if recipients is None:
        return to_do("no receipt rule set is active, so no answer comes in: make receive")
    if {facts.sender, facts.sender_domain} & recipients:
        return ok("the active rule set takes mail to SenderAddress")
    return to_do("the active rule set has no rule for SenderAddress: name it in ReceiptRuleSet, and deploy")


def mx(hosts: tuple[str, ...], facts: Facts) -> Decided:
    host = f"inbound-smtp.{facts.region}.amazonaws.com"
    if not facts.receives:
        return ok("not needed: ReceiveReplies is false")
    if hosts == (host,):
        return ok(f"{facts.sender_domain} leads to SES")
    if host in hosts:
        return to_do(f"{facts.sender_domain} also leads to other hosts, so some answers get lost: keep {host} only")
    return to_do(f"{facts.sender_domain} does not lead to SES: publish MX 10 {host}")


def reports(found: Subscriptions, _: Facts) -> Decided:
    if found.confirmed:
        return ok("what SES reports is received")
    return to_do("nothing receives what SES reports, so no delivery is seen: deploy again")


def inbound(found: Subscriptions, facts: Facts) -> Decided:
    if not facts.receives:
        return ok("not needed: ReceiveReplies is false")
    return ok("a function receives the mails") if found.confirmed else to_do("nothing receives the mails: deploy again")


def alarms(found: Subscriptions, _: Facts) -> Decided:
    if found.pending:
        return to_do("an address has not confirmed its subscription yet: SNS sent it a mail with a link")
    if not found.confirmed:
        return to_do("nobody is told when an alarm goes off: deploy with AlarmEmail, or subscribe to AlarmsTopic")
    return ok("somebody is told when an alarm goes off")


def concurrency(found: Concurrency, _: Facts) -> Decided:
    said = f"{found.unreserved} instances may run at once, queues and streams keep up to {found.wanted} busy"
    if found.unreserved > found.wanted:
        return ok(said)
    return to_do(
        f'{said}: ask Service Quotas for more of Lambda\'s "Concurrent executions", or lower DeliverConcurrency'
    )


def bytecode(facts: Facts) -> Decided:
    if facts.bytecode:
        return ok("the layer is compiled")
    return to_do("the layer is not compiled, so cold starts take longer: make deploy with python3.13 on PATH")


def protection(tables: tuple[Table, ...], _: Facts) -> Decided:
    if all(table.protected for table in tables):
        return ok("no table can be deleted by mistake")
    named = ", ".join(table.name for table in tables if not table.protected)
    return to_do(f"can be deleted: {named}. Now that a deployment has succeeded, deploy again with ProtectTables true")


def settings(tables: tuple[Table, ...], _: Facts) -> Decided:
    """What a table loses where it was restored or changed by hand."""
    lacking = [f"{table.name} lacks {' and '.join(lost)}" for table in tables if (lost := _lost(table))]
    if lacking:
        return to_do(f"{'; '.join(lacking)}: see the restore drill in docs/operations.md")
    return ok("recovery, streams and times to live are as deployed")


def _lost(table: Table) -> list[str]:
    return [
        *([] if table.recovery else ["point-in-time recovery"]),
        *(["its stream"] if table.name in STREAMS and not table.streams else []),
        *(["its time to live"] if table.name in EXPIRES and not table.expires else []),
    ]


def findings(facts: Facts) -> tuple[Finding, ...]:
    """One finding for each thing that the deployment depends on, always in the same order."""
    return (
        _decided("production access", facts.account, production_access, facts),
        _decided("sending", facts.account, sending, facts),
        _decided("identity", facts.identity, identity, facts),
        _decided("DKIM", facts.identity, dkim, facts),
        _decided("MAIL FROM", facts.identity, mail_from, facts),
        _finding("sender", sender(facts)),
        _decided("receipt rule set", facts.recipients, rule_set, facts),
        _decided("MX record", facts.mx, mx, facts),
        _decided("SES reports", facts.reports, reports, facts),
        _decided("incoming mail", facts.inbound, inbound, facts),
        _decided("alarms", facts.alarms, alarms, facts),
        _decided("concurrency", facts.concurrency, concurrency, facts),
        _finding("bytecode", bytecode(facts)),
        _decided("deletion protection", facts.tables, protection, facts),
        _decided("tables", facts.tables, settings, facts),
    )


def _decided(what: str, fact: Fact | Unknown, decide: Callable[[Fact, Facts], Decided], facts: Facts) -> Finding:
    if isinstance(fact, Unknown):
        return Finding(what=what, state=State.UNKNOWN, why=fact.why)
    return _finding(what, decide(fact, facts))


def _finding(what: str, decided: Decided) -> Finding:
    return Finding(what=what, state=decided[0], why=decided[1])


def counts(found: tuple[Finding, ...]) -> Mapping[State, int]:
    return {state: sum(one.state is state for one in found) for state in State}
