"""The commands of an operator, in a stack that CloudFormation describes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from convoke.aws import runtime
from convoke.delivery.audit import Difference, Findings, store_differences
from convoke.inbound.quarantine import Owner
from convoke.inbound.reasons import Reason
from convoke.settings import Settings
from convoke.store import dynamo
from local import operate
from tests.factories import AFTERNOON, EVENT_ID, NOW, existing, held
from tests.tables import SETTINGS, everything
from tests.world import World, a_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(runtime, "clock", lambda: NOW)
    with a_world() as made:
        yield made


def run(command: str, answer: str = "no", **said: str) -> str:
    settings: Settings = replace(SETTINGS, configuration_set="")
    return operate.COMMANDS[command](settings, said, lambda _: answer)


def test_a_key_is_shown_and_opens_the_account(world: World) -> None:
    shown = run("key", ACCOUNT="acme", NAME="ci")

    assert world.store.accounts.caller_of(shown, NOW) is not None


def test_whoever_does_not_say_for_whom_gets_no_key(world: World) -> None:
    assert "ACCOUNT=" in run("key", NAME="ci")
    assert world.client.scan(TableName=SETTINGS.accounts_table)["Count"] == 0


def test_an_operator_signs_in_for_an_account_without_a_key(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    run("key", ACCOUNT="acme", NAME="ci")
    keys_before = world.store.accounts.list_keys(account="acme")

    link = run("sign-in", ACCOUNT="acme")

    assert "once, within 20 minutes" in capsys.readouterr().out
    token = link.removeprefix(f"{SETTINGS.public_url}/console/link/")
    known = existing(world.store.sessions.link(token))
    assert (known.account, known.used) == ("acme", False)
    assert world.store.accounts.list_keys(account="acme") == keys_before
    assert run("sign-in", ACCOUNT="acme") != link


def test_nobody_signs_in_for_an_account_that_there_is_not(world: World) -> None:
    run("key", ACCOUNT="acme", NAME="ci")
    assert "no account acne" in run("sign-in", ACCOUNT="acne")
    assert "ACCOUNT=" in run("sign-in")
    stored = everything(world.client)[SETTINGS.accounts_table]
    assert not [item for item in stored if item["sk"] == "SIGN_IN"]


def test_stop_and_start_turn_the_switch(world: World) -> None:
    assert "a flood" in run("stop", WHY="a flood")
    assert world.reads.sending().stopped(NOW)
    run("start")
    assert not world.reads.sending().stopped(NOW)


@pytest.mark.parametrize("said", [{"EVENT": EVENT_ID}, {"ALL": "yes"}], ids=["one event", "all"])
def test_recheck_shows_who_was_not_told_and_asks_before_it_tells(
    world: World, said: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    person = world.invite()
    world.change(when=AFTERNOON)

    assert run("recheck", **said) == "Nothing was done."
    assert "1  not updated" in capsys.readouterr().out
    before = world.invitation(person).wakeups
    assert "1 messages are due" in run("recheck", "yes", **said)
    assert world.invitation(person).wakeups == before + 1


def test_recheck_tells_many_a_slice_at_a_time_and_says_how_far_it_is(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convoke.delivery.audit.BATCH_SIZE", 2)
    monkeypatch.setattr("local.operate.PROGRESS", 2)
    for number in range(5):
        world.register(number)

    assert run("recheck", "yes", ALL="yes").startswith("5 messages are due")
    assert capsys.readouterr().out.splitlines() == ["Of 5 attendees:", "        5  not invited", "  2 of 5", "  4 of 5"]


def test_what_an_audit_stopped_at_is_shown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("findings") == "No audit has stopped in the last month."
    found = Difference(event_id=EVENT_ID, registration_id="01abc", reason="not updated", urgency=1)
    world.run(store_differences(Findings(looked_at=1, differences=(found,))))

    assert run("findings").endswith("UTC stopped at these 1: 1 not updated.")
    assert capsys.readouterr().out == f"{EVENT_ID} 01abc not updated\n"


def test_mails_that_no_account_is_shown_are_listed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("unassigned") == "In the last seven days every quarantined mail named an event."
    one = held(account="", event_id=None, registration_id=None, answer=None, reason=Reason.CALENDAR)
    dynamo.transact(world.client, [world.store.quarantine.put_action(one)])
    for _ in range(2):
        dynamo.transact(world.client, [world.store.quarantine.count_not_shown_action(Owner(), datetime.now(UTC))])

    said = run("unassigned")
    assert said == "1 mails name no event, so no account can see them: 1 calendar. 2 more were not kept."
    listed = "2027-01-15 12:00 UTC  calendar  bo@example.net  Accepted: Kölner Treffen\n"
    assert capsys.readouterr().out == listed


@pytest.mark.usefixtures("world")
def test_recheck_without_saying_whom_does_nothing() -> None:
    assert "EVENT=" in run("recheck")
    assert "no event with this id" in run("recheck", EVENT="another")
    assert run("recheck", ALL="yes") == "All 0 attendees are up to date."


def test_sequences_are_raised_only_by_somebody_who_stopped_all_mail(world: World) -> None:
    person = world.invite()

    assert run("raise-sequences") == "Nothing was done."
    assert world.invitation(person).allocated == 0
    assert run("raise-sequences", "yes").startswith("1 raised")
    assert world.invitation(person).allocated == 1000


def test_the_settings_of_a_stack_are_read_from_what_it_says_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (
        *("RegistrationsTable", "InvitationsTable", "AccountsTable", "WebhooksTable"),
        *("UrgentQueue", "OrdinaryQueue", "HooksQueue", "ImportsQueue"),
        *("SenderDomain", "PagesUrl"),
    )
    described = {
        "Outputs": [{"OutputKey": name, "OutputValue": f"the {name}"} for name in names],
        "Parameters": [
            {"ParameterKey": "SenderAddress", "ParameterValue": "events@example.org"},
            {"ParameterKey": "SenderDomain", "ParameterValue": ""},
        ],
    }

    class CloudFormation:
        def describe_stacks(self, **asked: str) -> dict[str, Any]:
            assert asked == {"StackName": "mine"}
            return {"Stacks": [described]}

    monkeypatch.setattr("boto3.client", lambda _: CloudFormation())
    settings = operate.settings_of("mine")

    assert settings.invitations_table == "the InvitationsTable"
    assert settings.sender.address == "events@example.org"
    assert settings.public_url == "the PagesUrl"


# --- make receive -------------------------------------------------------------------------------------------------


@pytest.fixture
def outputs(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:  # noqa: ARG001 (AWS in memory)
    """What the stack says of itself."""
    said = {"RuleSet": "ours"}
    monkeypatch.setattr(operate, "described_stack", lambda _: ({}, said))
    return said


def active() -> str | None:
    answer = boto3.client("ses").describe_active_receipt_rule_set()
    name: str | None = answer.get("Metadata", {}).get("Name")
    return name


def rule_sets(*names: str) -> None:
    for name in names:
        boto3.client("ses").create_receipt_rule_set(RuleSetName=name)


@pytest.mark.usefixtures("outputs")
def test_our_own_rule_set_is_activated_after_asking_where_none_is_active() -> None:
    rule_sets("ours")

    assert run("receive") == "Nothing was done."
    assert active() is None
    assert "ours is active." in run("receive", "yes")
    assert active() == "ours"
    assert run("receive", "yes") == "ours is active already."


@pytest.mark.usefixtures("outputs")
def test_a_rule_set_of_somebody_else_is_never_pushed_aside() -> None:
    rule_sets("ours", "theirs")
    boto3.client("ses").set_active_receipt_rule_set(RuleSetName="theirs")

    assert "ReceiptRuleSet=theirs" in run("receive", "yes")
    assert active() == "theirs"


def test_a_stack_without_a_rule_set_of_its_own_activates_nothing(outputs: dict[str, str]) -> None:
    rule_sets("ours")
    del outputs["RuleSet"]

    assert "no rule set of its own" in run("receive", "yes")
    assert active() is None


# --- keys ---------------------------------------------------------------------------------------------------------


def test_the_keys_of_an_account_are_listed_without_their_secrets(
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = run("key", ACCOUNT="acme", NAME="ci")
    run("key", ACCOUNT="acme", NAME="old")
    run("revoke", "yes", ACCOUNT="acme", NAME="old")
    capsys.readouterr()

    assert run("keys", ACCOUNT="acme") == "acme has 1 working keys, and 1 that expired or were revoked."
    ci, old = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"ci  id [0-9a-f]{12}  read,register,manage  created 20\d\d-\d\d-\d\d  last used never", ci)
    assert "revoked 20" in old
    assert secret not in ci
    assert world.store.accounts.caller_of(secret, NOW) is not None


def test_a_key_may_do_and_last_as_long_as_it_is_said(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    secret = run("key", ACCOUNT="acme", NAME="form", SCOPE="register, read", EXPIRES="2090-12-31")
    found = existing(world.store.accounts.caller_of(secret, datetime(2090, 12, 31, 23, tzinfo=UTC)))
    assert found.scopes == {"read", "register"}
    assert world.store.accounts.caller_of(secret, datetime(2091, 1, 1, tzinfo=UTC)) is None
    capsys.readouterr()

    run("keys", ACCOUNT="acme")
    [line] = capsys.readouterr().out.splitlines()
    assert "  read,register  " in line
    assert line.endswith("  last used 2090-12-31  expires 2091-01-01T00:00Z")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"SCOPE": "write"}, "SCOPE: must be some of read, register, manage"),
        ({"EXPIRES": "tomorrow"}, "EXPIRES: must be a day such as"),
        ({"EXPIRES": "9999-12-31"}, "EXPIRES: must be a day such as"),
        ({"EXPIRES": "2020-01-01"}, "EXPIRES: must not be past"),
    ],
)
@pytest.mark.usefixtures("world")
def test_a_scope_or_an_expiry_that_is_none_makes_no_key(said: dict[str, str], why: str) -> None:
    assert run("key", ACCOUNT="acme", NAME="ci", **said).startswith(f"No key was created: {why}")


def test_a_key_is_revoked_after_asking_and_once(world: World) -> None:
    secret = run("key", ACCOUNT="acme", NAME="ci")

    assert run("revoke", ACCOUNT="acme", NAME="ci") == "Nothing was done."
    assert world.store.accounts.caller_of(secret, NOW) is not None
    assert "is revoked" in run("revoke", "yes", ACCOUNT="acme", NAME="ci")
    assert world.store.accounts.caller_of(secret, NOW) is None
    assert "no working key ci" in run("revoke", "yes", ACCOUNT="acme", NAME="ci")


@pytest.mark.usefixtures("world")
def test_a_name_that_is_taken_or_strange_is_said_and_no_key_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run("key", ACCOUNT="acme", NAME="ci")
    capsys.readouterr()

    assert "revoke it first" in run("key", ACCOUNT="acme", NAME="ci")
    assert "letters" in run("key", ACCOUNT="ac me", NAME="ci")
    assert "make keys ACCOUNT=" in run("keys")
    assert "NAME=" in run("revoke", ACCOUNT="acme")
    assert capsys.readouterr().out == ""


# --- where to -----------------------------------------------------------------------------------------------------

DEPLOYED = '[default.deploy.parameters]\nstack_name = "mine"\nregion = "eu-north-1"\n'


@pytest.mark.parametrize(
    ("text", "said", "found"),
    [
        (None, {}, ("convoke", None)),
        (DEPLOYED, {}, ("mine", "eu-north-1")),
        (DEPLOYED, {"STACK": "other"}, ("other", "eu-north-1")),
        (DEPLOYED, {"AWS_REGION": "eu-west-1"}, ("mine", "eu-west-1")),
        (DEPLOYED, {"AWS_DEFAULT_REGION": "eu-west-1", "STACK": ""}, ("mine", "eu-west-1")),
        ("version = 0.1\n", {}, ("convoke", None)),
    ],
)
def test_an_operator_s_word_goes_where_make_deploy_went(
    tmp_path: Path, text: str | None, said: dict[str, str], found: tuple[str, str | None]
) -> None:
    file = tmp_path / "samconfig.local.toml"
    if text is not None:
        file.write_text(text)
    assert operate.chosen(said, file) == found


def test_what_was_chosen_in_make_deploy_is_kept_where_git_does_not_look() -> None:
    root = Path(__file__).parent.parent
    assert operate.CHOSEN.name in (root / ".gitignore").read_text().splitlines()
    assert f'--config-file "$(CURDIR)/{operate.CHOSEN.name}"' in (root / "Makefile").read_text()


class Aws:
    """CloudFormation, as it refuses, or as it answers of a stack that is not ours."""

    def __init__(self, answer: Exception | dict[str, Any]) -> None:
        self._answer = answer

    def describe_stacks(self, **_: str) -> dict[str, Any]:
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Stacks": [self._answer]}


def client_error(code: str, words: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": words}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (client_error("ValidationError", "Stack with id convoke does not exist"), "does not exist"),
        (client_error("ExpiredToken", "The security token is expired"), "expired"),
        (NoCredentialsError(), "credentials"),
        (NoRegionError(), "region"),
        (EndpointConnectionError(endpoint_url="https://cloudformation"), "cloudformation"),
        ({"Parameters": []}, "has no output or parameter 'RegistrationsTable'"),
        (EOFError(), "Interrupted"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_a_user_can_mend_is_said_in_a_line(
    answer: Any, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(operate, "chosen", lambda _: ("convoke", None))
    monkeypatch.setattr("boto3.client", lambda _: Aws(answer))
    monkeypatch.setattr("sys.argv", ["operate", "stop"])

    assert operate.main() == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("command", "said", "why"),
    [
        ("key", {"ACCOUNT": "acme"}, "Usage: make key ACCOUNT=acme NAME=ci"),
        ("key", {"ACCOUNT": "acme", "NAME": "ci", "SCOPE": "write"}, "No key was created: SCOPE"),
        ("keys", {}, "Usage: make keys"),
        ("revoke", {}, "Usage: make revoke"),
        ("sign-in", {"ACCOUNT": "acne"}, "There is no account acne"),
        ("limits", {}, "Usage: make limits"),
        ("limits", {"ACCOUNT": "acme", "LIMIT": "recipient", "HOUR": "many"}, "Nothing was changed: HOUR: must be a n"),
        (
            "limits",
            {"ACCOUNT": "acme", "LIMIT": "recipient", "HOUR": "9"},
            "Nothing was changed: DAY: must be a number",
        ),
        ("source", {"ACCOUNT": "acme", "FILE": "not there.json"}, "Nothing was stored: not there.json cannot be read"),
        ("sync", {"ACCOUNT": "acme", "NAME": "site"}, "acme has no source site"),
        ("recheck", {}, "Usage: make recheck"),
        ("restore", {}, "Usage: make restore"),
        ("restore", {"AT": f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}, "Mail is not stopped"),
        ("rotate-links", {"DROP": "yes"}, "Nothing was changed"),
    ],
)
@pytest.mark.usefixtures("world")
def test_a_command_that_did_nothing_says_so_on_stderr_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, said: dict[str, str], why: str
) -> None:
    monkeypatch.setattr("sys.argv", ["operate", command])
    monkeypatch.setattr(operate, "settings_of", lambda _: replace(SETTINGS, configuration_set=""))
    monkeypatch.setattr(operate, "chosen", lambda _: ("convoke", None))
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    assert operate.main() == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(why)
    assert why not in shown.out


def test_a_file_of_choices_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    file = tmp_path / "samconfig.local.toml"
    for text in ("[default", "default = 3\n"):
        file.write_text(text)
        with pytest.raises(operate.CannotTell, match="cannot be read"):
            operate.chosen({}, file)


def test_the_keys_of_links_are_rotated_and_the_earlier_ones_dropped_when_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [NOW]

    class Now(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]  # noqa: ARG003
            return clock[0]

    monkeypatch.setattr(operate, "datetime", Now)
    first = world.store.link_keys.at(NOW)
    assert "only one, which signs" in run("rotate-links", "yes", DROP="yes")
    assert "from 12:02:00 UTC" in run("rotate-links")
    assert "wait until then" in run("rotate-links")
    clock[0] += timedelta(minutes=2)
    assert run("rotate-links", DROP="yes") == "Nothing was done."
    stored = existing(world.store.link_keys.stored())
    assert stored.at(clock[0]).earlier == (first.current,)
    assert run("rotate-links", "yes", DROP="yes").startswith("1 dropped")
    assert existing(world.store.link_keys.stored()).at(clock[0]).all == (stored.at(clock[0]).current,)
