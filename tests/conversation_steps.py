"""What people do in a story, each by the sentence that says it, done to a world."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from convoke.decision import decide, fingerprints
from convoke.delivery.fan_out import begin, process_batch
from convoke.effects import Refusal, Refused, Unknown
from convoke.inbound import Verdict, judge
from convoke.model import AnswerChannel, Duration, Event, EventStatus, LocalTime, Registration, When
from convoke.registrations import registry, replies
from convoke.registrations.registry import change_registration
from convoke.schedule import edits, series, series_changes
from convoke.web.walltimes import read_moment, read_when
from tests.factories import EVENT_ID, SENDER, existing, receipt
from tests.mailbox import Arrived, Mailbox
from tests.world import World

DAY, CLOCK, ZONE = r"\d{4}-\d\d-\d\d", r"\d\d:\d\d", r"[A-Z][\w/+-]+"
ROOM = r"(?P<room>, with 1 seat)?(?P<given>, given on when declined)?"
TIME = rf"(?:{DAY} {CLOCK} (?:to (?:{DAY} )?{CLOCK}|for P\w+) {ZONE}|{DAY}(?: to {DAY})?, all day(?: in {ZONE})?)"
NAME = rf"{DAY}(?: {CLOCK})?"
PARTSTAT = "ACCEPTED|DECLINED|TENTATIVE"
WHO = r"(?:[A-Z][a-z]+|[a-z.]+@[a-z.]+)"

Act = Callable[..., None]
ACTIONS: dict[re.Pattern[str], Act] = {}
STATUS = {"publishes": EventStatus.CONFIRMED, "pencils in": EventStatus.TENTATIVE, "drafts": EventStatus.DRAFT}
VERBS = "|".join(STATUS)


def says(sentence: str) -> Callable[[Act], Act]:
    """The sentence that makes a person on the stage do this; its named groups are the arguments."""

    def learn(act: Act) -> Act:
        ACTIONS[re.compile(sentence)] = act
        return act

    return learn


class Stage:
    """A world and the people in it. With ``doorbells``, streams and queues work; without, there is only the sweeper."""

    def __init__(self, world: World, *, doorbells: bool) -> None:
        self._world = world
        self._doorbells = doorbells
        self._rung: list[str] = []
        self._people: dict[str, Registration] = {}
        self._met: dict[str, Registration] = {}
        self._registered = 0
        self._mailboxes: defaultdict[str, Mailbox] = defaultdict(Mailbox)
        self._uids: set[str] = set()
        self._read = 0

    def act(self, sentence: str) -> None:
        """Do what the sentence says; it is known to be one of :data:`ACTIONS`."""
        act, found = next((act, found) for pattern, act in ACTIONS.items() if (found := pattern.fullmatch(sentence)))
        act(self, **found.groupdict())

    @property
    def world(self) -> World:
        return self._world

    # --- what Ada does ----------------------------------------------------------------------------------------

    @says(rf'Ada (?P<verb>{VERBS}) "(?P<title>.*?)", (?P<time>{TIME})(?:, (?P<rule>FREQ=\S+))?{ROOM}')
    def _publish(self, verb: str, title: str, time: str, rule: str | None, room: str | None, given: str | None) -> None:
        first = when(time)
        self._world.publish(
            status=STATUS[verb],
            title=title,
            when=first,
            rule=series.rule(rule, first) if rule else None,
            capacity=1 if room else None,
            release_on_decline=bool(given),
        )

    @says(rf"Ada moves it to (?P<time>{TIME})")
    def _move(self, time: str) -> None:
        before = self._world.event()
        schedule = series_changes.moved(before.schedule, when(time))
        after = replace(before, when=schedule.when, rule=schedule.rule, added=schedule.added)
        self.become(edits.reschedule(before, after)[0])

    @says(r'Ada (?P<verb>calls|describes) it(?: as)? "(?P<text>.*)"')
    def _write(self, verb: str, text: str) -> None:
        self._change(**{"title" if verb == "calls" else "description": text})

    @says(r'Ada quietly calls it "(?P<title>.*)"')
    def _write_quietly(self, title: str) -> None:
        before = self._world.event()
        self.become(fingerprints.kept_quiet(before, replace(before, title=title)))

    @says(r'Ada names the place "(?P<text>.*)"')
    def _place(self, text: str) -> None:
        self._change(location=text)

    @says(r"Ada sets reminders of (?P<lengths>P\w+(?: and P\w+)*) before")
    def _remind(self, lengths: str) -> None:
        self._change(reminders=tuple(map(Duration.parse, lengths.split(" and "))))

    @says(r"Ada (?P<verb>publishes it|confirms it|takes it back to draft)")
    def _status(self, verb: str) -> None:
        self._change(status=EventStatus.DRAFT if verb.startswith("takes") else EventStatus.CONFIRMED)

    @says(r'Ada cancels it(?:: "(?P<reason>.*)")?')
    def _cancel(self, reason: str | None) -> None:
        self._change(status=EventStatus.CANCELLED, reason=reason or "")

    @says(r"Ada reopens it")
    def _reopen(self) -> None:
        self.become(edits.reopen(self._world.event()))

    def _change(self, **changes: Any) -> None:
        self.become(replace(self._world.event(), **changes))

    def become(self, after: Event) -> None:
        """Let the event be ``after``, and its bell be rung."""
        self._world.become(after)
        self.ring(EVENT_ID)

    def ring(self, event_id: str) -> None:
        """The bell of an event: everybody at it is looked at."""
        self._rung.append(event_id)

    # --- what the others do -----------------------------------------------------------------------------------

    @says(r"(?P<who>\w+) registers(?: again)?")
    def register(self, who: str, **changes: Any) -> None:
        self._registered += 1
        person = self._world.register(self._registered, name=who, email=f"{who.lower()}@example.net", **changes)
        self._know(who, person)

    @says(r"(?P<who>\w+) withdraws")
    def _withdraw(self, who: str) -> None:
        self._world.withdraw(self._people[who])
        self._rung.append(self._people[who].registration_id)

    @says(r"(?P<who>\w+) changes address to (?P<email>\S+)")
    def _change_address(self, who: str, email: str) -> None:
        self.change_registration(who, email=email)

    def change_registration(self, who: str, **changes: Any) -> None:
        person = change_registration(
            self._world.store,
            EVENT_ID,
            self._people[who].registration_id,
            changes=changes,
            priority=1,
            now=self._world.now,
        )
        assert isinstance(person, Registration)
        self._know(who, person)

    @says(rf"(?P<who>\w+) answers (?P<partstat>{PARTSTAT}) to SEQUENCE (?P<sequence>\d+)(?: for (?P<date>{NAME}))?")
    def _answer(self, who: str, partstat: str, sequence: str, date: str | None) -> None:
        """As the calendar of the one who is asked does, through all that a mail which comes in is judged by."""
        person, world = self._current(who), self._world
        asked = next(one for one in self.mailbox(person.email).arrived if one.sequence == int(sequence))
        calendar = (
            f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:{asked.uid}\r\nSEQUENCE:{sequence}\r\n"
            f"{self._recurrence_id(date)}DTSTAMP:{world.now:%Y%m%dT%H%M%SZ}\r\nORGANIZER:mailto:{SENDER.address}\r\n"
            f"ATTENDEE;PARTSTAT={partstat}:mailto:{person.email}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        ).encode()
        raw = f"From: {person.email}\r\nContent-Type: text/calendar; method=REPLY\r\n\r\n".encode() + calendar
        seen = registry.read_snapshot(world.store, EVENT_ID, person.registration_id)
        judged = judge(receipt(received_at=world.now), raw, lambda _: seen)
        assert judged.verdict in (Verdict.APPLY, Verdict.LATE)
        assert judged.reply is not None
        applied = replies.apply(
            world.store,
            EVENT_ID,
            person.registration_id,
            judged.reply,
            channel=AnswerChannel.MAIL,
            now=world.now,
        )
        assert applied.outcome is not replies.Outcome.INACTIVE
        self._rung.append(person.registration_id)

    def _recurrence_id(self, date: str | None) -> str:
        if date is None:
            return ""
        return f"RECURRENCE-ID;TZID={self._world.event().when.time_zone}:{local_time(date):%Y%m%dT%H%M%S}\r\n"

    def _know(self, who: str, person: Registration) -> None:
        self._people[who] = person
        self.meet(person)

    def meet(self, person: Registration) -> None:
        """Somebody is there, or is other than before, and their bell is rung."""
        self._met[person.registration_id] = person
        self._rung.append(person.registration_id)

    # --- what nobody does -------------------------------------------------------------------------------------

    @says(r"(?P<count>\d+) (?P<unit>minutes|hours|days) pass")
    def _pass_time(self, count: str, unit: str) -> None:
        self._world.pass_time(**{unit: int(count)})

    @says(rf"The clock shows (?P<time>{DAY} {CLOCK}) UTC")
    def _set_clock(self, time: str) -> None:
        now = datetime.fromisoformat(time).replace(tzinfo=UTC)
        assert now > self._world.now, "time does not go back"
        self._world.now = now

    @says(r"SES (?P<what>throttles|is silent about) the next mail")
    def _ses(self, what: str) -> None:
        refused = Refused(refusal=Refusal.BUSY, why="TooManyRequestsException")
        self._world.answers.append(refused if what == "throttles" else Unknown(why="ReadTimeoutError"))

    @says(r"The mail arrives")
    def _arrive(self) -> None:
        self._world.arrive()

    # --- who looks --------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everybody who has reason to look does so, until at this moment nobody has."""
        world = self._world
        for each in self._rung if self._doorbells else ():
            if each in self._met:
                world.look(self._met[each])
            else:
                begun = world.run(begin(each, world.worker()))
                if begun is not None:
                    world.run(process_batch(begun, world.worker()))
                world.drain()
        world.drain()
        self._rung.clear()
        for _ in range(20):
            if not world.due():
                return
            world.sweep()
        raise AssertionError("the sweeper finds no end")

    # --- what one sees ----------------------------------------------------------------------------------------

    def news(self) -> list[tuple[str, str, Arrived]]:
        """All that has left since somebody asked: to whom, as a line of a story, and the mail itself."""
        fresh = [Arrived(rendered) for rendered in self._world.left[self._read :]]
        self._read += len(fresh)
        return [(_name(rendered.recipient), self._line(rendered), rendered) for rendered in fresh]

    def _line(self, rendered: Arrived) -> str:
        box, who = self._mailboxes[rendered.recipient], _name(rendered.recipient)
        same = [earlier for earlier in box.arrived if earlier.uid == rendered.uid]
        again = bool(same) and same[-1].bytes == rendered.bytes
        assert again or all(earlier.dtstamp < rendered.dtstamp for earlier in same), "DTSTAMP does not rise"
        uid = "new" if rendered.uid not in self._uids else "same" if same and same[-1] is box.arrived[-1] else "older"
        box.take(rendered)
        self._uids.add(rendered.uid)
        if again:
            return f"{who} <- the same bytes again"
        return f"{who} <- {rendered.method} {rendered.sequence}{rendered.about}, {uid} UID, {rendered.says}"

    def mailbox(self, who: str) -> Mailbox:
        return self._mailboxes[who if "@" in who else f"{who.lower()}@example.net"]

    def participation(self, who: str, date: str | None = None) -> str:
        person = self._current(who)
        return decide.participation(person, self._world.invitation(person), local_time(date) if date else None).upper()

    def status(self, who: str) -> str:
        return self._current(who).status.value

    def _current(self, who: str) -> Registration:
        return existing(self._world.reads.registration(EVENT_ID, self._people[who].registration_id))


def when(text: str) -> When:
    """The time in a story, read as the API reads it."""
    if found := re.fullmatch(rf"({DAY})(?: to ({DAY}))?, all day(?: in ({ZONE}))?", text):
        return read_when(start=found[1], end=found[2], duration=None, time_zone=found[3])
    found = existing(re.fullmatch(rf"({DAY}) ({CLOCK}) (?:to (?:({DAY}) )?({CLOCK})|for (P\w+)) ({ZONE})", text))
    end = f"{found[3] or found[1]}T{found[4]}" if found[4] else None
    return read_when(start=f"{found[1]}T{found[2]}", end=end, duration=found[5], time_zone=found[6])


def local_time(text: str) -> LocalTime:
    """A date of a series, by its original start."""
    return read_moment("date", text.replace(" ", "T"))


def _name(email: str) -> str:
    local, _, domain = email.partition("@")
    return local.capitalize() if domain == "example.net" else email
