"""What becomes of notifications that SES took: some come back, for now or for good, or are complained about, and SES
reports it; and who is to be shown to the organizer for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from convoke.aws import ses
from convoke.decision.attention import AttentionKind
from convoke.decision.invitation import WaitMail
from convoke.delivery import notification_reports, ses_events
from convoke.delivery.ses_events import NotificationReport
from convoke.effects import SendNotification
from convoke.model import DeliveryState, RegistrationStatus, folded
from convoke.store import keys

from .faults import Mode
from .scene import EVENT_ID, SETTINGS

if TYPE_CHECKING:
    from .checker import Book
    from .world import World

RECEIVES, VISIBILITY = 5, 180.0
"""How often a report is taken from its queue before it is put aside, and how many seconds that takes each time."""
APART = 300.0
"""So many seconds after a wait mail one of another notification was certainly recorded after it."""
OFTEN = 0.4
SAMPLES: dict[DeliveryState, dict[str, Any]] = {
    DeliveryState.BOUNCED: {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "General"}},
    DeliveryState.COMPLAINED: {"eventType": "Complaint", "complaint": {}},
    DeliveryState.DELIVERED: {"eventType": "Delivery", "delivery": {}},
}
FOR_NOW = {"eventType": "Bounce", "bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull"}}


@dataclass
class Mailed:
    """A notification to ``whose`` address that SES took, with its tags; ``says`` is the wait mail that it is, if it is
    one, and ``known`` whether the worker was answered that SES took it. It arrived, unless ``state`` says more;
    ``final``: the address must not be mailed again. The report of that was ``heard`` by the time; ``current``: while
    the address was still theirs.
    """

    at: float
    whose: str
    address: str
    notification_id: str
    says: WaitMail | None
    known: bool
    tags: dict[str, list[str]]
    state: DeliveryState | None = None
    final: bool = False
    heard: bool = False
    current: bool = False

    def comes_back(self, *, final: bool = False) -> NotificationReport:
        """It comes back; answers what SES reports of it, read from its tags as production does."""
        self.state, self.final = DeliveryState.BOUNCED, final
        return self._report(SAMPLES[self.state] if final else FOR_NOW)

    def is_complained_about(self) -> NotificationReport:
        self.state, self.final = DeliveryState.COMPLAINED, True
        return self._report(SAMPLES[self.state])

    def arrives(self) -> NotificationReport:
        return self._report(SAMPLES[DeliveryState.DELIVERED])

    def _report(self, event: dict[str, Any]) -> NotificationReport:
        mail = {"tags": self.tags, "destination": [self.address], "messageId": self.notification_id}
        report = ses_events.report_of({**event, "mail": mail})
        assert isinstance(report, NotificationReport)
        return report


class _Tagged:
    """SES, of which only the tags of the request are of interest."""

    def send_email(self, **request: Any) -> dict[str, str]:
        self.tags = {tag["Name"]: [tag["Value"]] for tag in request["EmailTags"]}
        return {"MessageId": "-"}


class NotificationReports:
    def __init__(self, world: World) -> None:
        self._world = world
        # Drawn apart, so that the rest of a history is what it is without.
        self._random = Random(f"notification reports {world.seed}").random  # noqa: S311 (no secret)
        # How many come back for now, in histories that are about that.
        faulty = world.mode not in (Mode.NONE, Mode.HINTS)
        self.often = OFTEN if faulty and self._random() < 0.3 else 0.0
        self.mails: list[Mailed] = []

    def took(self, effect: SendNotification, whose: str, says: WaitMail | None, *, known: bool) -> None:
        """SES took a notification: to the address of ``whose`` registration, or of none."""
        state, client, world = effect.notification_state, _Tagged(), self._world
        ses.send_notification(client, SETTINGS, effect)
        if state.notification is None or "registration" not in client.tags:
            return
        address = state.notification.recipient.email
        mail = Mailed(world.now, whose, address, state.notification_id, says, known, client.tags)
        self.mails.append(mail)
        after = 0.05 + 2 * self._random()
        if address in world.post.bad:
            self._reports(mail, mail.comes_back(final=True), after)
        elif self._hit("comes back for now") or self._random() < self.often:
            late = 1200 * self._random() if self._random() < self.often else 0.0
            self._reports(mail, mail.comes_back(), after + late)
        elif self._hit("complains"):
            self._reports(mail, mail.is_complained_about(), after + 20 * self._random())
        elif not known or self._random() < 0.1:
            self._reports(mail, mail.arrives(), after)

    def _hit(self, kind: str) -> bool:
        often = self._world.faults.often[kind]
        return often > 0 and self._random() < often

    def _reports(self, mail: Mailed, report: NotificationReport, after: float) -> None:
        world = self._world
        if mail.final:
            world.post.returned.add((mail.whose, mail.address))
        if self._hit("report lost"):
            return
        if self._hit("report late"):
            after += 600 * self._random()
        world.at(after, lambda: self._apply(mail, report))
        if self._hit("report doubled"):
            world.at(after + 300 * self._random(), lambda: self._apply(mail, report))

    def _apply(self, mail: Mailed, report: NotificationReport, receives: int = RECEIVES) -> None:
        began = self.is_current(mail)

        def done(well: bool) -> None:
            if well:
                mail.heard = True
                mail.current = mail.current or (began and self.is_current(mail))
            elif receives > 1:
                self._world.at(VISIBILITY, lambda: self._apply(mail, report, receives - 1))

        self._world.start(
            f"report on {report.kind}: {report.state}",
            lambda _: notification_reports.apply_notification_report(report),
            done,
        )

    def is_current(self, mail: Mailed) -> bool:
        """Whether the mail went to the address that they have now."""
        person = self._world.tables.row(SETTINGS.registrations_table, keys.registration(EVENT_ID, mail.whose))
        return person is not None and folded(person["email"]) == folded(mail.address)


def not_reached(book: Book) -> Iterator[str]:
    """Whom the last mail that says that the event is cancelled came back from is shown to the organizer, until a later
    one arrives; whose address is stopped is shown, too; and no one else is of those who have nothing in their calendar.
    """
    world = book.world
    if world.zombies or book.over:
        return
    for rid, (person, _) in book.people.items():
        mails = [mail for mail in world.notifications.reports.mails if mail.whose == rid]
        shown, name = book.unreached.get(rid), rid[6:10]
        if person.status is RegistrationStatus.ERASED:
            if shown is not None:
                yield f"{name} is erased, and shown as not reached: {shown}"
            continue
        # Of messages the organizer is shown other things.
        attempted = any(attempt.registration_id == rid for attempt in world.post.attempts)
        if attempted or book.copies[rid] or book.given_up(rid) or book.expected(person):
            continue
        cancelled = book.is_cancelled(person)
        if cancelled is None:
            continue
        true = _true(person.status, cancelled=cancelled)
        if true is None:
            if shown is not None:
                yield f"{name} does not wait, and is shown as not reached: {shown}"
            continue
        mailed = [mail for mail in mails if mail.says is not None]
        here = [mail for mail in mails if folded(mail.address) == folded(person.email)]
        stopping = [mail for mail in here if mail.final and mail.state is DeliveryState.BOUNCED]
        if any(mail.heard and mail.current for mail in stopping):
            kind = AttentionKind.CANCELLATION if true is WaitMail.CANCELLED else AttentionKind.INVITATION
            if (mailed or rid in world.shown) and (shown is None or shown.kind is not kind):
                yield f"{name} has an address that is stopped, and is shown as {shown}"
            continue
        last = next((mail for mail in reversed(here) if mail.says is not None), None)
        if stopping or last is None or not _is_clear(last, mailed) or last.says is not true:
            continue
        if last.state is DeliveryState.BOUNCED and true is WaitMail.CANCELLED:
            missed = shown is not None and shown.kind is AttentionKind.CANCELLATION
            if last.heard and not missed:
                yield f"{name} was not reached with {last}, and is shown as {shown}"
        elif shown is not None:
            yield f"{name} was reached with {last}, and is shown as {shown}"


def _true(status: RegistrationStatus, *, cancelled: bool) -> WaitMail | None:
    """The wait mail that is true of somebody who is not expected, by whether what they registered for is cancelled."""
    waits = status in (RegistrationStatus.WAITLISTED, RegistrationStatus.PENDING)
    if not cancelled:
        return WaitMail.PLACE if waits else None
    return WaitMail.CANCELLED if waits or status is RegistrationStatus.REGISTERED else None


def _is_clear(last: Mailed, mailed: list[Mailed]) -> bool:
    """Whether it is known that this is the last: SES said that it took it, or that it arrived, and none of another
    notification was recorded at the same time.
    """
    others = (mail for mail in mailed if mail.notification_id != last.notification_id)
    known = last.known or (last.state is None and last.heard)
    return known and all(abs(last.at - mail.at) > APART for mail in others)
