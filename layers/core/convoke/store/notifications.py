"""Notification mails that are due: scheduled in the transaction of what they are about, and kept with their content
until they are sent. After that the item stays for :data:`KEPT` without the content, so that none is sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cattrs.gen import override

from .. import effects
from ..decision.invitation import Invitation
from ..mail.notifications import Notification, NotificationState, may_be_sent, notification_state, priority
from . import codec, conditions, dynamo, keys
from .dynamo import Item
from .invitations import Invitations
from .repository import Repository
from .writes import DUE, Action, mark, put, update

KEPT = timedelta(days=30)
"""How long a notification is remembered, so that it is not scheduled twice."""

UPON_RECORDING = conditions.FENCE_UNCHANGED


class Notifications(Repository):
    """Schedules notifications, and carries out the effects of ``delivery.notify``."""

    def schedule_action(self, notification: Notification, now: datetime) -> Action:
        """The action that schedules ``notification``, for a transaction. One that was scheduled before is not
        changed.
        """
        new = _new(notification, {}, now)
        return update(self._sent, _key(notification), new, "", first=tuple(new))

    def schedule(self, notification: Notification, *, now: datetime, upon: Invitation | None = None) -> bool:
        """Schedule ``notification``. False: it was scheduled before, its recipient is the deployment's own address, or
        somebody wrote to the invitation ``upon`` which it was decided since that was read.
        """
        if not may_be_sent(notification, self.settings.sender):
            return False
        new = put(self._sent, _new(notification, _key(notification), now), conditions.NEW)
        if upon is None:
            return self._write(new)
        return not self._attempt({"notification": new, "invitation": self._invitations.unchanged_check(upon)})

    def scheduled(self, notification: Notification) -> bool:
        """Whether it was scheduled before."""
        return self._item(self._sent, _key(notification)) is not None

    def read(self, effect: effects.ReadNotification) -> NotificationState | None:
        key = keys.notification(effect.event_id, effect.registration_id, effect.notification_id)
        return self._get(NotificationState, self._sent, key)

    def claim(self, effect: effects.ClaimNotification) -> NotificationState | None:
        """Take the right to send: returns the claimed state, or ``None`` where another worker wrote to it."""
        seen = effect.seen
        claimed = replace(seen, lease_until=effect.lease_until, unknowns=seen.unknowns + 1, due_key=effect.due_key)
        mine = {"fence": seen.fence + 1, **mark()}
        own = self._record_action(claimed, mine)
        if effect.upon is None:
            written = self._write_own(own, mine)
        else:
            written = not self._attempt(
                {"notification": own, "invitation": self._invitations.unchanged_check(effect.upon)}
            )
        return replace(claimed, fence=seen.fence + 1) if written else None

    def record(self, effect: effects.RecordNotification) -> bool:
        """Write the notification's state and raise its fence. False: another worker wrote to it since it was read; what
        was said is written all the same, since it was mailed later than what that worker knew of, unless that was
        written with the report that this very mail was delivered: more may have been said since.
        """
        state, said, event = effect.notification_state, effect.said, effect.webhook_event
        own = {"notification": self._record_action(state, {})}
        if event is not None:
            own |= self._invitations.webhook_event_actions(event)
        if said is None:
            return not self._attempt(own) if len(own) > 1 else self._write(own["notification"])
        mailed = self._invitations.wait_mail_action(state.event_id, said)
        refused = self._attempt({**own, "invitation": mailed})
        if "notification" in refused:
            stored = refused["notification"]
            if stored is None or stored.get("unanswered") != state.fence:
                self._write(mailed)
            return False
        return not refused or not self._attempt(own)

    @property
    def _invitations(self) -> Invitations:
        return Invitations(self.client, self.settings)

    def _record_action(self, changed: NotificationState, more: Mapping[str, Any]) -> Action:
        kept = (
            {}
            if changed.notification is None
            else {"expires_at": _expires_at(changed.notification, changed.notification.written_at)}
        )
        changes = {**_state_item(replace(changed, fence=changed.fence + 1), {}), **kept, **more}
        for name in ("notification_id", "event_id", "registration_id"):
            del changes[name]
        absent = tuple(name for name in ("lease_until", "possibly_said", *DUE) if name not in changes)
        return update(self._sent, _key(changed), changes, UPON_RECORDING, remove=absent, fence=changed.fence)

    def rows(self, event_id: str, registration_id: str) -> list[Item]:
        """The items of every notification to or about a person."""
        return list(self._rows(dynamo.starting_with(self._sent, keys.notification(event_id, registration_id, ""))))

    def forget(self, event_id: str, registration_id: str) -> None:
        """Delete every notification to or about a person."""
        self._delete_all(self._sent, keys.notification(event_id, registration_id, ""))


def _key(one: Notification | NotificationState) -> keys.Key:
    return keys.notification(one.event_id, one.registration_id, one.notification_id)


def _new(notification: Notification, key: keys.Key, now: datetime) -> Item:
    state = notification_state(notification, keys.due_key(priority(notification.kind), now))
    return _state_item(state, key, expires_at=_expires_at(notification, now))


def _expires_at(notification: Notification, now: datetime) -> int | None:
    return codec.epoch(now + KEPT if notification.until is None else notification.until)


def _state_item(state: NotificationState, key: keys.Key, **more: Any) -> Item:
    return codec.item(state, key, **more, **codec.due_attributes(state.notification_id, state.due_key))


codec.record(
    NotificationState,
    # Sent ones keep an empty map, which `schedule_action` does not overwrite.
    notification=override(
        unstruct_hook=lambda notification: {} if notification is None else codec.value(notification),
        struct_hook=lambda item, _: codec.read(Notification, item) if item else None,
    ),
)
