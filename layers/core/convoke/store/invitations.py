"""The conditional writes to single invitations.

Every write is conditional on the fence that was read, and raises it. Only a wake-up is unconditional, so that a reason
to look again cannot be lost to a concurrent write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeGuard, TypeVar

from .. import effects
from ..decision.decide import CHANGE, URGENT
from ..decision.invitation import Acknowledged, Intent, Invitation, WaitMail, WaitMailed
from ..effects import AcknowledgeResult
from ..mail.notifications import SentWaitMail
from ..model import DeliveryState
from . import attention, codec, conditions, keys
from .dynamo import Item
from .outbox import About, Outbox
from .records import Records
from .repository import Repository
from .writes import DUE, NOTHING_ELSE, Action, alone, check, put, update

Told = TypeVar("Told", Intent, Acknowledged)

# The condition of each write: a mutant of the simulator replaces one of them.
UPON_WAKING_ALONE = UPON_WAKING_WITH_A_CHANGE = conditions.DUE_AS_IT_WAS
UPON_MOVING_TO_AN_ADDRESS = conditions.FENCE_UNCHANGED
UPON_CLEARING = UPON_CLAIMING = UPON_SETTLING = UPON_ERASING = UPON_CLAIMING_A_WAIT_MAIL = (
    conditions.FENCE_AND_WAKEUPS_UNCHANGED
)

UPON_REPORTING_A_WAIT_MAIL = conditions.FENCE_AND_WAKEUPS_UNCHANGED
UPON_STORING_A_WAIT_MAIL = conditions.NO_MESSAGE_SINCE
UPON_STORING_AN_UNCERTAIN_WAIT_MAIL = conditions.WAIT_MAIL_UNCHANGED

MESSAGE = "message"
"""The name of the action that records in a stored message why it was given up."""
POSSIBLY_SENT = ("highest_possibly_sent", "possibly_sent")
STATES = ("intent", "acknowledged", "possibly_sent")
"""The attributes that have a calendar state, most often the same one: see :func:`_some`."""


class Invitations(Repository):
    """Carries out the effects that write to one invitation, each as it says.

    A result of ``False``, ``None`` or ``OVERTAKEN`` says that another writer was faster and nothing was written.
    """

    def new_action(self, invitation: Invitation) -> Action:
        """The action that stores an invitation, due from its due key on."""
        return put(self._sent, invitation_item(invitation), conditions.NEW)

    def clear_due(self, effect: effects.ClearDue) -> bool:
        changes = {"state": DeliveryState.EXPIRED.value} if effect.expired else {}
        return self._update(effect.seen, changes, DUE, UPON_CLEARING, effect.seen.wakeups)[0]

    def defer(self, effect: effects.Defer) -> bool:
        seen = effect.seen
        due = codec.due_attributes(seen.registration_id, effect.due_key)
        return self._update(seen, due, (), UPON_CLEARING, seen.wakeups)[0]

    def claim(self, effect: effects.Claim) -> Invitation | None:
        """Write the intent and the lease. Returns the invitation as this claim wrote it."""
        seen, intent = effect.seen, effect.intent
        sequence = intent.calendar_state.sequence
        claimed = replace(
            seen,
            generation=intent.calendar_state.generation,
            fence=seen.fence + 1,
            allocated=max(seen.allocated, sequence),
            highest_possibly_sent=sequence,
            possibly_sent=intent.calendar_state,
            intent=intent,
            lease_until=effect.lease_until,
            mailed=seen.mailed.plus(effect.now) if sequence > seen.allocated else seen.mailed,
            wait_mail=effect.wait_mail,
            due_key=keys.keep_due_since(effect.due_key, seen.due_key),
        )
        names = ("generation", "allocated", "highest_possibly_sent", "lease_until", "mailed")
        changes = _some(claimed, *names, *STATES)
        changes |= codec.due_attributes(seen.registration_id, claimed.due_key)
        forgotten = () if claimed.wait_mail is not None or seen.wait_mail is None else ("wait_mail",)
        if claimed.wait_mail is not None and claimed.wait_mail != seen.wait_mail:
            changes["wait_mail"] = codec.value(claimed.wait_mail)
        written, existing = self._update(seen, changes, forgotten, UPON_CLAIMING, seen.wakeups)
        # botocore repeats a request whose response was lost: then the stored claim is this one. It is returned as it
        # was made, without wake-ups that were added since, since those have not been looked at.
        return claimed if written or _still_claimed(existing, claimed) else None

    def release_claim(self, effect: effects.ReleaseClaim) -> bool:
        """End a claim of which it is certain that nothing left, with what may have been sent as it was before it."""
        claimed = effect.claimed
        assert claimed.intent is not None  # noqa: S101 (what was claimed has an intent)
        intent = replace(claimed.intent, failed=effect.failed, unknowns=claimed.intent.unknowns - 1)
        changes = {"intent": codec.value(intent), "attempts": effect.attempts}
        also: dict[str, Action] = {}
        if effect.failed:
            changes |= {"state": DeliveryState.FAILED.value, "reason": effect.reason}
            also = self._give_up_actions(claimed, intent.calendar_state.sequence, effect)
        if effect.wait_mail != claimed.wait_mail:
            changes["wait_mail"] = codec.value(effect.wait_mail)
        before = possibly_sent_before(effect)
        remove = ("lease_until", *(name for name in POSSIBLY_SENT if name not in before))
        return self._settle(claimed, {**changes, **before}, remove, effect.due_key, also) is not _OVERTAKEN

    def _give_up_actions(self, claimed: Invitation, sequence: int, effect: effects.ReleaseClaim) -> dict[str, Action]:
        """The actions beside an invitation whose message is given up: the reason, the webhook event, and a survey."""
        event, records = effect.webhook_event, Records(self.client, self.settings)
        also = {MESSAGE: records.give_up_action(claimed.registration_id, sequence, effect.reason)}
        if event is not None:
            surveys = attention.Surveys(self.client, self.settings)
            survey = surveys.at_action(claimed.event_id, keys.due_key(CHANGE, event.at))
            also |= {"survey": survey, **self.webhook_event_actions(event)}
        return also

    def hold_claim(self, effect: effects.HoldClaim) -> bool:
        return self._settle(effect.claimed, {}, (), effect.due_key) is not _OVERTAKEN

    def acknowledge(self, effect: effects.Acknowledge) -> AcknowledgeResult:
        changes = _some(replace(effect.claimed, acknowledged=effect.acknowledged), "acknowledged")
        changes |= {"attempts": 0, "state": DeliveryState.ACCEPTED.value, "reason": ""}
        return self._settle(effect.claimed, changes, ("lease_until",), effect.due_key)

    def store_report(self, effect: effects.StoreReport) -> bool:
        seen, changed, condition = effect.seen, effect.changed, conditions.FENCE_UNCHANGED
        changes = _some(changed, "intent", "acknowledged", "stopped", "delivered", "state", "reason")
        if changed.wait_mail is not None and changed.wait_mail != seen.wait_mail:
            changes["wait_mail"], condition = codec.value(changed.wait_mail), UPON_REPORTING_A_WAIT_MAIL
        also = self.webhook_event_actions(effect.webhook_event) if effect.webhook_event else {}
        return self._update(seen, changes, (), condition, seen.wakeups, also)[0]

    def webhook_event_actions(self, event: effects.NewWebhookEvent) -> dict[str, Action]:
        """The actions that add a webhook event to the outbox, if a webhook wants it."""
        happened = {event.type: About(data=event.data)}
        return Outbox(self.client, self.settings).event_actions(event.account, happened, event.at)

    def wake_up(self, effect: effects.WakeUp) -> None:
        """Add a wake-up if the invitation exists. The sooner due key is kept: where another one was written since it
        was read, it is read again, a few times; then the wake-up is added on no condition.
        """
        key = keys.invitation(effect.event_id, effect.registration_id)
        for condition in (UPON_WAKING_ALONE, UPON_WAKING_ALONE, UPON_WAKING_ALONE, conditions.EXISTS):
            existing = self._item(self._sent, key)
            if existing is None:
                return
            due_key = existing.get("due_key")
            if self._write(self._woken(key, effect.due_key, due_key, repair=effect.repair, condition=condition)):
                return

    def wake_up_action(
        self,
        invitation: Invitation,
        priority: int,
        now: datetime,
        *,
        resend: bool = False,
        repair: bool = False,
        wait_mail: WaitMailed | None = None,
        unsent: bool = False,
    ) -> Action:
        """The action that adds a wake-up to an invitation. It becomes due after the lease of a claim, or sooner where
        it is due sooner already. ``resend`` asks for the latest message again, ``repair`` for the latest state under a
        new SEQUENCE. ``wait_mail``, if given, is what counts as mailed to them of their waiting.

        It fails where the invitation has become due otherwise since it was read, perhaps for something more urgent; not
        with the priority ``URGENT``, since nothing is. With ``unsent`` it fails where a worker has written to it since.
        """
        free = now if invitation.lease_until is None else max(now, invitation.lease_until)
        due_key = keys.due_key(priority, free)
        condition = conditions.EXISTS if priority == URGENT else UPON_WAKING_WITH_A_CHANGE
        return self._woken(
            _key(invitation),
            due_key,
            invitation.due_key,
            resend=resend,
            repair=repair,
            condition=f"({condition}) AND {UPON_MOVING_TO_AN_ADDRESS}" if unsent else condition,
            fence=invitation.fence,
            more={} if wait_mail is None else {"wait_mail": codec.value(wait_mail)},
        )

    def unchanged_check(self, invitation: Invitation) -> Action:
        """The condition that nobody wrote to the invitation since it was read, for a transaction."""
        values = {"fence": invitation.fence, "wakeups": invitation.wakeups}
        return check(self._sent, _key(invitation), UPON_CLAIMING_A_WAIT_MAIL, **values)

    def wait_mail_action(self, event_id: str, said: SentWaitMail) -> Action:
        """The action that stores the last wait mail, and adds a wake-up, which is due at once unless the invitation is
        due already. It fails where a message has left since that says more, and of one that is not certain also where
        they were shown or mailed anything since: what is true is mailed then.
        """
        key = keys.invitation(event_id, said.registration_id)
        due = codec.due_attributes(said.registration_id, keys.due_key(CHANGE, said.at))
        last = WaitMailed(mail=said.mail, links=said.links, certain=said.certain, mail_id=said.mail_id)
        values: dict[str, Any] = {"after": said.after}
        if not said.certain:
            values["before"] = codec.value(said.before) if said.before else ""
        return update(
            self._sent,
            key,
            {"wait_mail": codec.value(last), **due},
            UPON_STORING_A_WAIT_MAIL if said.certain else UPON_STORING_AN_UNCERTAIN_WAIT_MAIL,
            add={"wakeups": 1},
            first=tuple(due),
            **values,
        )

    def _woken(
        self,
        key: keys.Key,
        due_key: str,
        existing: str | None,
        *,
        resend: bool = False,
        repair: bool = False,
        condition: str,
        fence: int = 0,
        more: Mapping[str, Any] = NOTHING_ELSE,
    ) -> Action:
        sooner = keys.sooner_due_key(due_key, existing or due_key)
        due = codec.due_attributes(key["sk"].removeprefix(keys.REGISTRATION_PREFIX), sooner, existing)
        return update(
            self._sent,
            key,
            {**due, **more},
            condition,
            due_key=existing or "",
            fence=fence,
            add={"wakeups": 1, **({"resend": 1} if resend else {}), **({"repair": 1} if repair else {})},
        )

    def lift(self, item: Item, by: int, now: datetime) -> bool:
        """Raise the SEQUENCE of the invitation in ``item`` by ``by``, and have its state sent again. False: somebody
        wrote to it, or woke it up, since it was read.
        """
        due_key = item.get("due_key") or keys.due_key(CHANGE, now)
        # Where nothing was sent to them there is nothing to repair.
        repair = 1 if item["allocated"] >= 0 else 0
        # What was mailed of their waiting since the backup is not known: what is true is mailed once more.
        again = {"wait_mail": codec.value(WaitMailed(mail=WaitMail.NOTHING))} if "wait_mail" in item else {}
        return self._write(
            update(
                self._sent,
                {"pk": item["pk"], "sk": item["sk"]},
                {"fence": item["fence"] + 1, **codec.due_attributes(item["registration_id"], due_key), **again},
                conditions.FENCE_AND_WAKEUPS_UNCHANGED,
                add={"allocated": by, "wakeups": 1, "repair": repair},
                fence=item["fence"],
                wakeups=item["wakeups"],
            )
        )

    def erase_action(self, invitation: Invitation) -> Action:
        """The action that removes the recipient from every state of the invitation, and its due key. It fails where
        somebody wrote to the invitation, or woke it up, since it was read.
        """
        erased = replace(
            invitation,
            intent=_to_nobody(invitation.intent),
            acknowledged=_to_nobody(invitation.acknowledged),
            possibly_sent=invitation.possibly_sent and replace(invitation.possibly_sent, recipient=""),
        )
        return update(
            self._sent,
            _key(invitation),
            {"fence": invitation.fence + 1, **_some(erased, *STATES)},
            UPON_ERASING,
            remove=("stopped", *DUE),
            fence=invitation.fence,
            wakeups=invitation.wakeups,
        )

    def _settle(
        self,
        claimed: Invitation,
        changes: Item,
        remove: tuple[str, ...],
        due_key: str | None,
        also: Mapping[str, Action] = NOTHING_ELSE,
    ) -> AcknowledgeResult:
        """Write to a claimed invitation, with the actions ``also``. ``due_key`` is set, or removed where it is
        ``None``, unless a wake-up was added meanwhile, or another worker deferred a later message once the lease was
        over: that due key is kept.
        """
        woken, due = False, codec.due_attributes(claimed.registration_id, due_key, claimed.due_key)
        latest, removed = claimed, remove + (DUE if due_key is None else ())
        for _ in range(8):
            written, existing = self._update(latest, {**changes, **due}, removed, UPON_SETTLING, latest.wakeups, also)
            if written:
                return AcknowledgeResult.STILL_DUE if woken or due_key is not None else AcknowledgeResult.DONE
            if not _still_claimed(existing, claimed):
                return _OVERTAKEN
            latest = existing
            changes = _unless_reported(changes, claimed, latest)
            if latest.wait_mail != claimed.wait_mail:  # they were shown, or mailed, something since
                changes = {name: one for name, one in changes.items() if name != "wait_mail"}
            if latest.wakeups != claimed.wakeups or latest.due_key not in (claimed.due_key, None):
                woken, due, removed = True, {}, remove
        return _OVERTAKEN

    def _update(
        self,
        seen: Invitation,
        changes: Item,
        remove: tuple[str, ...],
        condition: str,
        wakeups: int = 0,
        also: Mapping[str, Action] = NOTHING_ELSE,
    ) -> tuple[bool, Invitation | None]:
        """Write to the invitation and raise its fence, with the actions ``also``. Returns (True, None), or (False, the
        invitation that is stored).
        """
        raised = {**changes, "fence": seen.fence + 1}
        write = update(self._sent, _key(seen), raised, condition, remove=remove, fence=seen.fence, wakeups=wakeups)
        if not also:
            written, existing = alone(self.client, write)
            return written, codec.read(Invitation, existing) if existing else None
        refused = self._attempt({"invitation": write, **also})
        if refused.keys() == {MESSAGE}:
            # The message has no record, or SES has reported about it.
            others = {name: action for name, action in also.items() if name != MESSAGE}
            return self._update(seen, changes, remove, condition, wakeups, others)
        found = refused.get("invitation")
        return "invitation" not in refused, codec.read(Invitation, found) if found else None


_OVERTAKEN = AcknowledgeResult.OVERTAKEN


def invitation_item(invitation: Invitation) -> Item:
    due = codec.due_attributes(invitation.registration_id, invitation.due_key)
    return {**codec.item(invitation, _key(invitation), **due), **_some(invitation, *STATES)}


def possibly_sent_before(effect: effects.ReleaseClaim) -> Item:
    """What may have been sent before the claim, since nothing left under it; empty where nothing had been sent."""
    return _some(replace(effect.before, intent=effect.claimed.intent), *POSSIBLY_SENT)


def _some(invitation: Invitation, *names: str) -> dict[str, Any]:
    """Those of the attributes ``names`` that the invitation has.

    A calendar state that is the intent's stands in the intent alone, since an item should have less than a kilobyte:
    then ``possibly_sent`` is true, and ``acknowledged`` has none. Whoever writes another intent writes all of them.
    """
    values = {name: getattr(invitation, name) for name in names}
    found = {name: codec.value(value) for name, value in values.items() if value is not None and value != ()}
    own = invitation.intent.calendar_state if invitation.intent is not None else None
    if own is not None and values.get("possibly_sent") == own:
        found["possibly_sent"] = True
    acknowledged = values.get("acknowledged")
    if own is not None and acknowledged is not None and acknowledged.calendar_state == own:
        found["acknowledged"] = {n: one for n, one in found["acknowledged"].items() if n != "calendar_state"}
    return found


def _to_nobody(one: Told | None) -> Told | None:
    """An intent or an acknowledgement without the recipient of its calendar state."""
    return one and replace(one, calendar_state=replace(one.calendar_state, recipient=""))


def _key(invitation: Invitation) -> keys.Key:
    return keys.invitation(invitation.event_id, invitation.registration_id)


def _unless_reported(changes: Item, claimed: Invitation, latest: Invitation) -> Item:
    """``changes``, without that the message was accepted where SES has reported more about it since it was claimed."""
    told = latest.acknowledged
    if told is None or claimed.intent is None or changes.get("state") != DeliveryState.ACCEPTED.value:
        return changes
    about_it = told.calendar_state.sequence == claimed.intent.calendar_state.sequence
    if not about_it or (told, latest.state) == (claimed.acknowledged, claimed.state):
        return changes
    return {name: one for name, one in changes.items() if name not in ("state", "reason")}


def _still_claimed(existing: Invitation | None, claimed: Invitation) -> TypeGuard[Invitation]:
    """Whether the claim is still held: only reports from SES, or an earlier attempt at this very write, raised
    the fence.
    """
    if existing is None or existing.intent is None or claimed.intent is None:
        return False
    # The intent of a person who was erased since has no recipient any more; it must not be written back.
    return (existing.intent.attempt, existing.intent.calendar_state) == (
        claimed.intent.attempt,
        claimed.intent.calendar_state,
    )
