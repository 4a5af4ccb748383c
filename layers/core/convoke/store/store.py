"""All repositories of one deployment, bound to its client and settings once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..settings import Settings
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
