"""Runs the protocol of delivery on AWS: performs its effects with the clock, DynamoDB, SES and SQS.

Also the log and metrics of the functions that deliver.
"""

from __future__ import annotations

import random
import time
import traceback
import uuid
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from .. import effects
from ..decision.calendar_state import Message, RenderedMail
from ..decision.invitation import Intent
from ..delivery.fan_out import Begun, process_batch
from ..delivery.reconcile import Outcome, Worker, reconcile
from ..effects import Accepted, BatchHint, Effect, Refusal, Refused, Steps, Unknown
from ..mail.notifications import ASKED_FOR, Notification, NotificationKind
from ..model import RenderError, folded
from ..registrations import addresses, erasure, returning, split_transfer, waitlist
from ..settings import Settings, settings
from ..store import dynamo
from ..store.store import Store
from ..webhooks import http
from . import queues, ses
from .personal_links import PersonalLinks

if TYPE_CHECKING:
    from ..mail.asked_for_mail import AskedForContent

Result = TypeVar("Result")

MAX_WEBHOOK_HINTS = 500
"""How many webhook events and webhook deliveries one sweep queues."""

logger = Logger()
metrics = Metrics()


def drive(steps: Generator[Effect, Any, Result], perform: Callable[[Effect], Any]) -> Result:
    """Run ``steps`` to their end, sending them what ``perform`` answers to each effect; returns their result.

    Whatever ``perform`` raises propagates to the caller, and the steps are not resumed.
    """
    answer = None
    while True:
        try:
            effect = steps.send(answer)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer = perform(effect)


class Aws:
    """Performs effects with the clients and tables of one deployment. Clients are made when first needed, and kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sent: list[str] = []
        """The accounts of the mails that were sent in this run and are not counted yet."""

    def run(self, steps: Steps[Result]) -> Result:
        """Run ``steps`` to their end; returns their result. AWS errors (``botocore.exceptions``) propagate.

        The mails that were sent meanwhile are counted at the end, in one write for each account.
        """
        try:
            return drive(steps, self.perform)
        finally:
            sent, self._sent = self._sent, []
            self._store.limits.add(Counter(sent), clock())

    def all_events(self) -> Iterator[str]:
        """The ids of all events, in no particular order."""
        after: str | None = ""
        while after is not None:
            found, after = self._store.reads.events(after)
            yield from found

    def queue_webhook_hints(self) -> int:
        """Queue a hint for each webhook event and delivery that is due, up to :data:`MAX_WEBHOOK_HINTS`: how many."""
        queued = 0
        for hint in self._store.deliveries.due(clock(), MAX_WEBHOOK_HINTS):
            queues.enqueue(self._sqs, self._settings, effects.Enqueue(hint=hint, urgent=False))
            queued += 1
        return queued

    def worker(self, remaining_ms: int) -> Worker:
        """A worker of this deployment; its deadline is ``remaining_ms`` milliseconds from now."""
        return Worker(
            sender=self._settings.sender,
            deadline=clock() + timedelta(milliseconds=remaining_ms),
            times=self._settings.times,
        )

    def perform(self, effect: Effect) -> Any:
        """Perform one effect; returns the answer that its docstring describes. Raises :class:`store.UnknownEffect`."""
        match effect:
            case effects.All(steps=steps, at_once=at_once):
                return self._all(steps, at_once)
            case effects.Clock():
                return clock()
            case effects.Wait(until=until):
                return time.sleep(max(0.0, (until - clock()).total_seconds()))
            case effects.Random():
                return random.random()  # noqa: S311 (jitter, not a secret)
            case effects.NewAttemptId():
                return uuid.uuid4().hex
            case effects.Log(what=what, fields=fields):
                return log_and_count(what, fields)
            case effects.Render(message=message, intent=intent):
                return render(message, intent)
            case effects.Send():
                return self._counted(effect.account, self._send(effect))
            case effects.RenderNotification():
                return render_notification(effect, self._settings, self._links)
            case effects.SendNotification():
                return self._counted(effect.account, ses.send_notification(self._ses, self._settings, effect))
            case effects.AddNotification(notification=notification, upon=upon):
                return self._store.notifications.schedule(notification, now=clock(), upon=upon)
            case effects.PostWebhook(webhook=webhook, webhook_event=webhook_event, content=content, at=at):
                return http.post_event(webhook, webhook_event, content, at, local=self._settings.local_webhooks)
            case effects.ReadQuota():
                return ses.quota(self._ses)
            case effects.ReadBacklog(urgent=urgent):
                return queues.backlog(self._sqs, self._settings, urgent=urgent)
            case effects.Enqueue():
                return queues.enqueue(self._sqs, self._settings, effect)
            case effects.EnqueueAll():
                return queues.enqueue_all(self._sqs, self._settings, effect)
            case effects.Promote(event_id=event_id):
                return waitlist.promote(self._store, event_id, now=clock())
            case effects.EndHold(event_id=event_id, registration_id=registration_id):
                return returning.end_hold(self._store, event_id, registration_id, now=clock())
            case effects.TransferRegistrations(event_id=event_id):
                return split_transfer.transfer_batch(self._store, event_id, now=clock())
            case effects.ErasePerson(due=due):
                ids = due.event_id, due.registration_id
                return erasure.forget(self._store, *ids, now=clock(), delete_mail=self._delete_mail)
        return self._store.perform(effect)

    def _all(self, steps: Sequence[Steps[Any]], at_once: int) -> tuple[Any, ...]:
        """Run each of ``steps`` in a thread. However this ends, no thread is left: Lambda would freeze it, and it would
        go on, with a lease that is over, in a later invocation.
        """
        # Made before the threads, as those of perform are: making a client is not thread-safe.
        _ = self._ses, self._sqs, self._links
        logged: deque[effects.Log] = deque()

        def perform(effect: Effect) -> Any:
            if isinstance(effect, effects.Log):
                logger.warning(effect.what, extra=effect.fields)
                return logged.append(effect)
            return self.perform(effect)

        def run(each: Steps[Any]) -> Any:
            try:
                return drive(each, perform)
            except Exception as error:
                return error

        with ThreadPoolExecutor(min(at_once, dynamo.MAX_CONNECTIONS)) as pool:
            # Each thread has its own copy of the context of whoever began it.
            answers = tuple(pool.map(lambda each: each[0].run(run, each[1]), [(copy_context(), one) for one in steps]))
        for log in logged:  # not in the threads, since what counts them is not made for it
            count_logged(log.what, log.fields)
        for answer in answers:
            if isinstance(answer, Exception):
                log_failure(answer)
                if not dynamo.is_busy(answer):  # which passes: nobody has to look at it
                    count_logged("record failed", {})
        return answers

    def _counted(self, account: str, answer: Accepted | Refused | Unknown) -> Accepted | Refused | Unknown:
        if account and not isinstance(answer, Refused):
            self._sent.append(account)
        return answer

    def _send(self, effect: effects.Send) -> Accepted | Refused | Unknown:
        """Where the keys of links cannot be read the mail was certainly not sent, and is tried again."""
        try:
            mail = self._links.filled(
                effect.rendered.mail, effect.event_id, effect.registration_id, effect.links, clock()
            )
        except (BotoCoreError, ClientError) as error:
            return Refused(refusal=Refusal.BUSY, why=type(error).__name__)
        return ses.send(self._ses, self._settings, effect, mail)

    def _delete_mail(self, bucket: str, key: str) -> None:
        self._s3.delete_object(Bucket=bucket, Key=key)

    @cached_property
    def _store(self) -> Store:
        return Store(dynamo.client(), self._settings)

    @cached_property
    def _links(self) -> PersonalLinks:
        return PersonalLinks(self._settings, self._store.link_keys)

    @cached_property
    def _ses(self) -> Any:
        return ses.client(self._settings.times)

    @cached_property
    def _s3(self) -> Any:
        return boto3.client("s3")

    @cached_property
    def _sqs(self) -> Any:
        return boto3.client("sqs")


def render(message: Message, intent: Intent) -> RenderedMail | str:
    """The rendered mail of ``message`` with the SEQUENCE and DTSTAMP of ``intent``, or why it must not be sent."""
    # Imported here, as below, with what writes calendars: only some functions ever send a mail.
    from ..mail import spliced

    try:
        return spliced.rendered(message, sequence=intent.calendar_state.sequence, dtstamp=intent.calendar_state.dtstamp)
    except RenderError as error:
        return str(error)


def render_notification(
    effect: effects.RenderNotification, settings: Settings, links: PersonalLinks
) -> RenderedMail | str:
    """The rendered mail of a notification, or why it must not be sent. The link in it is made here: none is stored."""
    notification = effect.notification_state.notification
    if notification is None:
        return "it was sent or given up already"
    from ..mail import notification_mail

    try:
        if notification.kind in ASKED_FOR:
            if not settings.public_url:
                raise RenderError("it is not known where the pages are")
            content = _asked_for_content(effect, notification, links)
            return notification_mail.rendered(notification, settings.sender, effect.people, content)
        ids, link = (notification.event_id, notification.registration_id), ""
        if effect.links is not None:
            link = links.personal(*ids, effect.links, clock())
        return notification_mail.rendered(notification, settings.sender, effect.people, link=link)
    except RenderError as error:
        return str(error)


def _asked_for_content(
    effect: effects.RenderNotification, notification: Notification, links: PersonalLinks
) -> AskedForContent:
    """What a mail says that was asked for on a page, with its link."""
    from ..mail.asked_for_mail import AskedForContent

    holder, kind, now = effect.holder, effect.kind, clock()
    if kind is NotificationKind.ADDRESS_CHANGED:
        return AskedForContent(kind=kind, link="")
    if kind is NotificationKind.SIGN_IN and notification.until is not None:
        organizer = folded(notification.recipient.email)
        return AskedForContent(
            kind=kind, link=links.sign_in(notification.notification_id, organizer, notification.until, now)
        )
    if holder is not None:
        ids = holder.event_id, holder.registration_id
        make = links.fresh if kind is NotificationKind.FRESH_LINK else links.personal
        link = make(*ids, holder.links, now)
    elif kind is NotificationKind.NEW_ADDRESS and notification.until is not None:
        change = addresses.payload(notification.event_id, notification.registration_id, notification.notification_id)
        link = links.new_address(change, notification.until, now)
    elif notification.until is not None:
        link = links.confirm(notification.registration_id, notification.until, now)
    else:
        raise RenderError("nobody has the address")
    return AskedForContent(kind=kind, link=link, holder=holder, place=effect.place, cancelled=effect.cancelled)


@cache
def aws() -> Aws:
    """The runtime of this deployment, made once per process."""
    return Aws(settings())


def inform(event_id: str, registration_id: str, worker: Worker) -> None:
    """Reconcile one registration; count and log what came of it."""
    outcome = aws().run(reconcile(event_id, registration_id, worker))
    count(outcome)
    logger.info("reconciled", event=event_id, registration=registration_id, outcome=outcome.value)


def inform_batch(hint: BatchHint | Begun, worker: Worker) -> None:
    """Inform the people of one batch; count and log what came of it."""
    outcomes = aws().run(process_batch(hint, worker))
    metrics.add_metric(name="Batches", unit=MetricUnit.Count, value=1)
    count(*outcomes)
    batch = hint.batch if isinstance(hint, Begun) else hint
    logger.info("batch", event=batch.event_id, version=batch.version, first=batch.first, looked_at=len(outcomes))


def count(*outcomes: Outcome) -> None:
    """Add one to the metric of each outcome's name: Acknowledged, Refused, Failed, …"""
    for outcome in outcomes:
        metrics.add_metric(name=outcome.name.title().replace("_", ""), unit=MetricUnit.Count, value=1)


def log_and_count(what: str, fields: dict[str, str]) -> None:
    """Log a warning with ``fields``, and count it."""
    logger.warning(what, extra=fields)
    count_logged(what, fields)


def log_failure(error: BaseException) -> None:
    """Log that something failed while the function goes on, with the type of the exception and where it was raised, but
    without its text, which may hold a name or an address.
    """
    logger.error("record failed", error=type_of(error), raised="".join(traceback.format_tb(error.__traceback__)))


def type_of(error: BaseException) -> str:
    """The type of an exception, with the code of AWS's answer if it has one: ``ClientError: InternalServerError``."""
    name = type(error).__name__
    return f"{name}: {error.response['Error']['Code']}" if isinstance(error, ClientError) else name


def count_logged(what: str, fields: dict[str, str]) -> None:
    """Add one to the metric of the name of a logged warning: ``unknown outcome`` is UnknownOutcome.

    A field ``code`` is an error code of SES, which has a metric of its own.
    """
    metrics.add_metric(name=what.title().replace(" ", ""), unit=MetricUnit.Count, value=1)
    if "code" in fields:
        metrics.add_metric(name=ses.metric_of(fields["code"]), unit=MetricUnit.Count, value=1)


def clock() -> datetime:
    """The present instant, UTC. The delivering functions read the clock only here."""
    return datetime.now(UTC)
