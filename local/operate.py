"""The commands of an operator, which `make help` lists.

They work on the stack that `make deploy` deployed last, or on the one that STACK names, with the caller's own AWS
settings. Each command returns its last line of output. What the caller has to correct is one line on stderr, and the
exit status is 1.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from convoke.aws.runtime import Aws
from convoke.decision.limits import Limit
from convoke.delivery.audit import Findings, examine, put_right
from convoke.delivery.readiness import State
from convoke.model import ConvokeError, InvalidField, Sender
from convoke.settings import Settings
from convoke.store import operations

from . import api_keys, restore, signing_in, sources
from .command import Ask, Refused, store_of

ONCE = Config(read_timeout=310, retries={"total_max_attempts": 1})
"""For a function that may take five minutes, and is not to be invoked again meanwhile."""
PROGRESS = 1000
"""Attendees between two lines of progress."""


CHOSEN = Path(__file__).resolve().parent.parent / "samconfig.local.toml"
"""What was chosen in `make deploy`. Git ignores it; samconfig.toml has the defaults."""


class CannotTell(ConvokeError):
    """The command cannot be carried out; the text says what to correct."""


def chosen(said: Mapping[str, str], file: Path = CHOSEN) -> tuple[str, str | None]:
    """The stack and the region: of the variables ``said`` (STACK, AWS_REGION), else as chosen in `make deploy`.

    Raises :class:`CannotTell` where the file cannot be read.
    """
    deployed: Mapping[str, Any] = {}
    if file.exists():
        try:
            read = tomllib.loads(file.read_text())
            deployed = read.get("default", {}).get("deploy", {}).get("parameters", {})
        except (OSError, ValueError, AttributeError) as error:
            raise CannotTell(f"{file} cannot be read ({error}): remove it, or deploy again.") from None
    region = said.get("AWS_REGION") or said.get("AWS_DEFAULT_REGION") or deployed.get("region")
    return said.get("STACK") or deployed.get("stack_name") or "convoke", region


def settings_of(stack: str) -> Settings:
    """The settings of a deployed stack, from its outputs and parameters.

    Raises :class:`CannotTell` where one is missing: it was deployed from another template, or its deployment failed.
    """
    described, output = described_stack(stack)
    try:
        return _settings(described, output)
    except KeyError as error:
        raise CannotTell(
            f"The stack {stack} has no output or parameter {error}: deploy it again, or name another by STACK=."
        ) from None


def _settings(described: Any, output: Mapping[str, str]) -> Settings:
    parameter = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    return Settings(
        registrations_table=output["RegistrationsTable"],
        invitations_table=output["InvitationsTable"],
        accounts_table=output["AccountsTable"],
        webhooks_table=output["WebhooksTable"],
        urgent_queue=output["UrgentQueue"],
        ordinary_queue=output["OrdinaryQueue"],
        hooks_queue=output["HooksQueue"],
        imports_queue=output["ImportsQueue"],
        # The parameter may be empty: then it is the domain of the address.
        sender=Sender(address=parameter["SenderAddress"], domain=output["SenderDomain"]),
        # No command sends mail itself.
        configuration_set="",
        public_url=output["PagesUrl"],
    )


def described_stack(stack: str) -> tuple[Any, dict[str, str]]:
    """CloudFormation's description of a stack, and its outputs by name."""
    (described,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return described, {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}


def limits(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    account, what, stored = said.get("ACCOUNT"), said.get("LIMIT"), store_of(settings).limits
    if not account:
        return Refused("Usage: make limits ACCOUNT=acme, or make limits ACCOUNT=acme LIMIT=recipient HOUR=100 DAY=200")
    if what:
        try:
            stored.change(account, what, Limit(hour=_number("HOUR", said), day=_number("DAY", said)))
        except InvalidField as error:
            return Refused(f"Nothing was changed: {error}")
    for name, limit in asdict(stored.of(account)).items():
        print(f"{name:<10} {limit['hour']:>7} an hour  {limit['day']:>7} a day")
    return f"These are the limits of {account}. A change of them counts within a minute."


def _number(name: str, said: Mapping[str, str]) -> int:
    """A variable that has to be a number. Raises :class:`InvalidField`."""
    text = said.get(name) or ""
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise InvalidField(name, "must be a number: HOUR=100 DAY=200")
    return int(text)


def ready(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    """What the function ``Ready`` finds: it checks with its own permissions, as it does every day."""
    stack, _ = chosen(said)
    _, output = described_stack(stack)
    try:
        answer = boto3.client("lambda", config=ONCE).invoke(FunctionName=output["ReadyFunction"])
        found = [(one["what"], State(one["state"]), one["why"]) for one in json.load(answer["Payload"])["findings"]]
    except (LookupError, TypeError, ValueError) as error:
        raise CannotTell(
            f"The function Ready did not answer with findings ({type(error).__name__}): see its log."
        ) from None
    for what, state, why in found:
        print(f"{state:<8} {what}: {why}")
    left = [state for _, state, _ in found if state is not State.OK]
    summary = f"{len(found) - len(left)} ok, {left.count(State.TO_DO)} to do, {left.count(State.UNKNOWN)} unknown."
    # A script has to see that something is missing. What could not be read may be there.
    return Refused(summary) if State.TO_DO in left else summary


def receive(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    """Activate the stack's own receipt rule set, which CloudFormation cannot. Another active one is never replaced."""
    stack, _ = chosen(said)
    _, output = described_stack(stack)
    ours, ses = output.get("RuleSet"), boto3.client("ses")
    if ours is None:
        return Refused(
            "The stack has no rule set of its own: ReceiveReplies is false, or ReceiptRuleSet names an existing one."
        )
    active = ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name")
    if active == ours:
        return f"{ours} is active already."
    if active is not None:
        return Refused(
            f"{active} is active, and only one can be: deploy with ReceiptRuleSet={active}. Nothing was done."
        )
    if ask(f"No rule set is active in this account and region. Activate {ours}? Type yes: ") != "yes":
        return "Nothing was done."
    ses.set_active_receipt_rule_set(RuleSetName=ours)
    return f"{ours} is active. Mail to the sender's address arrives once the MX record points to SES in this region."


def stop(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    why = said.get("WHY") or "by hand"
    operations.stop(store_of(settings), why)
    return f"No mail is sent until `make start` ({why}). Messages that are due stay due."


def start(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    operations.start(store_of(settings))
    return "Mail is sent again. Within a minute the sweeper queues what is due, with its present content."


def recheck(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:
    world = Aws(settings)
    if said.get("ALL") != "yes" and not said.get("EVENT"):
        return Refused("Usage: make recheck EVENT=<event_id>, or make recheck ALL=yes")
    looked_at, reasons = 0, Counter[str]()
    for batch in batches(world, settings, said):
        looked_at += batch.looked_at
        reasons.update(batch.by_reason())
    if not looked_at and said.get("EVENT"):
        return f"Nobody is registered for the event {said['EVENT']}, or there is no event with this id."
    if not reasons:
        return f"All {looked_at} attendees are up to date."
    print(f"Of {looked_at} attendees:" + "".join(f"\n  {reasons[reason]:>7}  {reason}" for reason in sorted(reasons)))
    if ask("Send them messages now? Type yes: ") != "yes":
        return "Nothing was done."
    done = 0
    # Examined again, since the caller may have taken any time to answer, and to hold only one batch in memory.
    for batch in batches(world, settings, said):
        world.run(put_right(batch))
        before, done = done, done + len(batch.differences)
        if done // PROGRESS > before // PROGRESS:
            print(f"  {done} of {reasons.total()}")
    return f"{done} messages are due. The sweeper queues them, the most urgent first."


def batches(world: Aws, settings: Settings, said: Mapping[str, str]) -> Iterator[Findings]:
    """What the audit finds at the event that EVENT names, else at all events: a batch of registrations at a time."""
    for event_id in iter([said["EVENT"]]) if said.get("EVENT") else world.all_events():
        after: str | None = ""
        while after is not None:
            batch, after = world.run(examine(event_id, after, settings.sender, settings.times, by_operator=True))
            yield batch


def findings(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    stopped_at, reasons = None, Counter[str]()
    for at, line in store_of(settings).records.audit_findings():
        print(line)
        stopped_at = at
        reasons[line.split(" ", 2)[2]] += 1
    if stopped_at is None:
        return "No audit has stopped in the last month."
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"The audit of {stopped_at:%Y-%m-%d %H:%M} UTC stopped at these {reasons.total()}: {counts}."


def unassigned(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    quarantine, now, reasons = store_of(settings).quarantine, datetime.now(UTC), Counter[str]()
    for one in quarantine.list_unassigned():
        print(f"{one.received_at:%Y-%m-%d %H:%M} UTC  {one.reason}  {one.sender or 'no one address'}  {one.subject}")
        reasons[one.reason] += 1
    more = quarantine.not_shown_count("", now=now)
    if not reasons and not more:
        return "In the last seven days every quarantined mail named an event."
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"{reasons.total()} mails name no event, so no account can see them: {counts}. {more} more were not kept."


def set_back(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:
    return restore.set_back(settings, said, ask, chosen(said)[0])


def raise_sequences(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    print(
        f"Every SEQUENCE in {settings.invitations_table} is raised by {operations.LIFT}, and the latest message is sent"
        " again to each attendee."
    )
    if ask("Is all mail stopped (make stop)? Type yes: ") != "yes":
        return "Nothing was done."
    done = 0
    for done in operations.raise_sequences(store_of(settings), now=datetime.now(UTC)):
        if done % 1000 == 0:
            print(f"  {done} done")
    return f"{done} raised. Check a few of them, then run `make start`."


def rotate_links(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:
    """Give personal links a new key; or, where DROP is yes, make void what earlier keys have signed."""
    stored, now = store_of(settings).link_keys, datetime.now(UTC)
    try:
        if said.get("DROP") != "yes":
            newest = stored.rotate(now).keys[-1]
            return (
                f"A new key signs all links from {newest.signs_from:%H:%M:%S} UTC on. Earlier links stay valid; "
                "`make rotate-links DROP=yes` makes them void."
            )
        print("Every link in mails sent before the last rotation becomes void. People are mailed new ones when they")
        print("ask for them at the event's page, and with the next message about their event.")
        if ask("Drop the earlier keys? Type yes: ") != "yes":
            return "Nothing was done."
        dropped = stored.drop(now)
    except InvalidField as error:
        return Refused(f"Nothing was changed: {error.message}.")
    return f"{dropped} dropped. Within a minute no link that they signed is valid any more."


COMMANDS = {
    "ready": ready,
    "key": api_keys.key,
    "keys": api_keys.list_keys,
    "revoke": api_keys.revoke,
    "sign-in": signing_in.command,
    "limits": limits,
    "source": sources.source,
    "sync": sources.sync,
    "receive": receive,
    "stop": stop,
    "start": start,
    "recheck": recheck,
    "findings": findings,
    "unassigned": unassigned,
    "restore": set_back,
    "raise-sequences": raise_sequences,
    "rotate-links": rotate_links,
}


def main() -> int:
    try:
        stack, region = chosen(os.environ)
        if region:
            os.environ["AWS_DEFAULT_REGION"] = region
        answer = COMMANDS[sys.argv[1]](settings_of(stack), os.environ, input)
    except (CannotTell, restore.CannotRestore) as error:
        return refused(str(error))
    except (ClientError, BotoCoreError) as error:
        # AWS's message on the caller's own request, shown to the caller alone; it names no attendee.
        return refused(f"AWS says: {error}\nSTACK=, AWS_DEFAULT_REGION= and AWS_PROFILE= choose stack and account.")
    except (KeyboardInterrupt, EOFError):
        return refused("\nInterrupted. What was done before is kept.")
    if isinstance(answer, Refused):
        return refused(answer)
    print(answer)
    return 0


def refused(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
