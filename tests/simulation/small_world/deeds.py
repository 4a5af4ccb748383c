"""What people do in the small world, each deed as the API does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from convoke.model import Event, EventStatus
from convoke.registrations import events, registry
from convoke.store.store import Store

from ..scene import EVENT_ID, START


def withdraw(store: Store, rid: str) -> None:
    registry.withdraw(store, EVENT_ID, rid, now=START)


def readdress(store: Store, rid: str) -> None:
    changes = {"email": f"new{rid[9]}@example.net"}
    registry.change_registration(store, EVENT_ID, rid, changes=changes, priority=1, now=START)


def resend(store: Store, rid: str) -> None:
    registry.resend(store, EVENT_ID, rid, now=START)


OF_ONE: dict[str, Callable[[Store, str], None]] = {"withdraw": withdraw, "readdress": readdress, "resend": resend}


def move(event: Event) -> Event:
    """To the other of two: a second move moves it back."""
    return replace(event, title="B" if event.title == "A" else "A")


def call_off(event: Event) -> Event:
    return replace(event, status=EventStatus.CANCELLED)


def draft(event: Event) -> Event:
    """Into a draft, or out of it."""
    return replace(event, status=EventStatus.CONFIRMED if event.status is EventStatus.DRAFT else EventStatus.DRAFT)


OF_THE_EVENT: dict[str, Callable[[Event], Event]] = {"move": move, "call off": call_off, "draft": draft}


def change_event(store: Store, before: Event, after: Event) -> None:
    if before.status is not EventStatus.CANCELLED:
        after = replace(after, version=before.version + 1)
        events.change_event(store, before, after, priority=1, now=START)
