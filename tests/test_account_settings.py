"""What an account decides for its events and their pages: over HTTP, and as processes keep it for a minute."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from convoke.model import AccountSettings
from convoke.store import account_settings, dynamo, keys
from convoke.store.account_settings import LARGEST_LOGO, kind_of, logo_of
from convoke.store.store import Store
from convoke.web import context
from tests.caller import World, a_caller
from tests.factories import existing
from tests.fixtures import patching_fixture_of
from tests.tables import SETTINGS, unchanged

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(500)
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(20)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
NOTHING_DECIDED = {
    "account": "acme",
    "name": "",
    "colour": "",
    "logo": None,
    "imprint": "",
    "privacy": "",
    "notify_after": 60,
    "unconfirmed_mails": 500,
}


world = patching_fixture_of(a_caller)


def image(data: bytes = PNG, media_type: str = "image/png") -> dict[str, str]:
    return {"data": base64.b64encode(data).decode(), "type": media_type}


def test_an_account_that_has_decided_nothing_has_the_defaults(world: World) -> None:
    answer = world.call("GET", "/account")
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, NOTHING_DECIDED, '"0"')


def test_what_is_decided_is_answered_and_what_is_not_named_stays(world: World) -> None:
    given = {
        "name": "Kölner Gruppe",
        "colour": "#1A7F37",
        "imprint": "https://example.org/imprint",
        "privacy": "https://example.org/privacy",
    }
    answer = world.call("PATCH", "/account", given)
    decided = NOTHING_DECIDED | given | {"colour": "#1a7f37"}
    assert (answer.status, answer.body, answer.headers["etag"]) == (200, decided, '"1"')
    answer = world.call("PATCH", "/account", {"notify_after": 0, "unconfirmed_mails": 10_000, "imprint": None})
    decided |= {"notify_after": 0, "unconfirmed_mails": 10_000, "imprint": ""}
    assert (answer.body, answer.headers["etag"]) == (decided, '"2"')
    answer = world.call("PATCH", "/account", {"notify_after": None})
    assert answer.body == world.call("GET", "/account").body == decided | {"notify_after": 60}


def test_a_patch_that_changes_nothing_writes_nothing(world: World) -> None:
    world.call("PATCH", "/account", {"name": "A", "logo": image()})
    with unchanged(world.client):
        answer = world.call("PATCH", "/account", {"name": "A", "logo": image()})
        assert (answer.status, answer.headers["etag"]) == (200, '"1"')


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"colour": "#12345"}, "colour"),
        ({"colour": "#12345g"}, "colour"),
        ({"colour": "#123456\n"}, "colour"),
        ({"colour": "#１23456"}, "colour"),
        ({"imprint": "http://example.org"}, "imprint"),
        ({"imprint": "javascript:alert(1)"}, "imprint"),
        ({"privacy": "https://a@example.org"}, "privacy"),
        ({"privacy": "HTTP://example.org"}, "privacy"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"notify_after": -1}, "notify_after"),
        ({"notify_after": 901}, "notify_after"),
        ({"notify_after": True}, "notify_after"),
        ({"unconfirmed_mails": 10_001}, "unconfirmed_mails"),
        ({"unconfirmed_mails": "5"}, "unconfirmed_mails"),
        ({"version": 7}, "version"),
        ({"logo": "https://example.org/logo.png"}, "logo"),
        ({"logo": {}}, "logo.data"),
        ({"logo": {"data": "iVBORw0KGgo="}}, "logo.type"),
        ({"logo": image() | {"data": "not base64!"}}, "logo.data"),
        ({"logo": image(JPEG)}, "logo.data"),
        ({"logo": image(b"")}, "logo.data"),
        ({"logo": image(SVG)}, "logo.data"),
        ({"logo": image(SVG, "image/svg+xml")}, "logo.type"),
        ({"logo": image(PNG + bytes(LARGEST_LOGO))}, "logo.data"),
        ({"logo": image() | {"name": "x"}}, "logo.name"),
    ],
)
def test_what_cannot_be_decided_is_refused_by_field_and_stores_nothing(
    world: World, given: dict[str, Any], field: str
) -> None:
    with unchanged(world.client):
        answer = world.call("PATCH", "/account", {"name": "A"} | given)
        assert answer.status == 422
        assert field in answer.fields


@pytest.mark.parametrize(
    ("data", "media_type", "ending"),
    [(PNG, "image/png", "png"), (JPEG, "image/jpeg", "jpg"), (WEBP, "image/webp", "webp")],
)
def test_a_logo_is_kept_here_and_answered_as_where_it_is_served(
    world: World, data: bytes, media_type: str, ending: str
) -> None:
    answer = world.call("PATCH", "/account", {"logo": image(data, media_type)})
    assert answer.status == 200, answer.raw
    where, _, name = answer.body["logo"].rpartition("/")
    assert where == f"{SETTINGS.public_url}/assets"
    assert name.startswith("logo-")
    assert name.endswith("." + ending)
    kept = existing(world.store.account_settings.logo(name))
    assert (kept.name, kept.media_type, kept.data) == (name, media_type, data)
    assert world.store.account_settings.of("acme").logo == name


def test_without_an_address_of_its_own_what_is_served_is_where_the_request_came_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "settings", lambda: replace(SETTINGS, public_url=""))
    logo = world.call("PATCH", "/account", {"logo": image()}).body["logo"]
    assert logo.startswith("https://api.convoke.example.com/v1/assets/logo-")


def test_the_largest_logo_fits(world: World) -> None:
    largest = PNG + bytes(LARGEST_LOGO - len(PNG))
    assert world.call("PATCH", "/account", {"logo": image(largest)}).status == 200
    assert world.call("PATCH", "/account", {"name": "x" * 170_000}).status == 413


def test_another_logo_takes_the_place_of_the_former_one_and_null_removes_it(world: World) -> None:
    def logo(given: Any) -> str:
        return str(world.call("PATCH", "/account", {"logo": given}).body["logo"]).rpartition("/")[2]

    settings = world.store.account_settings
    first, second = logo(image()), logo(image(JPEG, "image/jpeg"))
    assert first != second
    assert settings.logo(first) is None
    assert settings.logo(second) is not None
    assert logo(image(JPEG, "image/jpeg")) == second
    assert settings.logo(second) is not None
    assert logo(None) == "None"
    assert settings.logo(second) is None
    assert [row["sk"] for row in rows(world)] == ["SETTINGS"]


def rows(world: World) -> list[Any]:
    return list(dynamo.pages(world.client.scan, TableName=SETTINGS.accounts_table))


def test_a_name_that_is_served_is_another_one_for_every_content_and_account() -> None:
    names = [logo_of(account, data, "image/png").name for account in ("acme", "eve") for data in (PNG, PNG + b"!")]
    assert len(set(names)) == 4
    assert logo_of("acme", PNG, "image/png").name == names[0]


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"\x89PN", b" \x89PNG\r\n\x1a\n", SVG]
)
def test_what_is_no_image_is_taken_for_none(data: bytes) -> None:
    assert kind_of(data) is None


def test_another_account_s_key_sees_and_changes_its_own_settings_only(world: World) -> None:
    world.call("PATCH", "/account", {"name": "secret", "logo": image(), "privacy": "https://secret.example.org"})
    with unchanged(world.client):
        answer = world.call("GET", "/account", account="eve")
        assert answer.body == NOTHING_DECIDED | {"account": "eve"}
    changed = world.call("PATCH", "/account", {"name": "Eve", "logo": image()}, account="eve")
    assert changed.headers["etag"] == '"1"'
    assert world.call("PATCH", "/account", {"logo": None}, account="eve").status == 200
    mine = world.call("GET", "/account").body
    assert mine["name"] == "secret"
    assert world.store.account_settings.logo(mine["logo"].rpartition("/")[2]) is not None, "the same image is another's"


@pytest.mark.parametrize(
    ("wanted", "status"), [('"1"', 200), ("*", 200), ('"0"', 412), ('W/"1"', 412), ('"7", "1"', 200), ("1", 412)]
)
def test_a_change_may_be_meant_for_one_version(world: World, wanted: str, status: int) -> None:
    world.call("PATCH", "/account", {"name": "A"})
    answer = world.call("PATCH", "/account", {"name": "B"}, if_match=wanted)
    assert answer.status == status
    assert world.call("GET", "/account").body["name"] == ("B" if status == 200 else "A")


def test_settings_that_the_caller_has_already_are_not_sent_again(world: World) -> None:
    world.call("PATCH", "/account", {"name": "A"})
    assert world.call("GET", "/account", if_none_match='"1"').status == 304
    world.call("PATCH", "/account", {"name": "B"})
    assert world.call("GET", "/account", if_none_match='"1"').status == 200


def test_two_changes_at_the_same_moment_are_both_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, other = world.store.account_settings, Store(world.client, SETTINGS).account_settings
    read, first = settings.read, [True]

    def overtaken(account: str) -> AccountSettings:
        seen = read(account)
        if first and first.pop():
            assert other.change("acme", seen, replace(seen, name="The other"))
        return seen

    monkeypatch.setattr(settings, "read", overtaken)
    answer = world.call("PATCH", "/account", {"colour": "#000000"})
    assert (answer.body["name"], answer.body["colour"], answer.headers["etag"]) == ("The other", "#000000", '"2"')


def test_a_process_reads_the_settings_once_a_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: seconds[0])
    mine, other = (Store(world.client, SETTINGS).account_settings for _ in range(2))
    assert mine.of("acme") == AccountSettings()
    assert other.change("acme", mine.of("acme"), AccountSettings(name="A"))
    assert other.of("acme") == AccountSettings(name="A", version=1)
    seconds[0] += 59
    assert mine.of("acme").name == ""
    seconds[0] += 2
    assert mine.of("acme").name == "A"


def test_a_process_keeps_the_settings_of_so_many_accounts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_settings, "MOST_KNOWN", 3)
    settings = world.store.account_settings
    for number in range(10):
        settings.of(f"a{number}")
        assert len(settings._known) <= 3


def test_a_setting_that_a_later_version_stored_does_not_hinder_this_one(world: World) -> None:
    item = {**keys.account_settings("acme"), "account": "acme", "version": 3, "name": "A", "font": "serif"}
    world.client.put_item(TableName=SETTINGS.accounts_table, Item=dynamo.wire(item))
    assert world.store.account_settings.read("acme") == AccountSettings(version=3, name="A")
