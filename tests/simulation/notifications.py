"""Notifications in the simulated world: what SES is asked to send of them, and whether more than one worker does."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from convoke import effects
from convoke.decision import waiting
from convoke.decision.calendar_state import RenderedMail
from convoke.decision.invitation import WaitMail
from convoke.effects import Accepted, Refusal, Refused, SendNotification, Unknown
from convoke.mail.notifications import WAIT_MAILS, NotificationKind, NotificationState
from convoke.model import DeliveryState, Method
from convoke.store import keys

from .notification_reports import NotificationReports
from .post import READ_TIMEOUT, Answer, Copy
from .scene import EVENT_ID, SETTINGS

if TYPE_CHECKING:
    from .world import World


GOT_IT = Unknown(why="ReadTimeoutError")
WAITING = (NotificationKind.WAITING, NotificationKind.PENDING, NotificationKind.CANCELLED)


def _mail(kind: NotificationKind) -> WaitMail:
    return WaitMail.CANCELLED if kind is NotificationKind.CANCELLED else WaitMail.PLACE


class Notifications:
    """``broken`` says of each notification that was sent by a worker which had no claim on it, or once too often.
    ``wait_mails`` has, by registration, the kind and address of each wait mail that SES took; ``own`` the last of them
    that was no link. ``reports`` is what became of all of them.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        # Drawn apart, so that the rest of a history is what it is without.
        self._random = Random(f"notifications {world.seed}").random  # noqa: S311 (no secret)
        self.sent = 0
        self.broken: list[str] = []
        self.wait_mails: dict[str, list[tuple[NotificationKind, str]]] = {}
        self.own: dict[str, tuple[WaitMail, str]] = {}
        self.reports = NotificationReports(world)

    def send(self, effect: SendNotification, answer: Callable[[Answer], None]) -> None:
        """Take one request; ``answer`` is called when the client knows, or believes that it never will."""
        state, world = effect.notification_state, self._world
        key = keys.notification(state.event_id, state.registration_id, state.notification_id)
        row = world.tables.row(SETTINGS.invitations_table, key)
        if not world.zombies and row is not None and row["fence"] != state.fence:
            self.broken.append(f"{state.kind} is sent under fence {state.fence}, and {row['fence']} is stored")
        if not world.zombies and row is not None and row["state"] == DeliveryState.ACCEPTED:
            self.broken.append(f"{state.kind} is sent again")
        self.sent += 1
        said, seconds = self._said(state.notification_id)
        whose, sent_as = effect.mail.decode().split()[1:]
        if sent_as in WAITING:
            kind, own = NotificationKind(sent_as), state.kind in WAIT_MAILS and whose == state.registration_id
            address = "" if state.notification is None else state.notification.recipient.email
            if own:  # else it is a link, which is mailed as often as it is asked for
                self._see_again(whose, (_mail(kind), address), state)
                self._see_cancelled(whose, kind, address, state)
            if isinstance(said, Accepted) or said == GOT_IT:
                self.wait_mails.setdefault(whose, []).append((kind, address))
                self.own |= {whose: (_mail(kind), address)} if own else {}
        if isinstance(said, Accepted) or said == GOT_IT:
            says = _mail(NotificationKind(sent_as)) if sent_as in WAITING else None
            self.reports.took(effect, whose, says, known=isinstance(said, Accepted))
        world.at(seconds, lambda: answer(said))

    def _see_again(self, rid: str, mail: tuple[WaitMail, str], state: NotificationState) -> None:
        """Note a wait mail that the same address was sent last, where it is known that it was."""
        row = self._world.tables.row(SETTINGS.invitations_table, keys.invitation(EVENT_ID, rid))
        known = None if row is None else row.get("wait_mail")
        person = self._world.tables.row(SETTINGS.registrations_table, keys.registration(EVENT_ID, rid))
        # An address that somebody has once more is mailed again: the links in the earlier mail are void.
        same = known is not None and person is not None and known.get("links") == person.get("links", 0)
        again = known is not None and same and known["mail"] == mail[0] and mail == self.own.get(rid)
        # Of two that are sent at the same moment, as their own and an acceptance, neither knows of the other.
        possibly = state.possibly_said  # none where it says what they know
        again = again and (possibly is None or (possibly.before is not None and possibly.before.mail is mail[0]))
        if not self._world.zombies and again and state.unknowns == 1:
            self.broken.append(f"{rid[6:10]} is mailed {mail} again")

    def _see_cancelled(self, rid: str, kind: NotificationKind, address: str, state: NotificationState) -> None:
        """Nobody is mailed that the event, or all the dates that are theirs, are cancelled whose calendar was sent the
        same since they are; unless that came back.
        """
        last = self._world.post.last_to(rid, address)
        came_back = last is not None and (rid, last.sequence) in self._world.post.came_back
        known = last is not None and last.method == Method.CANCEL and (last.announces or self._has_ended(last))
        known = known and not came_back
        if kind is NotificationKind.CANCELLED and known and state.unknowns == 1 and not self._world.zombies:
            self.broken.append(f"{rid[6:10]} is mailed that it is cancelled beside their CANCEL")

    def _has_ended(self, last: Copy) -> bool:
        """Whether a message took the last of somebody's dates, and nothing was tried or shown to them since."""
        world, rid = self._world, last.registration_id
        person = world.tables.row(SETTINGS.registrations_table, keys.registration(EVENT_ID, rid))
        latest = next(each for each in reversed(world.post.attempts) if each.registration_id == rid)
        return latest.name == last.attempt and person is not None and person["version"] == last.ends

    def _said(self, name: str) -> tuple[Answer, float]:
        often, chance = self._world.faults.often, self._random()
        for fault, said, seconds in (
            ("SES throttles", Refused(refusal=Refusal.BUSY, why="ThrottlingException"), 0.1),
            ("SES got it, its answer is lost", GOT_IT, READ_TIMEOUT),
            ("SES breaks", Unknown(why="InternalServiceErrorException"), 0.2),
            ("SES rejects", Refused(refusal=Refusal.POISON, why="MessageRejected"), 0.1),
        ):
            chance -= often[fault]
            if chance < 0:
                return said, seconds
        return Accepted(ses_id=f"notification-{name}"), 0.1


def rendered(effect: effects.RenderNotification) -> RenderedMail:
    """A notification as it is sent: of its content only whose page it links, and the kind that it is sent as; for a
    link to somebody who waits, and other wait mails, the kind that these are.
    """
    state, holder, kind = effect.notification_state, effect.holder, effect.kind
    accepted = kind is NotificationKind.ACCEPTED and state.notification is not None and state.notification.waits
    if accepted or kind is NotificationKind.NO_SEAT:
        kind = NotificationKind.WAITING
    if kind is NotificationKind.LINK and holder is not None and holder.status in waiting.WAITING:
        kind = NotificationKind.CANCELLED if effect.cancelled else NotificationKind.WAITING
    whose = state.registration_id if holder is None else holder.registration_id
    return RenderedMail(calendar=b"", mail=f"{state.notification_id} {whose or '-'} {kind}".encode())
