"""The fake tables beside real ones: the same random operations, by production's store, must get the same answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

from convoke import effects
from convoke.decision.calendar_state import RenderedMail
from convoke.decision.decide import next_message
from convoke.decision.fan_out import Batch, FanOut
from convoke.decision.invitation import Acknowledged, Intent, Invitation, StoredMessage
from convoke.model import DeliveryState, RegistrationStatus
from convoke.registrations import erasure, events, registry, waitlist
from convoke.store import dynamo, keys
from convoke.store.store import Store
from tests import factories

from .scene import EVENT_ID, SENDER, SETTINGS, START
from .tables import Tables

PEOPLE = 4


class Operations:
    """One store over one client, asked by one seed: two of these with the same seed ask the same."""

    def __init__(self, client: Any, seed: int) -> None:
        self.store = store = Store(client, SETTINGS)
        self.dice = Random(seed)  # noqa: S311 (chance, not a secret)
        self.reads = store.reads
        self.invitations = store.invitations
        self.records = store.records
        self.now = START
        self.seen: list[Invitation] = []
        self.taken: list[Batch] = []
        self.claimed: list[tuple[Invitation, Invitation]] = []

    def begin(self) -> None:
        event = factories.event(event_id=EVENT_ID, title="A", capacity=2)
        events.create_event(self.store, event)

    def one(self) -> tuple[str, Any]:
        """Do one thing by chance; answer its name and what came of it, errors included."""
        self.now += timedelta(seconds=self.dice.randrange(1, 30))
        name = self.dice.choice(NAMES)
        try:
            return name, getattr(self, name)()
        except (dynamo.Contention, dynamo.Refused) as error:
            return name, repr(error)

    # --- of the API -------------------------------------------------------------------------------------------

    def _rid(self) -> str:
        return f"{self.dice.randrange(PEOPLE):010d}{EVENT_ID}"

    def register(self) -> Any:
        rid = self._rid()
        person = factories.registration(
            event_id=EVENT_ID,
            registration_id=rid,
            email=f"person{self.dice.randrange(PEOPLE)}@example.net",
            guests=self.dice.choice((0, 0, 1)),
            created_at=self.now,
            updated_at=self.now,
        )
        if self.reads.registration(EVENT_ID, rid) is not None:
            return "known"
        return registry.register(self.store, person, now=self.now)

    def withdraw(self) -> Any:
        return registry.withdraw(self.store, EVENT_ID, self._rid(), now=self.now)

    def readdress(self) -> Any:
        changes = {"email": f"person{self.dice.randrange(PEOPLE)}@example.net"}
        return registry.change_registration(
            self.store, EVENT_ID, self._rid(), changes=changes, priority=1, now=self.now
        )

    def resend(self) -> Any:
        return registry.resend(self.store, EVENT_ID, self._rid(), now=self.now)

    def erase(self) -> Any:
        return erasure.erase(self.store, EVENT_ID, self._rid(), now=self.now)

    def forget(self) -> Any:
        return erasure.forget(self.store, EVENT_ID, self._rid(), now=self.now)

    def promote(self) -> Any:
        return waitlist.promote(self.store, EVENT_ID, now=self.now)

    def change(self) -> Any:
        before = self.reads.event(EVENT_ID)
        assert before is not None
        version = before.version + self.dice.choice((0, 1, 1, 1))
        after = replace(before, version=version, title=self.dice.choice("AB"), capacity=self.dice.choice((1, 2, None)))
        seen = replace(before, version=before.version - self.dice.choice((0, 0, 0, 1)))
        return events.change_event(self.store, seen, after, priority=1, now=self.now)

    # --- of delivery ------------------------------------------------------------------------------------------

    def look(self) -> Any:
        rid = self._rid()
        invitation = self.reads.invitation(EVENT_ID, rid)
        if invitation is not None:
            self.seen.append(invitation)
        return invitation, self.reads.registration(EVENT_ID, rid)

    def _any_seen(self) -> Invitation | None:
        return self.dice.choice(self.seen[-6:]) if self.seen else None

    def claim(self) -> Any:
        seen, event = self._any_seen(), self.reads.event(EVENT_ID)
        if seen is None or event is None:
            return None
        person = self.reads.registration(EVENT_ID, seen.registration_id)
        if person is None:
            return None
        message = next_message(event, replace(person, status=RegistrationStatus.REGISTERED), None, SENDER, self.now)
        assert message is not None
        intent = Intent(
            calendar_state=message.calendar_state(sequence=seen.allocated + 1, dtstamp=self.now),
            attempt=f"{self.dice.randrange(1 << 30)}",
        )
        lease = self.now + timedelta(seconds=48)
        claimed = self.invitations.claim(
            effects.Claim(seen=seen, intent=intent, lease_until=lease, due_key=keys.due_key(1, lease), now=self.now)
        )
        if claimed is not None:
            self.claimed.append((claimed, seen))
        return claimed

    def _any_claim(self) -> tuple[Invitation, Invitation] | None:
        return self.dice.choice(self.claimed[-3:]) if self.claimed else None

    def clear(self) -> Any:
        seen = self._any_seen()
        return seen and self.invitations.clear_due(effects.ClearDue(seen=seen, expired=self.dice.random() < 0.3))

    def give_back(self) -> Any:
        claim, due = self._any_claim(), self.dice.choice((None, keys.due_key(1, self.now)))
        return claim and self.invitations.release_claim(
            effects.ReleaseClaim(claimed=claim[0], before=claim[1], due_key=due, attempts=1, failed=due is None)
        )

    def wait(self) -> Any:
        claim = self._any_claim()
        return claim and self.invitations.hold_claim(
            effects.HoldClaim(claimed=claim[0], due_key=keys.due_key(0, self.now))
        )

    def acknowledge(self) -> Any:
        claim, due = self._any_claim(), self.dice.choice((None, keys.due_key(1, self.now)))
        if claim is None or claim[0].intent is None:
            return None
        acknowledged = Acknowledged(calendar_state=claim[0].intent.calendar_state, ses_id="ses", at=self.now)
        return self.invitations.acknowledge(
            effects.Acknowledge(claimed=claim[0], acknowledged=acknowledged, due_key=due)
        )

    def amend(self) -> Any:
        seen = self._any_seen()
        return seen and self.invitations.store_report(
            effects.StoreReport(seen=seen, changed=replace(seen, state=self.dice.choice(tuple(DeliveryState))))
        )

    def wakeups(self) -> Any:
        return self.invitations.wake_up(
            effects.WakeUp(
                event_id=EVENT_ID,
                registration_id=self._rid(),
                due_key=keys.due_key(self.dice.randrange(3), self.now),
                repair=self.dice.random() < 0.5,
            )
        )

    def keep(self) -> Any:
        claim = self._any_claim()
        if claim is None or claim[0].intent is None:
            return None
        rendered = RenderedMail(calendar=bytes([self.dice.randrange(256)]), mail=b"mail")
        told, rid = claim[0].intent.calendar_state, claim[0].registration_id
        kept = self.records.store_message(
            StoredMessage(
                registration_id=rid, event_id=EVENT_ID, calendar_state=told, rendered=rendered, written_at=self.now
            )
        )
        return kept, self.reads.stored(rid, told.sequence)

    def sent(self) -> Any:
        return self.records.record_sent(
            effects.RecordMessageState(
                registration_id=self._rid(),
                sequence=self.dice.randrange(3),
                state=self.dice.choice((DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.BOUNCED)),
                ses_id="ses",
                at=self.now,
            )
        )

    def plan(self) -> Any:
        found = self.reads.fan_out(EVENT_ID)
        seen = found if found and self.dice.random() < 0.8 else FanOut(event_id=EVENT_ID, version=self._version())
        ids = self.reads.invitation_ids(EVENT_ID, seen.planned_to, self.dice.randrange(3))
        batches = tuple(
            (
                Batch(event_id=EVENT_ID, version=seen.version, first=each, after=each, through="~"),
                keys.due_key(self.dice.randrange(3), self.now),
            )
            for each in ids
        )
        through, people = (ids[-1] if ids else seen.planned_to), len(ids)
        due_key = self.dice.choice((None, keys.due_key(1, self.now)))
        effect = effects.PlanBatches(seen=seen, batches=batches, through=through, people=people, due_key=due_key)
        return ids, self.store.fan_outs.plan_batches(effect)

    def take(self) -> Any:
        hint = effects.BatchHint(event_id=EVENT_ID, version=self._version(), first=self._rid())
        lease = self.now + timedelta(seconds=self.dice.randrange(60))
        batch = self.store.fan_outs.claim_batch(effects.ClaimBatch(hint=hint, now=self.now, lease_until=lease))
        if batch is not None:
            self.taken.append(batch)
        return batch

    def move(self) -> Any:
        if not self.taken:
            return None
        effect = effects.MoveBatch(
            batch=self.dice.choice(self.taken), after=self._rid(), due_key=keys.due_key(1, self.now)
        )
        return self.store.fan_outs.move_batch(effect)

    def end(self) -> Any:
        if not self.taken:
            return None
        return self.store.fan_outs.end_batch(effects.EndBatch(batch=self.dice.choice(self.taken)))

    def _version(self) -> int:
        fan_out = self.reads.fan_out(EVENT_ID)
        return fan_out.version if fan_out and self.dice.random() < 0.7 else self.dice.randrange(5)

    def put_off(self) -> Any:
        return [
            self.records.postpone(effects.Postpone(due=due, due_key=keys.due_key(1, self.now)))
            for due in self.dues()[:2]
        ]

    def dues(self) -> Any:
        return sorted(
            (
                due
                for shard in (*keys.SHARDS, *keys.TASK_SHARDS)
                for priority in range(3)
                for due in self.reads.due(shard, priority, self.now, 9)
            ),
            key=repr,
        )

    def ranges(self) -> Any:
        after, through = sorted(("", self._rid()))
        return self.reads.invitations(EVENT_ID, after, 2), self.reads.registrations(EVENT_ID, after, through)

    def stop(self) -> Any:
        until = self.now + timedelta(seconds=self.dice.randrange(600))
        self.records.stop_sending(effects.StopSending(until=until, why="paused"))
        return self.reads.sending()


_NOT_OPERATIONS = {"begin", "one"}
NAMES = [name for name in vars(Operations) if not name.startswith("_") and name not in _NOT_OPERATIONS] + [
    "register",
    "look",
    "look",
    "claim",
    "claim",
]


def stored(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """All that stands in the fake tables, each table's items by their keys, as ``everything`` shows the real ones."""
    return {
        table: sorted(
            (dict(row) for partition in partitions.values() for row in partition.values()),
            key=lambda row: (row["pk"], row["sk"]),
        )
        for table, partitions in tables.rows.items()
    }


def without_claims(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """What stands in the tables that have anything; of the ids of claims, which are chance, only where there is one."""
    return {
        table: [{name: value if name != "claim" else "an id" for name, value in row.items()} for row in rows]
        for table, rows in tables.items()
        if rows
    }
