"""Publishes SES's notifications to the stack: reports on each mail, and incoming mail.

All that wait are published one after the other, then there is a pause in which others gather: a function that is called
for each single report costs a busy stack more than the mails themselves.
"""

from __future__ import annotations

import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from . import letters, records
from .records import SIMULATOR, SUPPRESSED, Kind, Places, Verdicts
from .shelf import Accepted, Shelf

AFTER_ACCEPTANCE = {
    f"bounce@{SIMULATOR}": (Kind.SEND, Kind.BOUNCE),
    SUPPRESSED: (Kind.SEND, Kind.BOUNCE),
    f"complaint@{SIMULATOR}": (Kind.SEND, Kind.DELIVERY, Kind.COMPLAINT),
}
USUALLY = (Kind.SEND, Kind.DELIVERY)

PATIENCE = 4
TRIES = 20
LONGEST_PAUSE = 5.0  # seconds

log = logging.getLogger(__name__)


class Topics(Protocol):
    """The one call of SNS that is used here."""

    def publish(self, *, TopicArn: str, Message: str, Subject: str) -> object: ...  # noqa: N803


class Objects(Protocol):
    """The one call of S3 that is used here."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> object: ...  # noqa: N803


class NotConnected(Exception):
    """The stack is not deployed yet, so that there are no topics."""


class Reports:
    """Publishes in the background, in order, so that sending never waits; until connected, reports are dropped.

    After all that waited it pauses for a few times as long as they took, to spare a busy stack: unlike SNS, the
    emulator does not retry a function that fails. ``pause`` takes seconds.
    """

    def __init__(self, shelf: Shelf, pause: Callable[[float], object] = time.sleep) -> None:
        self._shelf = shelf
        self._pause = pause
        self._connection: tuple[Topics, Objects, Places] | None = None
        self._waiting: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="post office reports", daemon=True)

    def start(self) -> None:
        self._worker.start()

    def stop(self) -> None:
        self._waiting.put(None)
        self._worker.join(timeout=5)

    def connect(self, topics: Topics, objects: Objects, places: Places) -> None:
        """Set the clients and topics of the deployed stack."""
        self._connection = topics, objects, places

    def accepted(self, mail: Accepted) -> None:
        """Queue the reports that SES sends on every accepted mail."""
        if self._connection is not None:
            self._waiting.put(lambda: self._report(mail))

    def publish(self, kind: Kind, mail: Accepted) -> dict[str, Any]:
        """Report one event now and return it. Raises :class:`NotConnected`, or the topic's error."""
        topics, _, places = self._connected()
        event = records.sending_event(kind, mail, self._shelf.letter(mail), places, datetime.now(UTC))
        subject = "Amazon SES Email Event Notification"
        topics.publish(TopicArn=places.feedback_topic, Message=json.dumps(event), Subject=subject)
        return event

    def receive(self, raw: bytes, *, recipient: str, source: str, verdicts: Verdicts) -> str:
        """Accept an incoming mail as SES does, and return its id. The receipt rule's actions (S3, then SNS) follow in
        the background, and are retried if they fail. Raises :class:`NotConnected`.
        """
        topics, objects, places = self._connected()
        message_id = secrets.token_hex(20)
        notification = records.receipt(
            letters.read_headers(raw),
            message_id,
            recipient=recipient,
            source=source,
            verdicts=verdicts,
            places=places,
            now=datetime.now(UTC),
        )

        def deliver() -> None:
            objects.put_object(Bucket=places.inbound_bucket, Key=message_id, Body=raw)
            subject = "Amazon SES Email Receipt Notification"
            topics.publish(TopicArn=places.inbound_topic, Message=json.dumps(notification), Subject=subject)

        self._waiting.put(lambda: self._persist(deliver, f"incoming mail {message_id}"))
        return message_id

    def _connected(self) -> tuple[Topics, Objects, Places]:
        if self._connection is None:
            raise NotConnected("The stack is not up yet: there are no topics to publish to.")
        return self._connection

    def _work(self) -> None:
        while (task := self._waiting.get()) is not None:
            began = time.monotonic()
            task()
            for other in self._others():
                other()
            self._pause(min(PATIENCE * (time.monotonic() - began), LONGEST_PAUSE))

    def _others(self) -> Iterator[Callable[[], object]]:
        """What waits by now, up to the end."""
        for _ in range(self._waiting.qsize()):
            if (task := self._waiting.get()) is None:
                self._waiting.put(None)
                return
            yield task

    def _report(self, mail: Accepted) -> None:
        for kind in AFTER_ACCEPTANCE.get(mail.to[0].lower(), USUALLY):
            try:
                self.publish(kind, mail)
            except Exception:  # whatever it is, later mails must be reported
                log.exception("%s of mail %d could not be reported", kind, mail.number)

    def _persist(self, deliver: Callable[[], None], what: str) -> None:
        for tried in range(TRIES):
            try:
                return deliver()
            except Exception as error:  # whatever it is, a retry may succeed
                log.warning("%s could not be passed on yet: %s", what, type(error).__name__)
                self._pause(min(0.1 * 2**tried, LONGEST_PAUSE))
        log.error("%s could not be passed on", what)
        return None
