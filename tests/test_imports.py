"""An import registers everybody once, whatever becomes of its workers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from convoke.effects import HoldAccounts
from convoke.model import Event, Registration
from convoke.pages import hints
from convoke.registrations import imports, registry
from convoke.registrations.events import create_event
from convoke.registrations.imports import Check, Progress, Reason, entropy, work
from convoke.registrations.returning import HELD
from convoke.store import keys
from convoke.store.imports import IN_A_PART, Import, ImportedPerson, Imports, Wrong
from convoke.web.bulk import person_or_reason
from tests import policies
from tests.caller import World, a_caller
from tests.deployment import Context, Deployment, a_deployment, sample
from tests.factories import EVENT_ID, NOW, event, existing, registration
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS, everything

LEASE = timedelta(seconds=75)
Body = dict[str, Any]


world = patching_fixture_of(a_caller)


def people(count: int, start: int = 0) -> list[Body]:
    return [{"name": f"Person {n}", "email": f"person{n}@example.net"} for n in range(start, start + count)]


class Job:
    """An import that has begun."""

    def __init__(self, world: World, where: str, bodies: list[Body], wrong: tuple[Wrong, ...] = ()) -> None:
        self.world = world
        self.store = world.store
        self.event_id = where.rpartition("/")[2]
        self.import_id = keys.registration_id(world.now, b"import" * 2 + b"1234")
        self.lines: list[ImportedPerson] = [{"line": number, "body": body} for number, body in enumerate(bodies, 2)]
        one = Import(
            event_id=self.event_id,
            import_id=self.import_id,
            account="acme",
            by="ci",
            created_at=world.now,
            lines=len(bodies),
        )
        self.store.imports.create(one, "Name,Mail\n" * 50_000)
        self.begun = replace(one, started_at=world.now, run="r", people=len(bodies), wrong=len(wrong))
        assert self.store.imports.begin(self.begun, self.lines, wrong, due_key=keys.due_key(2, world.now))

    def work(self, check: Check = person_or_reason, *, groups: int = 1_000_000) -> Progress:
        """A worker that has time for so many groups of people."""
        left = iter(range(groups))
        return work(
            *(self.store, self.event_id, self.import_id),
            check=check,
            lease=LEASE,
            clock=lambda: self.world.now,
            out_of_time=lambda: next(left, None) is None,
        )

    def later(self, more: timedelta) -> None:
        self.world.now += more

    @property
    def now(self) -> Import:
        return existing(self.store.imports.read(self.event_id, self.import_id, self.world.now))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return self.now.registered, self.now.waitlisted, self.now.existing, self.now.refused

    @property
    def wrong(self) -> list[Wrong]:
        return self.store.imports.wrong(self.now, self.world.now)

    def registered(self) -> list[str]:
        """The addresses of all registrations of the event, in order of arrival."""
        return [person.email for person, _ in self.store.reads.everybody(self.event_id)]


def addresses(bodies: list[Body]) -> list[str]:
    return [body["email"] for body in bodies]


def test_everybody_is_registered_in_the_order_of_their_lines(world: World) -> None:
    job = Job(world, world.hold(), people(250))
    assert job.now.parts == 3
    assert job.work() is Progress.ENDED
    assert job.counts == (250, 0, 0, 0)
    assert job.registered() == addresses(people(250))
    assert (job.now.done, job.now.finished_at, job.now.lease_until) == (250, world.now, None)
    assert job.work() is Progress.NOTHING, "a hint that comes again finds nothing to do"


def test_a_job_begins_once(world: World) -> None:
    job = Job(world, world.hold(), people(3))
    other = replace(job.begun, run="other")
    assert not job.store.imports.begin(other, job.lines, (), due_key=keys.due_key(2, world.now))
    assert job.work() is Progress.ENDED
    assert job.counts == (3, 0, 0, 0)


def test_what_was_uploaded_is_deleted_when_all_is_imported(world: World) -> None:
    job = Job(world, world.hold(), people(3))
    assert job.store.imports.text(job.import_id, world.now) == "Name,Mail\n" * 50_000
    job.work()
    assert job.store.imports.text(job.import_id, world.now) is None
    left = [item for item in everything(world.client)[SETTINGS.invitations_table] if job.import_id in item["pk"]]
    assert left == []


def test_what_was_uploaded_is_kept_for_a_day_where_lines_were_wrong(world: World) -> None:
    job = Job(world, world.hold(), people(3), ((9, "email", "must be a mail address"),))
    job.work()
    job.later(timedelta(hours=23))
    assert job.wrong == [(9, "email", "must be a mail address")]
    assert job.store.imports.text(job.import_id, world.now)
    job.later(timedelta(hours=1))
    assert job.wrong == []
    assert job.store.imports.text(job.import_id, world.now) is None


class Stopped(Exception):
    """The worker ends here."""


def test_a_worker_that_dies_before_it_counts_is_followed_by_one_that_counts_right(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(world, world.hold(capacity=120), people(150))

    def stopped(*_: Any) -> None:
        raise Stopped

    with monkeypatch.context() as dying:
        dying.setattr(Imports, "end_part", stopped)
        with pytest.raises(Stopped):
            job.work()
    assert (len(job.registered()), job.counts) == (IN_A_PART, (0, 0, 0, 0))
    assert job.work() is Progress.NOTHING, "as long as the lease lasts"
    job.later(LEASE)
    assert job.work() is Progress.ENDED
    assert job.counts == (120, 30, 0, 0)
    assert job.registered() == addresses(people(150))


def test_what_was_uploaded_is_deleted_though_the_worker_dies_at_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(world, world.hold(), people(3))
    keep = Imports._keep_until

    def stopped(self: Imports, import_id: str, prefix: str, until: datetime | None) -> None:
        if prefix == "TEXT#":
            raise Stopped
        keep(self, import_id, prefix, until)

    with monkeypatch.context() as dying:
        dying.setattr(Imports, "_keep_until", stopped)
        with pytest.raises(Stopped):
            job.work()
    job.later(LEASE)
    assert job.work() is Progress.ENDED
    assert job.store.imports.text(job.import_id, world.now) is None


def test_whoever_withdraws_before_the_next_worker_comes_is_not_registered_again(world: World) -> None:
    where = world.hold()
    job = Job(world, where, people(30))
    assert job.work(groups=1) is Progress.AGAIN
    [first, *_] = world.call("GET", f"{where}/registrations").body["items"]
    world.call("DELETE", f"{where}/registrations/{first['registration_id']}")
    assert job.work() is Progress.ENDED
    assert job.counts == (30, 0, 0, 0)
    assert world.call("GET", where).body["registered"] == 29


def test_whoever_withdraws_after_the_dry_run_is_not_invited_and_their_line_says_why(world: World) -> None:
    where = world.hold()
    known = world.register(where, "Person1@example.net")
    again = world.register(where, "person2@example.net")
    job = Job(world, where, people(4))
    world.call("DELETE", known)
    world.call("DELETE", again)
    world.register(where, "person2@example.net")
    assert job.work() is Progress.ENDED
    assert job.counts == (2, 0, 1, 1)
    assert job.wrong == [(3, "", imports.LEFT)]
    standing = world.call("GET", f"{where}/registrations", query={"status": "registered"}).body["items"]
    assert sorted(one["email"] for one in standing) == [f"person{n}@example.net" for n in (0, 2, 3)]


def test_whoever_withdrew_by_one_click_is_left_out_and_their_seat_stays_kept(world: World) -> None:
    where = world.hold(capacity=2)
    event_id, _, left = world.register(where, "person1@example.net").removeprefix("/events/").split("/")
    assert world.store.brakes.may_hold(event_id, left, "person1@example.net", world.now + HELD, world.now)
    registry.withdraw(world.store, event_id, left, now=world.now, held_until=world.now + HELD)
    job = Job(world, where, people(2))
    assert job.work() is Progress.ENDED
    assert (job.counts, job.wrong) == ((1, 0, 0, 1), [(3, "", imports.LEFT)])
    assert (world.store.reads.seats(event_id).taken, world.store.reads.seats(event_id).held) == (2, 1)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_a_worker_without_time_leaves_the_rest_to_another(world: World, groups: int) -> None:
    job = Job(world, world.hold(capacity=20), people(30))
    calls = 0
    while job.work(groups=groups) is Progress.AGAIN:
        calls += 1
        assert calls < 40
    assert calls > 0
    assert job.counts == (20, 10, 0, 0)
    assert job.registered() == addresses(people(30))


def test_two_workers_on_one_part_register_and_count_everybody_once(world: World) -> None:
    job = Job(world, world.hold(), people(30))
    met: list[Progress] = []

    def meanwhile(event: Event, body: Mapping[str, Any], at: datetime, own: bytes) -> Registration | Reason:
        if not met:
            met.append(job.work())
            job.later(LEASE)  # the first hangs, and its lease is over
            met.append(job.work())
        return person_or_reason(event, body, at, own)

    assert job.work(meanwhile) is Progress.OVERTAKEN
    assert met == [Progress.NOTHING, Progress.ENDED]
    assert job.counts == (30, 0, 0, 0)
    assert job.registered() == addresses(people(30))


def test_whoever_is_registered_already_stays_as_they_are(world: World) -> None:
    where = world.hold()
    world.register(where, "person1@example.net", name="Bo")
    job = Job(world, where, people(3))
    assert job.work() is Progress.ENDED
    assert job.counts == (2, 0, 1, 0)
    named = {one["email"]: one["name"] for one in world.call("GET", f"{where}/registrations").body["items"]}
    assert named["person1@example.net"] == "Bo"


def test_whoever_declined_is_not_invited_again(world: World) -> None:
    where = world.hold()
    person = world.register(where, "person0@example.net").rpartition("/")[2]
    before = existing(world.store.reads.registration(where.rpartition("/")[2], person))
    declined = replace(before, status=before.status.DECLINED, version=2)
    world.store.attempt({"one": world.store.registrations.change_action(before, declined)})
    job = Job(world, where, people(1))
    job.work()
    assert job.counts == (0, 0, 1, 0)
    assert world.store.reads.registration(job.event_id, person) == replace(declined, updated_at=before.updated_at)


def test_seats_are_given_in_the_order_of_the_lines_over_all_parts(world: World) -> None:
    job = Job(world, world.hold(capacity=130), people(250))
    job.work()
    assert job.counts == (130, 120, 0, 0)
    seated = [one.email for one, _ in job.store.reads.everybody(job.event_id) if one.status.value == "registered"]
    assert seated == addresses(people(130))


def test_whoever_s_limit_of_mails_is_reached_waits_and_holds_nobody_up(world: World) -> None:
    family = [{"name": "Bo Ek", "email": f"bo+{number}@example.net"} for number in range(35)]
    job = Job(world, world.hold(), [*family, *people(80)])
    assert job.work() is Progress.WAITS
    assert job.registered() == addresses([*family[:30], *people(80)])
    assert job.counts == (110, 0, 0, 0)
    until = existing(job.now.waits_until)
    assert until > world.now
    job.later(until - world.now)
    assert job.work() is Progress.ENDED
    assert job.counts == (115, 0, 0, 0)
    assert job.now.waits_until is None


def test_whoever_s_limit_does_not_end_is_refused_after_days(world: World) -> None:
    family = [{"name": "Bo Ek", "email": f"bo+{number}@example.net"} for number in range(9)]
    job = Job(world, world.hold(start="2027-12-12T09:00:00", end="2027-12-12T10:00:00"), family)
    job.store.limits.change("acme", "recipient", replace(job.store.limits.of("acme").recipient, hour=2, day=2))
    while job.work() is Progress.WAITS:
        job.later((job.now.waits_until or world.now) - world.now)
    assert world.now - NOW > imports.PATIENCE
    assert job.now.done == 9
    assert {why for _, _, why in job.wrong} == {imports.LIMITED}


def test_while_the_account_may_not_mail_everybody_waits(world: World) -> None:
    job, until = Job(world, world.hold(), people(3)), world.now + timedelta(hours=1)
    job.store.records.hold_accounts(HoldAccounts(until={"acme": until}))
    assert job.work() is Progress.WAITS
    assert (job.now.waits_until, job.registered()) == (until, [])
    job.later(timedelta(hours=1))
    assert job.work() is Progress.ENDED


def test_when_the_event_is_cancelled_meanwhile_nobody_more_is_registered(world: World) -> None:
    where = world.hold()
    job = Job(world, where, people(IN_A_PART + 20))
    assert job.work(groups=5) is Progress.AGAIN
    assert world.call("POST", f"{where}/cancel", {}).status == 200
    assert job.work() is Progress.ENDED
    registered = len(job.registered())
    assert 0 < registered < IN_A_PART + 20
    assert job.counts == (registered, 0, 0, IN_A_PART + 20 - registered)
    assert {why for _, _, why in job.wrong} == {"the event is cancelled"}


def test_what_cannot_be_registered_is_kept_with_its_line_and_reason(world: World) -> None:
    where = world.hold()
    world.register(where, external_id="7")
    wanted = [*people(1), {"name": "", "email": "x"}, {"name": "Eve", "email": "eve@example.org", "external_id": "7"}]
    job = Job(world, where, wanted)
    job.work()
    assert job.counts == (1, 0, 0, 2)
    assert [(line, field) for line, field, _ in job.wrong] == [(3, "name"), (4, "external_id")]


def test_ids_sort_in_the_order_of_the_lines_and_are_those_of_one_import() -> None:
    ids = [entropy("a", line) for line in (1, 2, 255, 256, 10_000)]
    assert ids == sorted(ids)
    assert entropy("a", 1) == ids[0] != entropy("b", 1)


# --- the function, its queue, and the sweep -----------------------------------------------------------------------


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    with a_deployment(monkeypatch) as made:
        create_event(made.store, event())
        yield made


def import_people(deployed: Deployment, bodies: list[Body]) -> Job:
    world = World(deployed.client)
    world.store = deployed.store
    return Job(world, f"/events/{EVENT_ID}", bodies)


def queued(deployed: Deployment) -> list[dict[str, Any]]:
    answer = boto3.client("sqs").receive_message(QueueUrl=deployed.settings.imports_queue, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def handle(deployed: Deployment, body: dict[str, Any]) -> None:
    record = sample("imports-continue")["Records"][0] | {"body": json.dumps(body)}
    assert deployed.call("imports", {"Records": [record]}) == {"batchItemFailures": []}


def test_the_sweep_queues_an_import_whose_message_was_lost(deployed: Deployment) -> None:
    job = import_people(deployed, people(3))
    deployed.call("sweep", sample("sweep"))
    [hint] = queued(deployed)
    assert hint == {"event": EVENT_ID, "import": job.import_id}
    handle(deployed, hint)
    assert job.counts == (3, 0, 0, 0)


def test_the_console_queues_an_import_and_leaves_it_to_the_sweep_where_it_cannot(deployed: Deployment) -> None:
    with policies.acting_as("Console"):
        hints.go_on(deployed.settings, EVENT_ID, "01")
    assert queued(deployed) == [{"event": EVENT_ID, "import": "01"}]
    hints.go_on(
        replace(deployed.settings, imports_queue="https://sqs.eu-central-1.amazonaws.com/1/none"), EVENT_ID, "01"
    )


def test_a_worker_without_time_queues_the_import_again(deployed: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    job = import_people(deployed, people(3))
    monkeypatch.setattr("tests.deployment.Context", lambda _: Context(14_000))
    handle(deployed, {"event": EVENT_ID, "import": job.import_id})
    assert job.counts == (0, 0, 0, 0)
    assert queued(deployed) == [{"event": EVENT_ID, "import": job.import_id}]


def test_a_hint_of_an_import_that_is_gone_is_done_with(deployed: Deployment) -> None:
    handle(deployed, json.loads(sample("imports-continue")["Records"][0]["body"]))


def test_the_function_may_change_no_registration(deployed: Deployment) -> None:
    unlock = deployed.store.registrations.unlock_action(registration())
    with pytest.raises(policies.Denied), policies.acting_as("Imports"):
        deployed.store.attempt({"one": unlock})
