"""The sample event of `make run`, over HTTP: two people register, the event moves, one of them withdraws, and the event
is cancelled.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from convoke.model import ConvokeError

from . import mailbag
from .mailbag import Mail

PEOPLE = {"bo@example.net": "Bo Ek", "cleo@example.com": "Cléo Petit"}


class Refused(ConvokeError):
    """The API, or a proxy before it, answered with an error status; ``said`` is the body."""

    def __init__(self, what: str, status: int, said: str) -> None:
        super().__init__(f"{what} was answered with {status}: {said}")
        self.status = status
        self.said = said


class Caller:
    """A client of the API with a key."""

    def __init__(self, api: str, key: str) -> None:
        self._api = api
        self._key = key

    def __call__(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:
        """Send one request and return the decoded response. Raises :class:`Refused`."""
        request = urllib.request.Request(  # noqa: S310
            self._api + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise Refused(f"{method} {path}", refusal.code, refusal.read().decode()) from None


def play(api: str, key: str, mail: Path, say: Callable[[str], None]) -> list[Mail]:
    """Run the sample and print who was sent what. Raises :class:`mailbag.NotArrived` if a mail does not arrive."""
    call = Caller(api, key)
    start = (datetime.now(UTC) + timedelta(days=21)).replace(hour=18, minute=0, second=0, microsecond=0, tzinfo=None)
    mails_after = mailbag.steps(mail, PEOPLE, say)

    say("The story:")
    event = call(
        "POST",
        "/events",
        {
            "title": "Kölner Treffen",
            "start": start.isoformat(),
            "duration": "PT2H",
            "time_zone": "Europe/Berlin",
            "location": "Altes Pfandhaus",
            "organizer": {"name": "Ada", "email": "ada@example.org"},
            "public": True,
        },
    )
    say(f"  its page is {event['page']}")
    here = f"/events/{event['event_id']}"
    registrations = [
        call("POST", f"{here}/registrations", {"name": name, "email": email}) for email, name in PEOPLE.items()
    ]
    mails_after("two people register", 2)
    later = start + timedelta(days=1, hours=1)
    call("PATCH", here, {"start": later.isoformat(), "duration": "PT2H"})
    mails_after("the event moves to the next day", 2)
    call("DELETE", f"{here}/registrations/{registrations[1]['registration_id']}")
    mails_after(f"{PEOPLE['cleo@example.com']} withdraws", 1)
    call("POST", f"{here}/cancel", {"reason": "The house is closed"})
    mails = mails_after("the event is cancelled", 1)
    say("\n" + mailbag.table(mails, PEOPLE))
    return mails


def hold(api: str, key: str) -> str:
    """Another event, for which whoever opens its page may register; the address of the page."""
    start = (datetime.now(UTC) + timedelta(days=28)).replace(hour=19, minute=0, second=0, microsecond=0, tzinfo=None)
    event = Caller(api, key)(
        "POST",
        "/events",
        {
            "title": "Offener Abend",
            "start": start.isoformat(),
            "duration": "PT2H",
            "time_zone": "Europe/Berlin",
            "location": "Alte Feuerwache, Köln",
            "description": "Music, soup, and a view of the river.",
            "organizer": {"name": "Ada", "email": "ada@example.org"},
            "capacity": 3,
            "public": True,
        },
    )
    return str(event["page"])
