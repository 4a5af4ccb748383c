"""What each account has decided for its events and their pages, and the image that the pages show."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import Any

from ..model import AccountSettings, InvalidField, Logo
from ..settings import Settings
from . import codec, conditions, keys
from .repository import Repository
from .writes import delete, put

KNOWN_FOR = 60.0
"""For how many seconds a process keeps what it has read."""
MOST_KNOWN = 1000
"""Of how many accounts a process keeps the settings."""
LARGEST_LOGO = 100_000
"""Bytes."""
DEFAULT = AccountSettings()
EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
"""The media types that an image may have, with the ending of its name. No SVG: it can hold scripts and links."""

codec.record(AccountSettings)
codec.record(Logo)


class SettingsOfAccounts(Repository):
    def __init__(self, client: Any, settings: Settings) -> None:
        super().__init__(client, settings)
        self._known: dict[str, tuple[float, AccountSettings]] = {}

    def of(self, account: str) -> AccountSettings:
        """What the account has decided, or the defaults; read at most once a minute."""
        at, known = self._known.get(account, (float("-inf"), DEFAULT))
        return known if time.monotonic() - at <= KNOWN_FOR else self.read(account)

    def read(self, account: str) -> AccountSettings:
        """What the account has decided, or the defaults, as it is stored now."""
        found = self._get(AccountSettings, self._accounts, keys.account_settings(account)) or DEFAULT
        self._keep(account, found)
        return found

    def change(self, account: str, seen: AccountSettings, after: AccountSettings, logo: Logo | None = None) -> bool:
        """Write ``after`` in the place of ``seen``, as its next version; ``logo`` is the image that it names where
        ``seen`` does not, and the former one is deleted. False: somebody changed the settings meanwhile.
        """
        after, key = replace(after, version=seen.version + 1), keys.account_settings(account)
        unchanged = conditions.NEW_OR_VERSION_UNCHANGED if seen.version == 0 else conditions.VERSION_UNCHANGED
        actions = {
            "settings": put(self._accounts, codec.item(after, key, account=account), unchanged, version=seen.version)
        }
        if logo is not None and after.logo != seen.logo:
            actions["logo"] = put(self._accounts, codec.item(logo, keys.logo(logo.name), account=account))
        if seen.logo and after.logo != seen.logo:
            actions["former logo"] = delete(self._accounts, keys.logo(seen.logo))
        if self._attempt(actions):
            return False
        self._keep(account, after)
        return True

    def logo(self, name: str) -> Logo | None:
        """The image that is served under this name (``AccountSettings.logo`` of whichever account), or ``None``."""
        return self._get(Logo, self._accounts, keys.logo(name))

    def _keep(self, account: str, found: AccountSettings) -> None:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[account] = time.monotonic(), found


def logo_of(account: str, data: bytes, media_type: str) -> Logo:
    """The image of an account. It is looked at, not believed: raises :class:`InvalidField` unless its first bytes are
    those of the media type, and it has at most :data:`LARGEST_LOGO` bytes.
    """
    if len(data) > LARGEST_LOGO:
        raise InvalidField("logo.data", f"must have at most {LARGEST_LOGO} bytes")
    if media_type not in EXTENSIONS or kind_of(data) != media_type:
        raise InvalidField("logo.data", f"is no {media_type} image" if media_type in EXTENSIONS else "is no image")
    digest = hashlib.sha256(account.encode() + b"\0" + data).hexdigest()
    return Logo(name=f"logo-{digest[:32]}.{EXTENSIONS[media_type]}", media_type=media_type, data=data)


def kind_of(data: bytes) -> str | None:
    """The media type of an image by its first bytes: PNG (section 5.2), JPEG (SOI and a marker), WebP (RFC 9649)."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    return None
