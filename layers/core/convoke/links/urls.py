"""The addresses of the pages for people, below the address that a deployment has for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Urls:
    """The URLs below ``public_url``, which has no slash at its end. Ids and tokens need no escaping in a path."""

    public_url: str

    def event(self, event_id: str) -> str:
        """The event's page."""
        return f"{self.public_url}/e/{event_id}"

    def event_ics(self, event_id: str) -> str:
        """The event as a calendar that anybody may subscribe to."""
        return f"{self.event(event_id)}.ics"

    def register(self, event_id: str) -> str:
        return f"{self.event(event_id)}/register"

    def lost_link(self, event_id: str) -> str:
        """Where somebody asks for their personal link."""
        return f"{self.event(event_id)}/link"

    def confirm(self, token: str) -> str:
        """Where an address is confirmed. The token is for CONFIRM or ADDRESS."""
        return f"{self.public_url}/c/{token}"

    def personal(self, token: str) -> str:
        """The personal page. The token is for PERSONAL or RECENT."""
        return f"{self.public_url}/r/{token}"

    def action(self, token: str, action: str) -> str:
        """Where a form of the personal page is sent to."""
        return f"{self.personal(token)}/{action}"

    def feed(self, token: str) -> str:
        """The private feed of a registration, as https; calendars also take it as webcal. The token is for FEED."""
        return f"{self.public_url}/f/{token}.ics"

    def withdraw(self, token: str) -> str:
        """One-click unsubscribe (RFC 8058). The token is for WITHDRAW."""
        return f"{self.public_url}/u/{token}"

    def console(self) -> str:
        """Where organizers sign in, and what they see then."""
        return f"{self.public_url}/console"

    def sign_in(self, token: str) -> str:
        """Where somebody signs in to the console. The token is for SIGN_IN, or an operator's."""
        return f"{self.console()}/link/{token}"

    def asset(self, name: str) -> str:
        return f"{self.public_url}/assets/{name}"
