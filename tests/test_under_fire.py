"""Whatever SES does to a mail, on the whole stack: the last word is the truth, and no mail comes without a reason.

For each kind of fault an event with thirty people, moved and then cancelled while some of its mails meet the fault; all
events at once, since most of the time goes by in waiting for leases to end.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convoke.model import frozen
from convoke.store import dynamo, keys, operations
from convoke.store.store import Store
from local import mailbag
from local.mailbag import Mail
from local.postoffice.faults import Kind
from tests.running import Running
from tests.tables import SETTINGS

pytestmark = [pytest.mark.stack, pytest.mark.fire, pytest.mark.xdist_group("stack")]

MANY = 30
# Whether such a mail left, nobody can tell.
UNKNOWN = (Kind.ERROR_500, Kind.RESET, Kind.TIMEOUT, Kind.TIMEOUT_AFTER_ACCEPT)


@frozen
class Crowd:
    """An event's path, and the paths of its people's registrations, by address."""

    event: str
    people: dict[str, str]

    @property
    def event_id(self) -> str:
        return self.event.rpartition("/")[2]

    @property
    def unlucky(self) -> list[str]:
        """The three whose mails meet the faults: near the beginning, in the middle, near the end."""
        return list(self.people)[4::10]


def gather(stack: Running, name: str) -> Crowd:
    """An event and thirty people who registered for it at the same time."""
    made = stack.call(
        "POST",
        "/events",
        {
            "title": f"Under fire: {name}",
            "start": "2031-03-12T19:00:00",
            "duration": "PT1H30M",
            "time_zone": "Europe/Berlin",
            "organizer": {"name": "Ada", "email": "ada@example.org"},
        },
    )
    event, call = f"/events/{made['event_id']}", stack.call

    def register(number: int) -> tuple[str, str]:
        email = f"{name}-{number}@example.net"
        person = call("POST", f"{event}/registrations", {"name": f"Guest {number}", "email": email})
        return email, f"{event}/registrations/{person['registration_id']}"

    with ThreadPoolExecutor(4) as pool:
        return Crowd(event=event, people=dict(pool.map(register, range(MANY))))


def move(stack: Running, crowd: Crowd) -> None:
    stack.call("PATCH", crowd.event, {"start": "2031-03-13T20:00:00", "duration": "PT2H"})


def cancel(stack: Running, crowd: Crowd) -> None:
    stack.call("POST", f"{crowd.event}/cancel", {"reason": "The house is closed"})


def order(stack: Running, kind: Kind, email: str, count: int = 1) -> None:
    stack.post("/faults", {"kind": kind.value, "count": count, "to": email})


def ask(stack: Running, path: str) -> Any:
    """What the mail endpoint answers."""
    with urllib.request.urlopen(stack.description["inbox"] + path, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def pending(stack: Running) -> Counter[str]:
    """How many faults still wait for a mail, by address."""
    return Counter({fault["to"]: fault["count"] for fault in ask(stack, "/faults")})


def mailed(stack: Running) -> Counter[str]:
    """How many mails SES took, by address."""
    return Counter(note["to"][0] for note in ask(stack, "/mail"))


def received(stack: Running) -> defaultdict[str, list[Mail]]:
    mailboxes = defaultdict(list)
    for mail in mailbag.read(Path(stack.description["mail"])):
        mailboxes[mail.to].append(mail)
    return mailboxes


def unknown_outcomes(stack: Running) -> defaultdict[str, Counter[int]]:
    """How many there were of each SEQUENCE, by the registration's path: the functions say so in their logs."""
    outcomes: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for line in (line for name in ("Notify", "Deliver") for line in stack.logged(name, "unknown outcome")):
        said = json.loads(line)
        outcomes[f"/events/{said['event']}/registrations/{said['registration']}"][int(said["sequence"])] += 1
    return outcomes


def settle(stack: Running, crowds: Iterable[Crowd]) -> None:
    """Wait until all is told. The sweeper, else at work every minute, comes more often."""
    event_ids = {crowd.event_id for crowd in crowds}
    scan, table = stack.client("dynamodb").scan, stack.description["tables"]["invitations"]

    def still_due() -> frozenset[tuple[str, str, str]]:
        """Whose invitation is still due, at which of the states of what they are told."""
        due_items = dynamo.pages(scan, TableName=table, FilterExpression="attribute_exists(due_key)")
        return frozenset(
            (item["pk"], item["sk"], str(item.get("fence", item.get("cursor"))))
            for item in due_items
            if keys.event_id_of(item["pk"]) in event_ids and not is_only_to_be_looked_at(item)
        )

    def nothing_due() -> bool:
        stack.sweep()
        return not still_due()

    stack.patiently(nothing_due, still_due, pause=3)


def all_mailed(stack: Running, crowds: Iterable[Crowd]) -> None:
    everybody = {email for crowd in crowds for email in crowd.people}
    stack.patiently(lambda: everybody <= mailed(stack).keys(), lambda: mailed(stack).total())


def is_only_to_be_looked_at(item: dict[str, Any]) -> bool:
    """Whether this attendee's cancellation was taken, and another worker met the one who sent it: two minutes later
    somebody looks, and has nothing to say.
    """
    last = item.get("acknowledged")
    if last is None:
        return False
    state = last.get("calendar_state") or item["intent"]["calendar_state"]
    return (
        state["method"] == "CANCEL"
        and state["sequence"] == item["highest_possibly_sent"]
        and last.get("repair", 0) == item.get("repair", 0)
        and "lease_until" not in item
    )


# --- the seven events ---------------------------------------------------------------------------------------------


@frozen
class Aftermath:
    """What an event's people were sent, in the order in which SES took it, and how often nobody could tell whether a
    message left, by address; how many of the faults that were ordered nobody met.
    """

    crowd: Crowd
    received: dict[str, list[Mail]]
    unknown: dict[str, Counter[int]]
    unmet: int


@pytest.fixture(scope="module")
def crowds(stack: Running) -> dict[Kind, Crowd]:
    """The events, moved and cancelled, by the kind of fault that some of their mails meet. Much is still due."""
    crowds = {kind: gather(stack, kind.value) for kind in Kind}
    all_mailed(stack, crowds.values())
    settle(stack, crowds.values())
    # A pause stops everybody's mail, so it has its turn alone.
    pause(stack, crowds[Kind.PAUSED])
    fire(stack, {kind: crowd for kind, crowd in crowds.items() if kind is not Kind.PAUSED})
    return crowds


@pytest.fixture(scope="module")
def aftermath(stack: Running, crowds: dict[Kind, Crowd]) -> dict[Kind, Aftermath]:
    """When nothing is due any more."""
    settle(stack, crowds.values())
    mails, unknown, unmet = received(stack), unknown_outcomes(stack), pending(stack)
    return {
        kind: Aftermath(
            crowd=crowd,
            received={email: mails[email] for email in crowd.people},
            unknown={email: unknown[path] for email, path in crowd.people.items()},
            unmet=sum(unmet[email] for email in crowd.people),
        )
        for kind, crowd in crowds.items()
    }


def fire(stack: Running, crowds: dict[Kind, Crowd]) -> None:
    """Move them all and cancel them all, faults before and between."""
    for kind, crowd in crowds.items():
        order(stack, kind, crowd.unlucky[0], count=2)
        move(stack, crowd)
    stack.patiently(
        lambda: all(pending(stack)[crowd.unlucky[0]] < 2 for crowd in crowds.values()),
        lambda: (mailed(stack).total(), pending(stack).total()),
    )
    for kind, crowd in crowds.items():
        for email in crowd.unlucky[1:]:
            order(stack, kind, email)
        cancel(stack, crowd)


def pause(stack: Running, crowd: Crowd) -> None:
    """Move it, be paused on the way, cancel it meanwhile. Nobody is sent anything until mail is started again.

    A pause is over by itself after five minutes; this one ends as `make start` ends it.
    """
    database, table = stack.client("dynamodb"), stack.description["tables"]["invitations"]
    order(stack, Kind.PAUSED, crowd.unlucky[0])
    move(stack, crowd)
    stack.patiently(
        lambda: "stopped_until" in (dynamo.get(database, table, keys.sending()) or {}), lambda: mailed(stack).total()
    )
    before = without_what_is_under_way(stack)
    assert any(before[email] == 1 for email in crowd.people), "the pause came before all were told of the move"
    cancel(stack, crowd)
    stack.sweep()
    time.sleep(3)
    assert mailed(stack) == before
    operations.start(Store(database, replace(SETTINGS, invitations_table=table)))


def without_what_is_under_way(stack: Running) -> Counter[str]:
    """How many mails SES took, by address, once what was under way beside the refused one has ended."""
    last, now = Counter[str](), mailed(stack)
    for _ in range(10):
        if last == now:
            return now
        time.sleep(2)
        last, now = now, mailed(stack)
    raise AssertionError("mails leave and leave, though sending is stopped")


@contextmanager
def without_notify(stack: Running) -> Iterator[None]:
    """Nobody reads the stream; afterwards somebody does again."""
    functions = stack.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName=stack.physical_id("Notify"))["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@pytest.mark.usefixtures("crowds")
def test_the_sweeper_alone_tells_everybody_everything(stack: Running) -> None:
    """While leases end elsewhere."""
    with without_notify(stack):
        crowd = gather(stack, "unreceived")
        settle(stack, [crowd])
        move(stack, crowd)
        settle(stack, [crowd])
        cancel(stack, crowd)
        settle(stack, [crowd])
        assert stack.logged("Notify", crowd.event_id) == []

    # The stream keeps its order: when these are received of, all those before were, late, and for nothing.
    late = gather(stack, "late")
    all_mailed(stack, [late])
    assert stack.logged("Notify", crowd.event_id)
    mails = received(stack)
    for email in crowd.people:
        said = [(mail.method, mail.sequence) for mail in mails[email]]
        assert said == [("REQUEST", 0), ("REQUEST", 1), ("CANCEL", 2)], email


@pytest.mark.parametrize("kind", Kind)
def test_every_fault_was_met(aftermath: dict[Kind, Aftermath], kind: Kind) -> None:
    after = aftermath[kind]
    assert after.unmet == 0
    assert sum(counted.total() for counted in after.unknown.values()) >= (4 if kind in UNKNOWN else 0)


@pytest.mark.parametrize("kind", Kind)
def test_everybody_s_last_word_is_the_cancellation(
    stack: Running, aftermath: dict[Kind, Aftermath], kind: Kind
) -> None:
    """But for a mail that SES rejects: that is not tried again, and the registration shows it."""
    crowd, failed = aftermath[kind].crowd, set()
    for email, mails in aftermath[kind].received.items():
        sequences = [mail.sequence for mail in mails]
        assert sequences == sorted(sequences), email
        assert len({mail.value("UID") for mail in mails}) == 1, email
        if mails[-1].method != "CANCEL":
            assert stack.call("GET", crowd.people[email])["invitation"]["state"] == "failed", email
            failed.add(email)
    if kind is Kind.REJECT:
        assert crowd.unlucky[0] in failed
        assert failed <= set(crowd.unlucky)
    else:
        assert failed == set()


@pytest.mark.parametrize("kind", Kind)
def test_no_sequence_has_two_meanings_and_every_copy_has_a_reason(aftermath: dict[Kind, Aftermath], kind: Kind) -> None:
    for email, mails in aftermath[kind].received.items():
        for sequence, sent in Counter(mail.sequence for mail in mails).items():
            assert len({mail.calendar.encode() for mail in mails if mail.sequence == sequence}) == 1, email
            assert sent - 1 <= aftermath[kind].unknown[email][sequence], (email, sequence)
