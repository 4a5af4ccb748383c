"""Tells the sending functions at once that a mail is due. A hint that is lost loses no mail: the sweep finds it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from .. import effects
from ..aws.best_effort import best_effort
from ..effects import ImportHint, NotificationHint
from ..settings import Settings

if TYPE_CHECKING:
    from ..aws.runtime import Aws


@cache
def _runtime(settings: Settings) -> Aws:
    # Imported with the first hint: most visitors only look.
    from ..aws.runtime import Aws

    return Aws(settings)


def send(settings: Settings, hint: NotificationHint | None) -> None:
    """Queue ``hint``, if there is one, before everything that is not urgent."""
    if hint is None:
        return
    with best_effort(hint.event_id):
        _runtime(settings).perform(effects.Enqueue(hint=hint, urgent=True))


def go_on(settings: Settings, event_id: str, import_id: str) -> None:
    """Queue an import that has begun."""
    with best_effort(event_id):
        hint = ImportHint(event_id=event_id, import_id=import_id)
        _runtime(settings).perform(effects.Enqueue(hint=hint, urgent=False))
