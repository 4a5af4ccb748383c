"""`make key`, `keys`, `revoke`, `receive`, `stop`, `start`, `repoke`, `findings`, `unassigned`, `raise-sequences`: by
hand, in the deployment that `make deploy` made last, or in the stack that STACK names, wherever the caller's AWS
settings lead to.

What the caller can mend is said in a line, never by a traceback.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from convoke.aws.runtime import Aws
from convoke.delivery.audit import Findings, examine_batch, put_right
from convoke.model import ConvokeError, InvalidField, Sender
from convoke.settings import Settings
from convoke.store import accounts, dynamo, operations, quarantine
from convoke.store.records import Records

Ask = Callable[[str], str]
PROGRESS = 1000
"""How many are told between two lines that say how far it is."""


CHOSEN = Path(__file__).resolve().parent.parent / "samconfig.local.toml"
"""What was chosen in `make deploy`, beside the tracked defaults; git ignores it."""


class CannotTell(ConvokeError):
    """What was asked cannot be done; the text says what is to be put right."""


def chosen(said: Mapping[str, str], file: Path = CHOSEN) -> tuple[str, str | None]:
    """The stack, and the region where the caller names none: as said, else as chosen in `make deploy`.

    Raises :class:`CannotTell` where the file cannot be read.
    """
    deployed: Mapping[str, Any] = {}
    if file.exists():
        try:
            read = tomllib.loads(file.read_text())
            deployed = read.get("default", {}).get("deploy", {}).get("parameters", {})
        except (OSError, ValueError, AttributeError) as error:
            raise CannotTell(f"{file} cannot be read ({error}): remove it, or deploy anew.") from None
    region = said.get("AWS_REGION") or said.get("AWS_DEFAULT_REGION") or deployed.get("region")
    return said.get("STACK") or deployed.get("stack_name") or "convoke", region


def settings_of(stack: str) -> Settings:
    """The settings of a deployed stack, from its outputs and parameters.

    Raises :class:`CannotTell` where it has not all of them: it was not deployed from this template, or not to its end.
    """
    described, output = described_stack(stack)
    try:
        return _settings(described, output)
    except KeyError as error:
        raise CannotTell(
            f"The stack {stack} says nothing of {error}: deploy it anew, or name another by STACK=."
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
        # The parameter may be empty: then it is the domain of the address.
        sender=Sender(address=parameter["SenderAddress"], domain=output["SenderDomain"]),
        # Nothing is sent from here.
        configuration_set="",
    )


def described_stack(stack: str) -> tuple[Any, dict[str, str]]:
    """A stack as CloudFormation describes it, and its outputs by name."""
    (described,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return described, {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", [])}


def key(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001 (all commands are alike)
    account, name = said.get("ACCOUNT"), said.get("NAME")
    if not account or not name:
        return "Say for whom: make key ACCOUNT=acme NAME=ci"
    now = datetime.now(UTC)
    try:
        secret = accounts.create_key(dynamo.client(), settings.accounts_table, account=account, name=name, now=now)
    except InvalidField as error:
        return f"No key was made: {error}"
    print("This is the key; it is shown this once:")
    return secret


def list_keys(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    account = said.get("ACCOUNT")
    if not account:
        return "Say whose: make keys ACCOUNT=acme"
    found = accounts.list_keys(dynamo.client(), settings.accounts_table, account=account)
    for one in found:
        print(f"{one.name}  made {one.created_at}" + (f"  revoked {one.revoked_at}" if one.revoked_at else ""))
    working = sum(one.revoked_at is None for one in found)
    return f"{account} has {working} keys that work, and {len(found) - working} that were revoked."


def revoke(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:
    account, name = said.get("ACCOUNT"), said.get("NAME")
    if not account or not name:
        return "Say which: make revoke ACCOUNT=acme NAME=ci"
    if ask(f"Whoever uses {name} of {account} is refused from then on, for good. Type yes: ") != "yes":
        return "Nothing was done."
    now = datetime.now(UTC)
    if not accounts.revoke_key(dynamo.client(), settings.accounts_table, account=account, name=name, now=now):
        return f"{account} has no working key {name}: make keys ACCOUNT={account} shows what there is."
    return f"{name} is revoked. The API may believe in it for up to a minute yet."


def receive(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    """Make the stack's own rule set the active one. CloudFormation cannot, and another one is never pushed aside."""
    stack, _ = chosen(said)
    _, output = described_stack(stack)
    ours, ses = output.get("RuleSet"), boto3.client("ses")
    if ours is None:
        return "The stack has no rule set of its own: ReceiveReplies is false, or ReceiptRuleSet names another's."
    active = ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name")
    if active == ours:
        return f"{ours} is active already."
    if active is not None:
        return f"{active} is active, and there can be only one: deploy with ReceiptRuleSet={active}. Nothing was done."
    if ask(f"No rule set is active in this account and region. Activate {ours}? Type yes: ") != "yes":
        return "Nothing was done."
    ses.set_active_receipt_rule_set(RuleSetName=ours)
    return f"{ours} is active. Mail to the sender's address comes in as soon as the MX record points here."


def stop(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    why = said.get("WHY") or "by hand"
    operations.stop(dynamo.client(), settings, why)
    return f"No mail leaves until `make start` ({why}). What is owed stays owed."


def start(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    operations.start(dynamo.client(), settings)
    return "Mail leaves again. Within a minute the sweeper hands out what is owed, as it is true then."


def repoke(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:
    world = Aws(settings)
    if said.get("ALL") != "yes" and not said.get("EVENT"):
        return "Say whom: make repoke EVENT=<event_id>, or make repoke ALL=yes"
    looked_at, reasons = 0, Counter[str]()
    for part in slices(world, settings, said):
        looked_at += part.looked_at
        reasons.update(part.by_reason())
    if not reasons:
        return f"All of {looked_at} looked at were told what is true."
    print(f"Of {looked_at} looked at:" + "".join(f"\n  {reasons[reason]:>7}  {reason}" for reason in sorted(reasons)))
    if ask("Tell them now? Type yes: ") != "yes":
        return "Nothing was done."
    done = 0
    # Looked at once more, so that it does not matter how long the answer took, nor how many there are.
    for part in slices(world, settings, said):
        world.run(put_right(part))
        before, done = done, done + len(part.differences)
        if done // PROGRESS > before // PROGRESS:
            print(f"  {done} of {reasons.total()}")
    return f"{done} are owed a message; the sweeper hands them out, most pressing first."


def slices(world: Aws, settings: Settings, said: Mapping[str, str]) -> Iterator[Findings]:
    """What is found at the event, or at all events, a slice of their people at a time."""
    for event_id in iter([said["EVENT"]]) if said.get("EVENT") else world.all_events():
        after: str | None = ""
        while after is not None:
            part, after = world.run(
                examine_batch(event_id, after, settings.sender, settings.times, include_due=True, new_sender=True)
            )
            yield part


def findings(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    stopped_at, reasons = None, Counter[str]()
    for at, line in Records(dynamo.client(), settings).findings():
        print(line)
        stopped_at = at
        reasons[line.split(" ", 2)[2]] += 1
    if stopped_at is None:
        return "No audit has stopped in the last month."
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"The audit of {stopped_at:%Y-%m-%d %H:%M} UTC stopped at these {reasons.total()}: {counts}."


def unassigned(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    client, now, reasons = dynamo.client(), datetime.now(UTC), Counter[str]()
    for one in quarantine.list_unassigned(client, settings):
        print(f"{one.received_at:%Y-%m-%d %H:%M} UTC  {one.reason}  {one.sender or 'no one address'}  {one.subject}")
        reasons[one.reason] += 1
    more = quarantine.not_shown(client, settings, "", now=now)
    if not reasons and not more:
        return "No mail of the last seven days named no event."
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"{reasons.total()} name no event, so no account is shown them: {counts}. {more} more were not kept."


def raise_sequences(settings: Settings, said: Mapping[str, str], ask: Ask) -> str:  # noqa: ARG001
    client = dynamo.client()
    print(
        f"Every SEQUENCE in {settings.invitations_table} is raised by {operations.LIFT}, and its last word said anew."
    )
    if ask("Is all mail stopped (make stop)? Type yes: ") != "yes":
        return "Nothing was done."
    done = 0
    for done in operations.raise_sequences(client, settings, now=datetime.now(UTC)):
        if done % 1000 == 0:
            print(f"  {done} done")
    return f"{done} raised. Look at a few, then `make start`."


COMMANDS = {
    "key": key,
    "keys": list_keys,
    "revoke": revoke,
    "receive": receive,
    "stop": stop,
    "start": start,
    "repoke": repoke,
    "findings": findings,
    "unassigned": unassigned,
    "raise-sequences": raise_sequences,
}


def main() -> int:
    try:
        stack, region = chosen(os.environ)
        if region:
            os.environ["AWS_DEFAULT_REGION"] = region
        print(COMMANDS[sys.argv[1]](settings_of(stack), os.environ, input))
    except CannotTell as error:
        return refused(str(error))
    except (ClientError, BotoCoreError) as error:
        # Names no attendee: these are the words of AWS on the caller's own request, shown to the caller alone.
        return refused(f"AWS says: {error}\nSTACK=, AWS_DEFAULT_REGION= and AWS_PROFILE= say where to look.")
    except (KeyboardInterrupt, EOFError):
        return refused("\nBroken off. What was done before stays done.")
    return 0


def refused(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
