"""Notes, each on the fence that was read."""

from __future__ import annotations

from datetime import datetime

from ..mail.notifications import Notification, NotificationState
from ..model import Person, frozen
from .kind import Effect


@frozen
class ReadNotification(Effect):
    """-> Errand, or None"""

    event_id: str
    registration_id: str
    notification_id: str


@frozen
class CountDaily(Effect):
    """Count one more note of this kind for the event on ``day`` (UTC), IF there are fewer than ``most``. -> bool"""

    notification_state: NotificationState
    day: str
    most: int


@frozen
class ClaimNotification(Effect):
    """Take the right to send the note until ``lease_until``, IF the fence is that of ``seen``. -> Errand as claimed, or
    None

    The attempt counts as one that nobody answered until it is settled.
    """

    seen: NotificationState
    lease_until: datetime
    due_key: str


@frozen
class RecordNotification(Effect):
    """Write ``notification_state``, IF its fence is the one that was read; what is settled for good keeps no words. ->
    bool
    """

    notification_state: NotificationState


@frozen
class RenderNotification(Effect):
    """Write the note, naming ``people`` by their ids, and read it back. -> Letter, or a sentence that says why it must
    not be sent
    """

    notification_state: NotificationState
    people: dict[str, Person]


@frozen
class SendNotification(Effect):
    """One attempt at SES. -> Accepted | Refused | Unknown"""

    notification_state: NotificationState
    mail: bytes


@frozen
class AddNotification(Effect):
    """Owe a note. -> whether it was not owed before"""

    note: Notification
