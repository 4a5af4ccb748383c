"""What people who mean harm can do with one API key, or without any: attacks through the API and by mail, counted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from convoke.decision.calendar_state import RenderedMail
from convoke.decision.limits import Limit, Limits
from convoke.delivery.fan_out import begin, process_batch
from convoke.delivery.reconcile import reconcile
from convoke.effects import Effect, Render, Send
from convoke.model import Method
from convoke.store.limits import MailLimits
from tests import world as delivery
from tests.caller import BO, World, a_caller, routes
from tests.fixtures import patching_fixture_of
from tests.hostile import BODIES, things
from tests.tables import SETTINGS, everything

OPERATIONS = Path(__file__).parent.parent / "docs" / "operations.md"


world = patching_fixture_of(a_caller)


# --- what belongs to others -----------------------------------------------------------------------------------------

NO_IDS = {"start", "sequence", "asset"}
"""The parameters of paths that name a part of something, and not whose it is; and what everybody may read."""


def parameters_of(route: str) -> list[str]:
    return re.findall(r"{(\w+)}", route)


def swaps(names: list[str]) -> list[set[str]]:
    """Which ids of a path are another account's: all of them, and each alone."""
    ids = [name for name in names if name not in NO_IDS]
    return [set(ids), *({name} for name in ids if len(ids) > 1)]


def test_no_route_shows_or_changes_what_belongs_to_another_account(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    theirs, mine = things(world, "acme", "secret@example.net"), things(world, "eve")
    before, tried, leaks = everything(world.client), 0, []
    named = [route for route in routes() if set(parameters_of(route)) - NO_IDS]
    for route in named:
        method, path = route.split(" ")
        for swapped in swaps(parameters_of(route)):
            ids = {name: (theirs if name in swapped or name in NO_IDS else mine)[name] for name in theirs}
            answer = world.call(method, path.format_map(ids), body_of(route), account="eve")
            tried += 1
            found = [value for value in ("secret", *ids.values()) if value in answer.raw and value not in NO_SECRETS]
            leaks += [(route, swapped, answer.status, found)] if answer.status != 404 or found else []
        assert everything(world.client) == before, route
    assert leaks == []
    # The owner finds all of it: nothing was 404 for another reason.
    for route in sorted(named, key=lambda route: route.startswith("DELETE")):
        method, path = route.split(" ")
        assert world.call(method, path.format_map(theirs), body_of(route)).status != 404, route
    record_property("attack", f"{len(named)} routes, {tried} requests with another account's ids, {len(leaks)} leaks")


NO_SECRETS = {"2027-03-19T09:00:00", "0"}


def body_of(route: str) -> Any:
    if route.startswith(("GET ", "DELETE ")):
        return None
    return BODIES.get(route, {"cancel": True} if route.endswith("/preview") else {})


# --- mails to a stranger ------------------------------------------------------------------------------------------


def most_in_a_day(limits: Limits) -> int:
    """Mails that one key can have sent to somebody who was not registered before: those that are no cancellations, as
    many cancellations of them, and cancellations of single dates.
    """
    return 2 * limits.recipient.day + limits.dates.day


def most_in_an_hour(limits: Limits) -> int:
    """The same in one hour; what was sent earlier on the day may be cancelled in it."""
    return limits.recipient.hour + limits.recipient.day + limits.dates.hour


SMALL = Limits(
    recipient=Limit(hour=6, day=8),
    event=Limit(hour=4, day=6),
    resend=Limit(hour=2, day=3),
    dates=Limit(hour=2, day=3),
)


EMAILS = ("bo@example.net", "bo+1@example.net", "x@example.org")


class Cannon:
    """One key that does everything it can so that a stranger is sent mails, in a world where all is delivered."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, Random(seed)  # noqa: S311 (chance, not a secret)
        self.post = delivery.World(world.client)
        perform = self.post.perform
        rendered = RenderedMail(calendar=b"BEGIN:VCALENDAR", mail=b"To: you")
        self.post.perform = lambda effect: rendered if isinstance(effect, Render) else self.sent(effect, perform)  # type: ignore[method-assign]
        self.events: list[str] = []
        self.people: list[str] = []
        self.touched: set[str] = set()
        self.refused = 0
        self.times: list[tuple[Any, Method]] = []

    def sent(self, effect: Effect, perform: Any) -> Any:
        if isinstance(effect, Send) and effect.intent.calendar_state.recipient.startswith("bo"):
            self.times.append((self.world.now, effect.intent.calendar_state.method))
        return perform(effect)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.world.call(method, path, body)
        self.refused += answer.status == 429
        assert answer.status < 500
        self.touched.add(path.split("/")[2])
        return answer.body if answer.status < 400 else None

    def event(self) -> str:
        return self.dice.choice(self.events)

    def person(self) -> str:
        return self.dice.choice(self.people) if self.people else "/events/none/registrations/none"

    def date(self) -> str:
        return f"{self.event()}/occurrences/2027-03-{self.dice.randrange(12, 18)}T09:00:00"

    def hold(self) -> None:
        self.events.append(self.world.hold(recurrence=self.dice.choice((None, "FREQ=DAILY;COUNT=6"))))

    def register(self) -> None:
        event, email = self.event(), self.dice.choice(EMAILS[:2])
        if made := self.ask("POST", f"{event}/registrations", BO | {"email": email}):
            self.people.append(f"{event}/registrations/{made['registration_id']}")

    def split(self) -> None:
        if made := self.ask("POST", f"{self.event()}/split", {"from": self.date()[-19:], "title": self.title()}):
            self.events.append(f"/events/{made['event_id']}")

    def title(self) -> str:
        return f"Title {self.dice.random()}"

    def deed(self) -> None:
        deeds: dict[Callable[[], Any], int] = {
            self.hold: 2,
            self.register: 8,
            self.split: 2,
            lambda: self.ask("DELETE", self.person()): 3,
            lambda: self.ask("PATCH", self.person(), {"email": self.dice.choice(EMAILS)}): 3,
            lambda: self.ask("POST", f"{self.person()}/resend"): 4,
            lambda: self.ask("PATCH", self.event(), {"title": self.title()}): 8,
            lambda: self.ask("PATCH", self.event(), {"status": self.dice.choice(("draft", "confirmed"))}): 4,
            lambda: self.ask("PATCH", self.date(), {"title": self.title()}): 4,
            lambda: self.ask("POST", f"{self.date()}/cancel"): 4,
            lambda: self.ask("POST", f"{self.date()}/restore"): 3,
            lambda: self.ask("POST", f"{self.event()}/cancel"): 1,
        }
        [do] = self.dice.choices(list(deeds), list(deeds.values()))
        do()

    def deliver(self) -> None:
        """Everybody at the events that were touched is looked at, as stream, queues and sweep would do."""
        self.post.now = self.world.now
        for event_id in self.touched:
            begun = self.post.run(begin(event_id, self.post.worker()))
            if begun is not None:
                self.post.run(process_batch(begun, self.post.worker()))
            self.post.drain()
            for person in self.post.everybody(event_id):
                self.post.run(reconcile(event_id, person.registration_id, self.post.worker()))
        self.touched.clear()

    def most(self, span: timedelta) -> int:
        """The most mails that were sent to the stranger in one hour, or in one day, of the clock."""
        windows = [at.replace(minute=0, hour=at.hour if span < timedelta(days=1) else 0) for at, _ in self.times]
        return max(map(windows.count, windows), default=0)


def test_what_one_key_can_send_to_a_stranger_is_limited(
    world: World, record_property: Callable[[str, object], None]
) -> None:
    stored = MailLimits(world.client, SETTINGS)
    for name in ("recipient", "event", "resend", "dates"):
        stored.change("acme", name, getattr(SMALL, name))
    cannon = Cannon(world, seed=1)
    cannon.hold()
    for _ in range(80):
        cannon.deed()
        cannon.deliver()
        world.now += timedelta(minutes=3)
    day, hour = cannon.most(timedelta(days=1)), cannon.most(timedelta(hours=1))
    said = f"with limits of {most_in_a_day(SMALL)} a day and {most_in_an_hour(SMALL)} an hour 80 deeds of one key"
    record_property("attack", f"{said} sent a stranger {day} a day, {hour} an hour; {cannon.refused} were refused")
    assert cannon.refused > 5
    assert "message deferred" in cannon.post.calendar_state
    assert SMALL.recipient.day / 2 < day <= most_in_a_day(SMALL)
    assert SMALL.recipient.hour / 2 < hour <= most_in_an_hour(SMALL)
    assert [method for _, method in cannon.times].count(Method.REQUEST) <= SMALL.recipient.day

    # What waited is sent on the next days, and nothing is due then.
    for _ in range(4):
        world.now += timedelta(days=1)
        cannon.touched = {event.removeprefix("/events/") for event in cannon.events}
        cannon.deliver()
    assert [row for row in cannon.post.all_due() if row.startswith(("REGISTRATION#", "FAN_OUT"))] == []


def test_whoever_registers_and_withdraws_a_stranger_again_and_again_is_soon_refused(world: World) -> None:
    stored = MailLimits(world.client, SETTINGS)
    stored.change("acme", "recipient", SMALL.recipient)
    cannon = Cannon(world, seed=1)
    cannon.hold()
    while not cannon.refused:
        cannon.register()
        cannon.deliver()
        cannon.ask("DELETE", cannon.people[-1])
        cannon.deliver()
    methods = [method for _, method in cannon.times]
    assert methods == [Method.REQUEST, Method.CANCEL] * (SMALL.recipient.hour // 2)


def test_the_documentation_says_what_one_key_can_send() -> None:
    said = OPERATIONS.read_text()
    limits = Limits()
    assert f"at most {most_in_an_hour(limits)} mails in an hour and {most_in_a_day(limits)} in a day" in said
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \|", said, re.MULTILINE)
    numbers = {name: [int(number.replace(",", "")) for number in row] for name, *row in rows}
    documented = {name: Limit(hour=hour, day=day) for name, (hour, day) in numbers.items()}
    assert documented == {name: getattr(limits, name) for name in Limits.__dataclass_fields__}
