"""Makes the personal links of mails, at the moment a mail is sent: a token is in no table, no queue and no log."""

from __future__ import annotations

from datetime import datetime

from ..links import signing_in, tokens
from ..links.tokens import RECENT_FOR, Purpose
from ..links.urls import Urls
from ..mail import placeholders
from ..settings import Settings
from ..store.link_keys import LinkKeys


class PersonalLinks:
    """The links of one deployment. Its keys are read once a minute: what reads them may raise botocore's errors."""

    def __init__(self, settings: Settings, keys: LinkKeys) -> None:
        self.urls = Urls(settings.public_url)
        self.keys = keys

    def filled(self, mail: bytes, event_id: str, registration_id: str, links: int | None, now: datetime) -> bytes:
        """``mail`` as it is sent at ``now`` (UTC), with the links of a registration whose counter is ``links``.

        ``None``: the recipient is not, or no longer, the one whom the registration belongs to. Such a mail leads to
        where everybody can ask for their own link, and offers no withdrawal.
        """
        if links is None:
            return placeholders.filled(mail, personal=self.urls.lost_link(event_id), withdraw=None)
        withdraw = self._token(Purpose.WITHDRAW, event_id, registration_id, links, now)
        return placeholders.filled(
            mail,
            personal=self.personal(event_id, registration_id, links, now),
            withdraw=self.urls.withdraw(withdraw),
        )

    def personal(self, event_id: str, registration_id: str, links: int, now: datetime) -> str:
        """The URL of the personal page of a registration whose counter is ``links``."""
        return self.urls.personal(self._token(Purpose.PERSONAL, event_id, registration_id, links, now))

    def confirm(self, registration_id: str, until: datetime, now: datetime) -> str:
        """The URL by which the address of an unconfirmed registration is confirmed until an instant (UTC)."""
        token = tokens.sealed(self.keys.at(now), Purpose.CONFIRM, registration_id.encode(), until)
        return self.urls.confirm(token)

    def fresh(self, event_id: str, registration_id: str, links: int, now: datetime) -> str:
        """The URL of the personal page that, for an hour from ``now`` (UTC), also opens what others must not open."""
        ids = event_id, registration_id
        token = tokens.personal(self.keys.at(now), Purpose.RECENT, *ids, links, now + RECENT_FOR)
        return self.urls.personal(token)

    def new_address(self, change: bytes, until: datetime, now: datetime) -> str:
        """The URL by which a new address of a registration is confirmed until an instant (UTC)."""
        return self.urls.confirm(tokens.sealed(self.keys.at(now), Purpose.ADDRESS, change, until))

    def sign_in(self, link_id: str, organizer: str, until: datetime, now: datetime) -> str:
        """The URL by which an organizer signs in to the console until an instant (UTC)."""
        return self.urls.sign_in(signing_in.token(self.keys.at(now), link_id, organizer, until))

    def _token(self, purpose: Purpose, event_id: str, registration_id: str, links: int, now: datetime) -> str:
        return tokens.personal(self.keys.at(now), purpose, event_id, registration_id, links)
