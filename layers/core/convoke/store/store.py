"""All repositories of one deployment, bound to its client and settings once, and which of them does each effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from .. import effects
from ..effects import Effect
from ..model import ConvokeError
from ..settings import Settings, settings
from . import dynamo
from .account_settings import SettingsOfAccounts
from .accounts import Accounts
from .address_changes import AddressChanges
from .answers import Answers
from .attention import Surveys
from .brakes import Brakes
from .comparisons import Comparisons
from .deliveries import Deliveries, RequestsInFlight
from .dynamo import ATTEMPTS, Item
from .events import Events
from .external_ids import ExternalIds
from .fan_outs import FanOuts
from .imports import Imports
from .invitations import Invitations
from .limits import MailLimits
from .link_keys import LinkKeys
from .lookups import Lookups
from .names import Names
from .notifications import Notifications
from .outbox import Outbox
from .proposals import Proposals
from .quarantine import Quarantine
from .reads import Reads
from .received import ReceivedMails
from .records import Records
from .registrations import Registrations
from .requests import Requests
from .seats import SeatCounts
from .sessions import Sessions
from .sources import Sources
from .unconfirmed import UnconfirmedRegistrations
from .webhooks import Webhooks
from .writes import Action, attempt


class Store:
    """The repositories, under the names of what they hold."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.account_settings = SettingsOfAccounts(client, settings)
        self.accounts = Accounts(client, settings.accounts_table)
        self.address_changes = AddressChanges(client, settings)
        self.answers = Answers(client, settings)
        self.brakes = Brakes(client, settings)
        self.comparisons = Comparisons(client, settings)
        self.deliveries = Deliveries(client, settings)
        self.events = Events(client, settings)
        self.fan_outs = FanOuts(client, settings)
        self.external_ids = ExternalIds(client, settings)
        self.imports = Imports(client, settings)
        self.in_flight = RequestsInFlight(client, settings)
        self.invitations = Invitations(client, settings)
        self.limits = MailLimits(client, settings)
        self.link_keys = LinkKeys(client, settings)
        self.lookups = Lookups(client, settings)
        self.names = Names(client, settings)
        self.notifications = Notifications(client, settings)
        self.outbox = Outbox(client, settings)
        self.proposals = Proposals(client, settings)
        self.quarantine = Quarantine(client, settings)
        self.reads = Reads(client, settings)
        self.received = ReceivedMails(client, settings)
        self.records = Records(client, settings)
        self.registrations = Registrations(client, settings)
        self.requests = Requests(client, settings)
        self.seats = SeatCounts(client, settings)
        self.sessions = Sessions(client, settings)
        self.sources = Sources(client, settings)
        self.surveys = Surveys(client, settings)
        self.unconfirmed = UnconfirmedRegistrations(client, settings)
        self.webhooks = Webhooks(client, settings)

    def attempt(self, actions: Mapping[str, Action], attempts: int = ATTEMPTS) -> dict[str, Item | None]:
        """Carry out all of ``actions`` or none; see :func:`writes.attempt`."""
        return attempt(self.client, actions, attempts)

    def perform(self, effect: Effect) -> Any:
        """Perform an effect that asks for nothing but the tables; returns the answer that its docstring describes.
        Raises :class:`UnknownEffect` for any other.
        """
        if type(effect) not in PERFORMED:
            raise UnknownEffect(type(effect).__name__)
        return PERFORMED[type(effect)](self, effect)


@cache
def store() -> Store:
    """The store of this deployment, made once per process."""
    return Store(dynamo.client(), settings())


class UnknownEffect(ConvokeError):
    """Nobody knows how to perform the effect."""


RowKind = TypeVar("RowKind", bound=Effect)


def _by(
    kind: type[RowKind], perform: Callable[[Store, RowKind], Any]
) -> tuple[type[Effect], Callable[[Store, Any], Any]]:
    """An entry of :data:`PERFORMED`, whose function takes the effect that it is for."""
    return kind, perform


PERFORMED = dict(
    (
        _by(effects.ReadSending, lambda store, _: store.reads.sending()),
        _by(effects.ReadInvitation, lambda store, it: store.reads.invitation(it.event_id, it.registration_id)),
        _by(effects.ReadRegistration, lambda store, it: store.reads.registration(it.event_id, it.registration_id)),
        _by(effects.ReadEvent, lambda store, it: store.reads.event(it.event_id)),
        _by(effects.ReadTogether, lambda store, it: store.reads.together(it.event_id, it.registration_id)),
        _by(effects.ReadStoredMessage, lambda store, it: store.reads.stored(it.registration_id, it.sequence)),
        _by(effects.ReadFanOut, lambda store, it: store.reads.fan_out(it.event_id)),
        _by(effects.ReadFanOutAndSending, lambda store, it: store.reads.fan_out_and_sending(it.event_id)),
        _by(effects.ReadNewFanOut, lambda store, it: store.reads.new_fan_out(it.event_id)),
        _by(effects.ReadPeople, lambda store, it: store.reads.people(it.event_id, it.ids)),
        _by(effects.ReadTelling, lambda store, it: store.reads.telling(it.event_id)),
        _by(
            effects.ReadInvitations,
            lambda store, it: store.reads.invitations(it.event_id, it.after, it.limit, it.through),
        ),
        _by(effects.ReadInvitationIds, lambda store, it: store.reads.invitation_ids(it.event_id, it.after, it.limit)),
        _by(effects.ReadRegistrations, lambda store, it: store.reads.registrations(it.event_id, it.after, it.through)),
        _by(effects.ReadEvents, lambda store, it: store.reads.events(it.after)),
        _by(effects.ReadDue, lambda store, it: store.reads.due(it.shard, it.priority, it.now, it.limit)),
        _by(effects.ReadMessages, lambda store, it: store.reads.messages(it.registration_id)),
        _by(effects.ReadHolder, lambda store, it: store.reads.address_owner(it.event_id, it.email)),
        _by(effects.ReadPending, lambda store, it: store.reads.pending(it.event_id)),
        _by(effects.ReadPlace, lambda store, it: store.reads.waiting_before(it.event_id, it.registration_id) + 1),
        _by(effects.ReadOrganized, lambda store, it: store.lookups.organizes(it.email, it.since)),
        _by(effects.CountHeld, lambda store, it: store.reads.waiting_fan_outs(it.now)),
        # An invitation, and its messages
        _by(effects.ClearDue, lambda store, it: store.invitations.clear_due(it)),
        _by(effects.Defer, lambda store, it: store.invitations.defer(it)),
        _by(effects.Claim, lambda store, it: store.invitations.claim(it)),
        _by(effects.ReleaseClaim, lambda store, it: store.invitations.release_claim(it)),
        _by(effects.HoldClaim, lambda store, it: store.invitations.hold_claim(it)),
        _by(effects.Acknowledge, lambda store, it: store.invitations.acknowledge(it)),
        _by(effects.StoreReport, lambda store, it: store.invitations.store_report(it)),
        _by(effects.WakeUp, lambda store, it: store.invitations.wake_up(it)),
        _by(effects.StoreMessage, lambda store, it: store.records.store_message(it.stored)),
        _by(effects.RecordMessageState, lambda store, it: store.records.record_sent(it)),
        # Notifications
        _by(effects.ReadNotification, lambda store, it: store.notifications.read(it)),
        _by(effects.CountNotification, lambda store, it: store.limits.count_notification(it)),
        _by(effects.ClaimNotification, lambda store, it: store.notifications.claim(it)),
        _by(effects.RecordNotification, lambda store, it: store.notifications.record(it)),
        _by(effects.CountMailbox, lambda store, it: store.brakes.may_mail(it.purpose, it.email, it.mail_id, it.now)),
        # Webhooks
        _by(effects.ReadWebhookEvent, lambda store, it: store.outbox.read(it.account, it.webhook_event_id)),
        _by(effects.ReadWebhookContent, lambda store, it: store.outbox.content(it.webhook_event)),
        _by(effects.ReadWebhooks, lambda store, it: store.webhooks.list_webhooks(it.account)),
        _by(effects.ReadWebhook, lambda store, it: store.webhooks.read(it.account, it.webhook_id)),
        _by(effects.ReadDelivery, lambda store, it: store.deliveries.read(it.webhook_id, it.webhook_event_id)),
        _by(effects.AddDelivery, lambda store, it: store.deliveries.add(it.delivery)),
        _by(effects.EndDistribution, lambda store, it: store.outbox.mark_distributed(it.account, it.webhook_event_id)),
        _by(effects.RecordDelivery, lambda store, it: store.deliveries.record(it.delivery)),
        _by(effects.ReadInFlight, lambda store, it: store.in_flight.read(it.account)),
        _by(effects.RecordInFlight, lambda store, it: store.in_flight.record(it.in_flight)),
        # Surveys
        _by(effects.ScheduleSurvey, lambda store, it: store.surveys.schedule(it)),
        _by(effects.ScheduleSurveySoon, lambda store, it: store.surveys.schedule_soon(it.event_id, it.now)),
        _by(effects.HoldSurvey, lambda store, it: store.surveys.hold(it)),
        _by(effects.ReadSurvey, lambda store, it: store.surveys.read(it.event_id)),
        _by(effects.ReadUnreached, lambda store, it: store.surveys.unreached(it)),
        _by(effects.StoreUnreached, lambda store, it: store.surveys.store_unreached(it)),
        _by(effects.EndSurvey, lambda store, it: store.surveys.end(it)),
        # Fan-outs, due items, and how much may be sent
        _by(effects.PlanBatches, lambda store, it: store.fan_outs.plan_batches(it)),
        _by(effects.ClaimBatch, lambda store, it: store.fan_outs.claim_batch(it)),
        _by(effects.MoveBatch, lambda store, it: store.fan_outs.move_batch(it)),
        _by(effects.EndBatch, lambda store, it: store.fan_outs.end_batch(it)),
        _by(effects.Postpone, lambda store, it: store.records.postpone(it)),
        _by(effects.StoreAuditPage, lambda store, it: store.records.store_audit_page(it)),
        _by(effects.DrawTurns, lambda store, it: store.records.draw_turns(it)),
        _by(effects.SlowDown, lambda store, it: store.records.slow_down(it)),
        _by(effects.StoreRate, lambda store, it: store.records.store_rate(it)),
        _by(effects.ReserveQuota, lambda store, it: store.records.reserve(it)),
        _by(effects.StopSending, lambda store, it: store.records.stop_sending(it)),
        _by(effects.HoldAccounts, lambda store, it: store.records.hold_accounts(it)),
        _by(effects.CountMail, lambda store, it: store.limits.count_mail(it)),
        _by(effects.ReadMailed, lambda store, it: store.limits.accounts(it.now)),
        _by(effects.CountAccounts, lambda store, _: len(store.accounts.names())),
    )
)
"""How the store performs each effect that asks for nothing but the tables."""
