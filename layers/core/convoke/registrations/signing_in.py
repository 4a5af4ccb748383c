"""Asking for a link to sign in with, as the organizer of events.

Who asks is not told whether an address organizes anything, and this module does not even look: what is written is the
same either way. Whether a mail is sent is decided when it would be (``delivery.notify``).
"""

from __future__ import annotations

from datetime import datetime

from ..decision.brakes import Purpose
from ..links.signing_in import VALID_FOR
from ..mail.notifications import sign_in
from ..store import keys
from ..store.store import Store
from .asking import Asked, mailed
from .registry import TooMany


def send_link(
    store: Store, email: str, *, source_ip: str, language: str, now: datetime, entropy: bytes
) -> Asked | TooMany:
    """Have a link mailed to an address, if an event has it as that of its organizer. ``entropy`` are 16 random bytes.
    :class:`TooMany` says until when a network has to wait.
    """
    until = store.brakes.count(Purpose.SIGN_IN, source_ip=source_ip, now=now)
    if until is not None:
        return TooMany(until=until)
    about = keys.event_id(entropy)
    return mailed(store, sign_in(email, about=about, language=language, until=now + VALID_FOR, now=now), now)
