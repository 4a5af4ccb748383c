"""Judges a history by SES's log, what arrived, what each attempt came to know, and the final tables.

It knows nothing of the protocol.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

from convoke.decision.attention import Unreached
from convoke.decision.fan_out import Batch, FanOut
from convoke.decision.invitation import Invitation
from convoke.mail.notifications import NotificationKind
from convoke.model import DeliveryState, Event, EventStatus, Method, Registration, RegistrationStatus, folded
from convoke.schedule import series, series_changes
from convoke.store import codec, keys, names
from convoke.store.seats import counted
from tests import rfc5546
from tests.rfc5545 import Moment

from .faults import Mode
from .notification_reports import not_reached
from .post import Copy
from .scene import EVENT_ID, SETTINGS, START
from .world import World

G7_IS_BUILT = True
"""Whether production repairs what SES's reports show to have arrived out of order."""

NEVER_TOLD = (DeliveryState.NONE, DeliveryState.PENDING)


class Violation(NamedTuple):
    promise: str
    what: str


class Take(Protocol):
    """How a calendar takes a message; ``whole``: of somebody who comes to all dates."""

    def __call__(self, calendar: rfc5546.Recipient, message: rfc5546.Message, *, whole: bool) -> None: ...


def _literally(calendar: rfc5546.Recipient, message: rfc5546.Message, *, whole: bool) -> None:  # noqa: ARG001
    calendar.take(message)


def _as_it_arrives(calendar: rfc5546.Recipient, message: rfc5546.Message, *, whole: bool) -> None:
    """A date that comes before its series is lost in some calendars."""
    known = calendar.known.get(message.uid)
    if message.recurrence_id is None or not whole or (known is not None and known.whole is not None):
        calendar.take(message)


def _generation(uid: str) -> list[str]:
    """What the UIDs of all entries have in common that were told in one generation of one registration."""
    return uid.partition("@")[0].split(".")[:3]


class Book:
    """All that is known of one history, by registration."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.over = False
        rows = world.tables.rows.get(SETTINGS.registrations_table, {}).get(keys.event(EVENT_ID)["pk"], {})
        others = world.tables.rows.get(SETTINGS.invitations_table, {}).get(keys.event(EVENT_ID)["pk"], {})
        self.event: Event = codec.read(Event, rows[keys.EVENT])
        self.over = series.ends_at(self.event) <= world.instant()
        self.fan_out = codec.read(FanOut, others[keys.FAN_OUT]) if keys.FAN_OUT in others else None
        self.batches = [codec.read(Batch, row) for sk, row in others.items() if sk.startswith(keys.BATCH_PREFIX)]
        self.unreached = {
            row["attention"]["registration_id"]: codec.read(Unreached, row).attention
            for sk, row in others.items()
            if sk.startswith(keys.UNREACHED_PREFIX)
        }
        self.people: dict[str, tuple[Registration, Invitation]] = {}
        for sk, row in rows.items():
            if sk.startswith(keys.REGISTRATION_PREFIX):
                person = codec.read(Registration, row)
                invited = world.tables.row(
                    SETTINGS.invitations_table, keys.invitation(EVENT_ID, person.registration_id)
                )
                assert invited is not None
                self.people[person.registration_id] = person, codec.read(Invitation, invited)
        shards = [row for sk, row in sorted(others.items()) if sk.startswith(f"{keys.SEATS}#")]
        self.seats = counted(others[keys.SEATS], shards)
        self.holds = [row for sk, row in others.items() if sk.startswith("HOLD#")]
        self.erasures = [sk for sk in others if sk.startswith("ERASURE#")]
        self.copies: dict[str, list[Copy]] = defaultdict(list)
        for copy in world.post.accepted:
            self.copies[copy.registration_id].append(copy)

    def given_up(self, rid: str) -> bool:
        """Whether a notification to this person was given up."""
        rows = self.world.tables.rows.get(SETTINGS.invitations_table, {}).get(keys.event(EVENT_ID)["pk"], {})
        first = keys.notification(EVENT_ID, rid, "")["sk"]
        return any(sk.startswith(first) and row["state"] == DeliveryState.FAILED for sk, row in rows.items())

    def in_a_fan_out(self, rid: str) -> bool:
        """Whether a batch or a planner is still to look at this person."""
        planned = self.fan_out is not None and self.fan_out.planning and self.fan_out.planned_to < rid
        return planned or any(batch.after < rid <= batch.through for batch in self.batches)

    def expected(self, person: Registration) -> bool:
        happens = self.event.status in (EventStatus.CONFIRMED, EventStatus.TENTATIVE)
        return happens and person.status is RegistrationStatus.REGISTERED

    def is_cancelled(self, person: Registration) -> bool | None:
        """Whether nothing takes place of what is to come of all that a registration is for; ``None`` where nothing is
        to come, or where a date took place that was to come at the last change: of that only the clock tells.
        """
        event, dates = self.event, [(one.when, one.cancelled) for one in series.occurrences(self.event)]
        if person.occurrences is not None:
            chosen = series_changes.chosen(event, person.occurrences, person.named)
            dates = [(one.when, one.cancelled) for one in chosen.values() if one is not None]
            lost = series_changes.lost(event, person.occurrences, person.named)
            dates += [(when, True) for _, when in lost.values()]
        to_come = [cancelled for when, cancelled in dates if when.ends_at > self.world.instant()]
        if not to_come:
            return None
        if not event.status.expects_people or not all(to_come):
            return not event.status.expects_people
        since = any(when.ends_at > event.updated_at for when, cancelled in dates if not cancelled)
        return None if since else True

    def present(self, title: str) -> str:
        """The present title, where ``title`` counts as equal to it."""
        return self.event.title if title in self.world.titles[-1][1] else title

    def untrue(self, rid: str) -> str:
        """What this attendee's calendar has wrong, if every mail that SES accepted arrived in the order of SEQUENCE."""
        # An added date has an entry of its own, with a UID of the same generation, and may be undone again.
        uids = {copy.uid for copy in self.copies[rid]}
        separate = len(uids) > len({tuple(_generation(uid)) for uid in uids})
        if (
            self.event.recurs
            or separate
            or self.people[rid][0].occurrences is not None  # dates that an undone change took away
            or any(copy.said.recurs or copy.said.recurrence_id for copy in self.copies[rid])
        ):
            return self.untrue_dates(rid, sorted(self.copies[rid], key=lambda copy: copy.sequence), _literally)
        person, invitation = self.people[rid]
        last: dict[str, Copy] = {}
        for copy in sorted(self.copies[rid], key=lambda copy: copy.sequence):
            last[copy.uid] = copy
        newest = max(last.values(), key=lambda copy: copy.sequence, default=None)
        for copy in last.values():
            invites = copy.method == "REQUEST" and not (copy is newest and self.expected(person))
            if invites and not self.cannot_be_told(rid, copy.recipient, copy.uid, invitation):
                return f"SEQUENCE {copy.sequence} invites {copy.recipient}, who should not have it any more"
        if not self.expected(person):
            return ""
        if self.cannot_be_told(rid, person.email, "", invitation):
            return ""
        if newest is None:
            return "was never told"
        if newest.method == "CANCEL":
            return f"SEQUENCE {newest.sequence} cancels what takes place"
        if newest.recipient.casefold() != person.email.casefold():
            return f"was told at {newest.recipient}, not at {person.email}"
        title, start, location, status = newest.content[:4]
        told = (self.present(title), start, location, status)
        event = self.event
        true = (event.title, event.when.start.isoformat(), event.location, event.status.value)
        return "" if told == true else f"was told {told} in SEQUENCE {newest.sequence}, true is {true}"

    def untrue_dates(self, rid: str, copies: list[Copy], take: Take) -> str:
        """What a calendar that takes ``copies``, in this order, has wrong of a series."""
        person, invitation = self.people[rid]
        calendar = rfc5546.Recipient()
        for copy in copies:
            take(calendar, copy.said, whole=person.occurrences is None)
        newest = max(self.copies[rid], key=lambda copy: copy.sequence, default=None)
        expected = self.dates(person) if self.expected(person) else {}
        mine: list[tuple[str, Moment, tuple[Any, ...]]] = []
        for uid, shown in calendar.shows().items():
            recipient = next(copy.recipient for copy in copies if copy.uid == uid)
            if self.cannot_be_told(rid, recipient, uid, invitation):
                return ""
            held = {
                date: (one.start, one.end, self.present(one.title), one.location, one.status)
                for date, one in shown.items()
            }
            if newest is None or _generation(uid) != _generation(newest.uid) or not expected:
                if wrong := self.differs(held, {}):
                    return f"holds under {uid[37:46]}… {wrong}"
                continue
            if recipient.casefold() != person.email.casefold():
                return f"was told at {recipient}, not at {person.email}"
            mine += [(uid, date, one) for date, one in held.items()]
        if not mine and self.cannot_be_told(rid, person.email, "", invitation):
            return ""
        if person.occurrences is not None:
            names = self.names(person)
            return self.differs({names.get(date, date): one for _, date, one in mine}, expected)
        # Whoever comes to all of it may have it in several entries: what counts is what they see, and only once.
        now = self.world.instant()
        held_to_come = sorted(one for _, _, one in mine if one[1] > now)
        true_to_come = sorted(one for one in expected.values() if one[1] > now)
        return "" if held_to_come == true_to_come else f"holds {held_to_come}, true is {true_to_come}"

    def differs(self, held: Mapping[Moment, Any], expected: Mapping[Moment, Any]) -> str:
        """Where the two are not the same. Dates that are over, as either has them, are left alone."""
        now = self.world.instant()
        for date in sorted({*held, *expected}):
            one, other = held.get(date), expected.get(date)
            if one != other and all(each is None or each[1] > now for each in (one, other)):
                return f"{date:%d %H:%M}: {one}, true is {other}"
        return ""

    def dates(self, person: Registration) -> dict[Moment, tuple[Any, ...]]:
        """The dates that ``person`` comes to, by original start as it is now."""
        mine = None if person.occurrences is None else set(self.names(person).values())
        found = {}
        for one in series.occurrences(self.event):
            date = one.date.replace(tzinfo=UTC)  # type: ignore[call-arg]
            if not one.cancelled and (mine is None or date in mine):
                status = self.event.status.value.upper()
                found[date] = (one.when.starts_at, one.when.ends_at, one.title, one.location, status)
        return found

    def names(self, person: Registration) -> dict[Moment, Moment]:
        """What the dates that ``person`` chose are called now."""
        names = series_changes.named(self.event, person.occurrences or (), person.named)
        return {was.replace(tzinfo=UTC): now.replace(tzinfo=UTC) for was, now in names.items()}  # type: ignore[call-arg]

    def cannot_be_told(self, rid: str, address: str, uid: str, invitation: Invitation) -> bool:
        """Whether it shows why not: the address, the mail that was given up, or the clock."""
        person, _ = self.people[rid]
        if invitation.state is DeliveryState.FAILED or invitation.stop_of(address) is not None or self.over:
            return True
        if person.status is RegistrationStatus.ERASED and (rid, address) in self.world.post.returned:
            return True
        return self.failed_to_cancel(rid, uid)

    def failed_to_cancel(self, rid: str, uid: str | None = None) -> bool:
        """Whether a CANCEL to this person, under this UID or (``None``) any, was given up."""
        return any(
            attempt.fate == "failed"
            and attempt.method == "CANCEL"
            and attempt.registration_id == rid
            and uid in (None, attempt.uid)
            for attempt in self.world.post.attempts
        )


def while_it_lives(world: World) -> Iterator[Violation]:
    """What holds at every moment: whatever is not true yet is due (G1)."""
    book = Book(world)
    for rid, (_, invitation) in book.people.items():
        if invitation.due_key is not None or book.in_a_fan_out(rid):
            continue
        if wrong := book.untrue(rid):
            yield Violation("G1", f"{rid[6:10]} {wrong}, and nothing is due")


def at_the_end(world: World) -> Iterator[Violation]:
    book = Book(world)
    if still := world.due():
        due = ", ".join(f"{sk[:10]}…{sk[-30:-26]} {row['due_key']}" for (_, sk), row in still.items())
        yield Violation("G2", f"still due after all the minutes that nothing went wrong: {due}")
    for rid in book.people:
        yield from (Violation(promise, f"{rid[6:10]} {what}") for promise, what in _person(book, rid))
    yield from _seats(book)
    yield from (Violation("approval", what) for what in _decisions(book))
    yield from _in_vain(world)
    if book.fan_out is not None or book.batches:
        yield Violation("G2", f"is still being told: {book.fan_out}, {book.batches}")
    yield from (Violation("effort", what) for what in _two_at_one_batch(world))
    yield from (Violation("pressing", what) for what in world.delayed)
    yield from (Violation("notifications", what) for what in (*world.notifications.broken, *_counted_in_vain(world)))
    yield from (Violation("pace", what) for what in (*world.unpaced, *_too_many(world)))
    if book.holds:
        yield Violation("G1", f"seats are kept for longer than was said: {book.holds}")
    yield from (Violation("hold", what) for what in world.holds.broken)
    if book.erasures:
        yield Violation("G1", f"was not forgotten: {book.erasures}")
    yield from (Violation("names", what) for what in _names(book))
    yield from (Violation("waiting", what) for what in _waiting(book))
    yield from (Violation("attention", what) for what in not_reached(book))


def _waiting(book: Book) -> Iterator[str]:
    """Whoever was mailed or shown that they wait, and does, or got a seat and was not invited, was mailed last what is
    true, at the address that they have: that they wait, or that the event is cancelled, or the dates of it that are
    theirs.
    """
    world = book.world
    for rid in {*world.notifications.wait_mails, *world.shown} & book.people.keys():
        mails, (person, invitation) = world.notifications.wait_mails.get(rid, []), book.people[rid]
        waits = person.status in (RegistrationStatus.WAITLISTED, RegistrationStatus.PENDING)
        cancelled = book.is_cancelled(person)
        if cancelled is None:
            continue
        takes_place = not cancelled
        not_invited = person.status is RegistrationStatus.REGISTERED and not book.copies[rid] and not takes_place
        stopped = invitation.stop_of(person.email) is not None or book.given_up(rid)
        # Of a cancellation that SES rejects the organizer is shown that it failed.
        stopped = stopped or (not_invited and book.failed_to_cancel(rid))
        if not (waits or not_invited) or stopped or world.zombies or book.over:
            continue
        here = [kind for kind, address in mails if folded(address) == folded(person.email)]
        last = world.post.last_to(rid, person.email)
        if last is not None and last.method == Method.CANCEL and last.cancelled and not takes_place:
            continue
        if not here or (here[-1] is not NotificationKind.CANCELLED) is not takes_place:
            yield f"{rid[6:10]} waits, and was mailed {mails}; takes place: {takes_place}, {book.event.status}"


def _names(book: Book) -> Iterator[str]:
    """Whoever is registered, or was, is found by their name and address as they are now; whoever is erased by none."""
    rows = book.world.tables.rows.get(SETTINGS.registrations_table, {}).get(keys.event(EVENT_ID)["pk"], {})
    for rid, (person, _) in book.people.items():
        row = rows[f"{keys.REGISTRATION_PREFIX}{rid}"]
        stored, true = {name: row[name] for name in names.ATTRIBUTES if name in row}, names.attributes(person)
        if stored != true:
            yield f"{rid[6:10]} is found by {stored}, and should be by {true}"


def _counted_in_vain(world: World) -> Iterator[str]:
    """Where nothing goes wrong, no more notifications are counted against the limits than were sent, but for those that
    their senders had counted when all machines were lost.
    """
    rows = world.tables.rows.get(SETTINGS.invitations_table, {}).get(keys.event(EVENT_ID)["pk"], {})
    count = sum(row["total"] for sk, row in rows.items() if sk.startswith("DAILY_COUNT#"))
    if world.mode is Mode.NONE and count > world.notifications.sent + world.senders_lost:
        yield f"{count} are counted, and {world.notifications.sent} were sent"


def _too_many(world: World) -> Iterator[str]:
    """In no second more turns are drawn than the account's rate allows."""
    for pk, partition in world.tables.rows.get(SETTINGS.invitations_table, {}).items():
        if world.rate is not None and pk.startswith("PACE#"):
            drawn, most = max(row["drawn"] for row in partition.values()), math.ceil(world.rate)
            if drawn > most:
                yield f"{drawn} turns are drawn in a second that has {most}"


def _two_at_one_batch(world: World) -> Iterator[str]:
    """No worker begins with a batch that another one still has. Clocks may differ by three seconds."""
    leases: dict[tuple[int, str], float] = {}
    happened = [(at, 1, batch) for batch, at in world.taken] + [(at, 0, batch) for batch, at in world.given_up]
    for at, taken, batch in sorted(happened, key=lambda each: each[:2]):
        name = batch.version, batch.first
        assert batch.lease_until is not None
        lease = (batch.lease_until - START).total_seconds()
        if not taken and leases.get(name) == lease:
            del leases[name]
        elif taken:
            if leases.get(name, 0.0) > at + 3:
                yield f"two workers are at the batch {name} at once"
            leases[name] = lease


def _person(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    world, copies = book.world, book.copies[rid]
    person, invitation = book.people[rid]
    if wrong := book.untrue(rid):
        yield "G2", wrong
    if world.zombies:
        yield from _mended(book, rid)
    else:
        yield from _order(copies)
        yield from _duplicates(book, rid)
    yield from _quiet(book, rid)
    yield from _meanings(copies)
    yield from _lives(book, rid)
    yield from _state(book, rid)
    asked = invitation.resend - (invitation.acknowledged.resend if invitation.acknowledged else 0)
    if asked > 0 and copies and not book.over and person.status is not RegistrationStatus.ERASED:
        stopped = invitation.acknowledged and invitation.stop_of(invitation.acknowledged.calendar_state.recipient)
        # That SES refused it for good is shown; or, graver and as true, that what was sent before came back.
        refused = invitation.intent is not None and invitation.intent.failed
        shown = invitation.state is DeliveryState.FAILED or (refused and invitation.state is DeliveryState.BOUNCED)
        if not stopped and not shown:
            yield "G1", "a message that was asked for once more was not sent"
    # What a zombie writes down after all was erased is beyond any condition.
    if person.status is RegistrationStatus.ERASED and not world.zombies:
        yield from _canaries(book, rid)
    if G7_IS_BUILT and world.reports_heard:
        yield from _arrivals(book, rid)


def _order(copies: list[Copy]) -> Iterator[tuple[str, str]]:
    highest: dict[str, int] = {}
    for copy in copies:
        if copy.sequence < highest.get(copy.uid, -1):
            yield "G3", f"SES accepts SEQUENCE {copy.sequence} after {highest[copy.uid]}"
        highest[copy.uid] = max(copy.sequence, highest.get(copy.uid, -1))


def _quiet(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    """Nobody whose calendar is known is told only of a title that counted as equal to the one they had."""
    attempts = {each.name: each for each in book.world.post.attempts if each.registration_id == rid}
    if book.people[rid][1].repair or any(each.fate not in ("accepted", "refused") for each in attempts.values()):
        return
    moments = book.world.titles
    ends = [moment for moment, _ in moments[1:]] + [float("inf")]
    for one, other in pairwise(sorted(book.copies[rid], key=lambda copy: copy.sequence)):
        attempt = attempts.get(other.attempt)
        if attempt is None:
            continue  # nobody claimed it, which breaks other promises
        equal = [
            titles
            for (since, titles), end in zip(moments, ends, strict=True)
            if since <= attempt.until and end >= attempt.began
        ]
        same_but_for_title = (one.uid, one.method, one.content[1:]) == (other.uid, other.method, other.content[1:])
        if (
            same_but_for_title
            and one.content[0] != other.content[0]
            and all({one.content[0], other.content[0]} <= titles for titles in equal)
        ):
            yield "quiet", f"is told in SEQUENCE {other.sequence} of a change that nobody is to be told of"


def _mended(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    """A zombie breaks the order; where it lives to see that it was overtaken, the newest message is said once more."""
    person, invitation = book.people[rid]
    fates = {attempt.name: attempt.fate for attempt in book.world.post.attempts}
    last: dict[str, Copy] = {}
    for copy in book.copies[rid]:
        last[copy.uid] = copy
    newest = max((copy.sequence for copy in book.copies[rid]), default=-1)
    for uid, copy in last.items():
        highest = max((each for each in book.copies[rid] if each.uid == uid), key=lambda each: each.sequence)
        if copy.sequence < highest.sequence == newest and fates[copy.attempt] == "mended":
            erased = person.status is RegistrationStatus.ERASED
            if not erased and not book.cannot_be_told(rid, copy.recipient, uid, invitation):
                yield "G3", f"SES accepts SEQUENCE {copy.sequence} after {highest.sequence}, which is not said again"


def _meanings(copies: list[Copy]) -> Iterator[tuple[str, str]]:
    said: dict[tuple[str, int], Copy] = {}
    for copy in copies:
        first = said.setdefault((copy.uid, copy.sequence), copy)
        if first.calendar != copy.calendar:
            yield "G4", f"SEQUENCE {copy.sequence} says both {first.calendar!r} and {copy.calendar!r}"
    moments = [(copy.uid, copy.sequence, copy.dtstamp) for copy in said.values()]
    moments.sort()
    for (uid, sequence, dtstamp), (next_uid, _, next_dtstamp) in pairwise(moments):
        if uid == next_uid and next_dtstamp <= dtstamp:
            yield "G4", f"DTSTAMP does not rise after SEQUENCE {sequence}"


def _duplicates(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for copy in book.copies[rid]:
        counts[copy.uid, copy.sequence] += 1
    asked = book.world.resends.get(rid, 0)
    for (uid, sequence), count in counts.items():
        if count > 1:
            unknown = sum(
                attempt.fate == "unknown" and attempt.uid == uid and attempt.sequence == sequence
                for attempt in book.world.post.attempts
            )
            if count - 1 > unknown + asked:
                yield "G5", f"{count} copies of SEQUENCE {sequence}, {unknown} unknown outcomes, {asked} asked for"


def _lives(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    """No CANCEL where no REQUEST can have left; nothing under a UID after its CANCEL."""
    invited = {
        attempt.uid
        for attempt in book.world.post.attempts
        if attempt.method == "REQUEST" and attempt.registration_id == rid and attempt.fate not in ("refused", "failed")
    }
    gone: dict[str, int] = {}
    for copy in sorted(book.copies[rid], key=lambda copy: copy.sequence):
        if copy.method == "CANCEL":
            if copy.said.recurrence_id is None:
                gone[copy.uid] = copy.sequence
            if copy.uid not in invited:
                yield "G6", f"SEQUENCE {copy.sequence} cancels what nobody was invited to"
        elif copy.uid in gone and not book.world.zombies:
            yield "G4", f"SEQUENCE {copy.sequence} invites under a UID that was cancelled"


def _state(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    person, invitation = book.people[rid]
    copies, state = book.copies[rid], invitation.state
    # Who was erased and is forgotten since the event is over has no registration that could show anything.
    forgotten = person.status is RegistrationStatus.ERASED and book.over
    if copies and state in NEVER_TOLD and not forgotten:
        yield "G8", f"shows {state} of what SES accepted"
    if state is DeliveryState.DELIVERED and invitation.acknowledged is not None:
        told = invitation.acknowledged.calendar_state
        if (told.entry_uid, told.sequence) not in book.world.post.delivered:
            yield "G8", f"shows SEQUENCE {told.sequence} as delivered, which never arrived"
    if state is DeliveryState.ACCEPTED and invitation.acknowledged is not None and not book.world.resends.get(rid):
        sequence = invitation.acknowledged.calendar_state.sequence
        if (rid, sequence) in book.world.reported:
            yield "G8", f"shows SEQUENCE {sequence} as accepted, of which more was reported"
    if state is DeliveryState.ACCEPTED and not copies:
        yield "G8", "shows as accepted what was never sent"
    if state is DeliveryState.EXPIRED and not book.over:
        yield "G8", "shows as expired what is not over"


def _seats(book: Book) -> Iterator[Violation]:
    yield from (Violation("G1", each) for each in book.world.overbooked)
    seats, people = book.seats, [person for _, (person, _) in sorted(book.people.items())]
    come = [person for person in people if person.status is RegistrationStatus.REGISTERED]
    wait = [person for person in people if person.status is RegistrationStatus.WAITLISTED]
    taken = sum(person.seats for person in come) + seats.held
    if seats.held != sum(hold["seats"] for hold in book.holds):
        yield Violation("G1", f"{seats} counts wrongly what is kept: {book.holds}")
    if (seats.taken, seats.waiting) != (taken, len(wait)):
        yield Violation("G1", f"{seats} counts wrongly: {taken} come, {len(wait)} wait")
    pending = sum(person.status is RegistrationStatus.PENDING for person in people)
    if seats.pending != pending:
        yield Violation("G1", f"{seats} counts wrongly: {pending} are pending")
    # Who needs more seats than there are at all waits in vain, and nobody waits behind them.
    needed = [person.seats for person in wait if seats.capacity is None or person.seats <= seats.capacity]
    free = needed and (seats.capacity is None or seats.taken + needed[0] <= seats.capacity)
    if seats.open and free and not book.over:
        yield Violation("G1", f"{seats}: somebody waits for {needed[0]} seats that are free")


def _decisions(book: Book) -> Iterator[str]:
    """Who is pending comes only if the organizer accepted them; whom they turned down does not come; and turning
    somebody down takes no seat away.
    """
    comes = (RegistrationStatus.REGISTERED, RegistrationStatus.WAITLISTED)
    for rid, (person, _) in book.people.items():
        statuses = [status for _, ((status, _),) in book.world.truths[f"{keys.REGISTRATION_PREFIX}{rid}"]]
        steps = list(pairwise(statuses))
        accepted = sum(before is RegistrationStatus.PENDING and now in comes for before, now in steps)
        left = sum(before in comes and now is RegistrationStatus.CANCELLED for before, now in steps)
        if accepted > book.world.accepted[rid]:
            yield f"{rid[6:10]} was pending, and comes without a decision: {statuses}"
        # Of a site's table, it says who goes.
        if left > book.world.left[rid] and person.source is None:
            yield f"{rid[6:10]} came, and was turned down: {statuses}"
        gone = (RegistrationStatus.CANCELLED, RegistrationStatus.ERASED)
        if rid in book.world.turned_down and person.status not in gone:
            yield f"{rid[6:10]} was turned down, and is {person.status}"


def _in_vain(world: World) -> Iterator[Violation]:
    """Nobody sets out to say what has not been true since they began, nor to invite whom they know to be gone."""
    for attempt in world.post.attempts:
        if attempt.method == "REQUEST" and attempt.claimed:
            person = world.truths[f"{keys.REGISTRATION_PREFIX}{attempt.registration_id}"]
            if not _was(attempt.said, world.truths[keys.EVENT], attempt.began, attempt.until):
                yield Violation("stale", f"{attempt.name} sets out to say {attempt.said}, which is not true any more")
            elif not _was(attempt.to, person, attempt.at, attempt.until):
                yield Violation("stale", f"{attempt.name} sets out to invite {attempt.to[1]}, who does not come")


def _was(said: tuple[str, ...], truths: list[tuple[float, tuple[Any, ...]]], since: float, until: float) -> bool:
    """Whether this was true at some moment between two."""
    ends = [moment for moment, _ in truths[1:]] + [until]
    return any(
        said in true and begins <= until and ends_at >= since
        for (begins, true), ends_at in zip(truths, ends, strict=True)
    )


def _canaries(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    names = {copy.recipient for copy in book.copies[rid]} | {email for who, email in book.world.known if who == rid}
    for table, partitions in book.world.tables.rows.items():
        for pk, partition in partitions.items():
            for sk, row in partition.items():
                if rid in pk or rid in sk:
                    text = repr(row)
                    if "Name " in text or any(name in text for name in names):
                        yield "erasure", f"{table} {sk[:12]} still knows the person: {text}"


def _is_over(message: rfc5546.Message, now: datetime) -> bool:
    """Whether the one entry that it is about ended before ``now``. Of a series only the event knows."""
    return not message.recurs and isinstance(message.end, datetime) and message.end <= now


def _arrivals(book: Book, rid: str) -> Iterator[tuple[str, str]]:
    """No invitation is put back by arriving after its cancellation: then the cancellation comes once more (G7). No date
    is lost by arriving before its series.
    """
    person, invitation = book.people[rid]
    if book.event.recurs and person.status is not RegistrationStatus.ERASED:
        arrived = [copy for _, copy in book.world.post.arrived if copy.registration_id == rid]
        everything = {(copy.uid, copy.sequence) for copy in book.copies[rid]}
        all_arrived = everything == {(copy.uid, copy.sequence) for copy in arrived}
        if all_arrived and (wrong := book.untrue_dates(rid, arrived, _as_it_arrives)):
            yield "G7", wrong
    by_uid: dict[str, list[Copy]] = defaultdict(list)
    for _, copy in book.world.post.arrived:
        if copy.registration_id == rid:
            by_uid[copy.uid].append(copy)
    newest = max((copy.sequence for copy in book.copies[rid]), default=-1)
    for uid, copies in by_uid.items():
        highest = max(copies, key=lambda copy: copy.sequence)
        if highest.method != "CANCEL" or copies[-1].method == "CANCEL" or highest.sequence < newest:
            continue
        if highest.said.recurrence_id is not None:
            continue
        if person.status is RegistrationStatus.ERASED:
            continue
        # Of an entry that is over by itself there is nothing to repair any more: nobody goes there.
        if all(_is_over(copy.said, book.world.instant()) for copy in (highest, copies[-1])):
            continue
        if not book.cannot_be_told(rid, highest.recipient, uid, invitation):
            yield "G7", f"SEQUENCE {copies[-1].sequence} arrived after {highest.sequence}, which cancels it"
