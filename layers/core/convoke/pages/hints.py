"""Tells the sending functions at once that a mail is due. A hint that is lost loses no mail: the sweep finds it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from .. import effects
from ..effects import ImportHint, NotificationHint
from ..settings import Settings

if TYPE_CHECKING:
    from ..aws.runtime import Aws

logger = Logger(child=True)


@cache
def _runtime(settings: Settings) -> Aws:
    # Imported with the first hint: most visitors only look.
    from ..aws.runtime import Aws

    return Aws(settings)


def send(settings: Settings, hint: NotificationHint | None) -> None:
    """Queue ``hint``, if there is one, before everything that is not urgent."""
    if hint is None:
        return
    try:
        _runtime(settings).perform(effects.Enqueue(hint=hint, urgent=True))
    except (BotoCoreError, ClientError) as error:
        logger.warning("left to the sweeper", extra={"event": hint.event_id, "error": type(error).__name__})


def go_on(settings: Settings, event_id: str, import_id: str) -> None:
    """Queue an import that has begun."""
    try:
        hint = ImportHint(event_id=event_id, import_id=import_id)
        _runtime(settings).perform(effects.Enqueue(hint=hint, urgent=False))
    except (BotoCoreError, ClientError) as error:
        logger.warning("left to the sweeper", extra={"event": event_id, "error": type(error).__name__})
