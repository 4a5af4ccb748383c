"""Signing in to the console: with a key, by a mailed link, by an operator's link; and how a session ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from convoke.aws.runtime import Aws, drive
from convoke.decision import brakes
from convoke.delivery.notify import dispatch
from convoke.delivery.reconcile import Worker
from convoke.effects import Accepted, Clock, Effect, Log, NotificationHint, SendNotification
from convoke.links import signing_in as links
from convoke.links import tokens
from convoke.pages import hints
from convoke.store import keys
from convoke.store.accounts import Scope
from convoke.store.sessions import LASTS, Link
from local import signing_in
from tests import policies
from tests.factories import SENDER, existing
from tests.mailbox import plain_text_of, read_mail
from tests.secretary import ACCOUNT, Secretary, a_secretary
from tests.tables import SETTINGS, everything, unchanged
from tests.visitor import Shown

ADA = "ada@example.org"
KEY, MAIL = "/console/sign-in", "/console/sign-in/mail"
SENT = "/console/sign-in/sent"
SITE = SETTINGS.public_url


class Door:
    """A secretary at the door, the hints that they cause, and the mails that come of these."""

    def __init__(self, secretary: Secretary, hinted: list[NotificationHint]) -> None:
        self.secretary, self.hinted = secretary, hinted
        self.store = secretary.store
        self.mails: list[bytes] = []
        self._aws = Aws(SETTINGS)
        self._aws._store = self.store

    @property
    def now(self) -> Any:
        return self.secretary.world.now

    def later(self, **past: float) -> None:
        self.secretary.world.now += timedelta(**past)

    def key(self, **said: Any) -> str:
        return self.store.accounts.create_key(account=ACCOUNT, now=self.now, **{"name": "ci", **said})

    def with_key(self, secret: str, at: str = KEY, **typed: str) -> Shown:
        return self.secretary.sends(self.secretary.get(at), KEY, key=secret, **typed)

    def asks(self, email: str, **headers: str) -> Shown:
        shown = self.secretary.get(KEY)
        return self.secretary.post(MAIL, {**shown.fields(MAIL), "email": email}, **headers)

    def deliver(self) -> None:
        """What becomes of the hints that were queued."""
        due, self.hinted[:] = list(self.hinted), []
        worker = Worker(sender=SENDER, deadline=self.now + timedelta(minutes=1), times=SETTINGS.times)
        with policies.acting_as("Deliver"):
            for hint in due:
                drive(dispatch(hint.event_id, hint.registration_id, hint.notification_id, worker), self._perform)

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Clock):
            return self.now
        if isinstance(effect, SendNotification):
            self.mails.append(effect.mail)
            return Accepted(ses_id="ses")
        if isinstance(effect, Log):
            return None
        return self._aws.perform(effect)

    def mailed(self, email: str = ADA, **headers: str) -> str:
        """The path of the link that is mailed to somebody who asks."""
        assert self.asks(email, **headers).status == 303
        self.deliver()
        return path_in(self.mails[-1])

    def link(self, *, organizer: str = "", account: str = "") -> str:
        """The path of a link that was made just now: one that was mailed, or an operator's."""
        until = self.now + links.VALID_FOR
        if account:
            return signing_in.link(self.store.sessions, "", account, self.now)
        token = links.token(self.store.link_keys.at(self.now), keys.random_id(bytes(16)), organizer, until)
        return f"/console/link/{token}"

    def press(self, path: str, **headers: str) -> Shown:
        """Open a link, and press its button."""
        shown = self.secretary.get(path)
        assert shown.status == 200, shown.text
        return self.secretary.post(path, shown.fields(path), **headers)


def path_in(mail: bytes) -> str:
    found = re.search(rf"^{re.escape(SITE)}(/console/link/\S+)", plain_text_of(mail), re.MULTILINE)
    assert found is not None, plain_text_of(mail)
    return found[1]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    hinted: list[NotificationHint] = []
    monkeypatch.setattr(hints, "send", lambda _, hint: hinted.append(hint) if hint else None)
    with a_secretary(monkeypatch) as secretary:
        yield Door(secretary, hinted)


# --- with a key ---------------------------------------------------------------------------------------------------


def test_whoever_has_a_key_is_signed_in_for_its_account(door: Door) -> None:
    done = door.with_key(door.key())
    assert (done.status, done.location) == (303, "/console")
    assert "Signed in as <bdi>ci</bdi> · <bdi>acme</bdi>" in door.secretary.follow(done).text


def test_the_session_lasts_for_twelve_hours(door: Door) -> None:
    door.with_key(door.key())
    door.later(hours=LASTS.total_seconds() / 3600, seconds=-1)
    assert door.secretary.get("/console").status == 200
    door.later(seconds=1)
    assert door.secretary.get("/console").status == 303


@pytest.mark.parametrize("typed", ["", "hello", "cvk_" + "x" * 43])
def test_a_wrong_key_is_refused_at_its_field_and_not_shown_again(door: Door, typed: str) -> None:
    shown = door.with_key(typed)
    assert shown.status == 422
    assert re.search(r'<a href="#key">[^<]+</a>', shown.text)
    assert 'id="key-error"' in shown.text
    assert not typed or typed not in shown.text
    assert not door.secretary.cookies


def test_the_key_is_in_no_page_and_no_item(door: Door) -> None:
    secret = door.key()
    shown = door.secretary.follow(door.with_key(secret))
    assert secret not in shown.text
    assert secret not in str(everything(door.secretary.world.client))


def test_the_secret_that_the_browser_keeps_is_not_stored_and_is_another_one_each_time(door: Door) -> None:
    secret = door.key()
    door.with_key(secret)
    (first,) = door.secretary.cookies.values()
    assert first not in str(everything(door.secretary.world.client))
    shown = door.secretary.get("/console")
    door.secretary.sends(shown, "/console/sign-out")
    door.with_key(secret)
    (second,) = door.secretary.cookies.values()
    assert first != second


def test_a_session_that_was_planted_is_not_the_one_that_begins(door: Door) -> None:
    """Session fixation: whoever could set a cookie in somebody's browser does not know what that is worth later."""
    door.secretary.cookies = {"__Host-convoke": "planted"}
    door.with_key(door.key())
    assert door.secretary.cookies["__Host-convoke"] != "planted"


def test_signing_in_once_more_ends_the_former_session(door: Door) -> None:
    door.with_key(door.key())
    former = door.secretary.cookies
    door.press(door.link(organizer=ADA))
    door.secretary.cookies = former
    assert door.secretary.get("/console").status == 303


def test_one_goes_on_to_the_page_that_one_wanted(door: Door) -> None:
    wanted = door.secretary.get("/console/settings")
    assert wanted.location == "/console/sign-in?next=%2Fconsole%2Fsettings"
    assert door.with_key(door.key(), wanted.location).location == "/console/settings"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/console//evil.example",
        "/console/../e/x",
        "/console\\evil.example",
        "/console/%2f%2fevil.example",
        "/consolevil",
        "/e/x",
        "/console/\nevil",
        "javascript:alert(1)",
        "/console@evil.example",
        "",
    ],
)
def test_nothing_leads_from_here_to_another_site(door: Door, elsewhere: str) -> None:
    assert door.with_key(door.key(), next=elsewhere).location == "/console"
    assert door.secretary.get(f"{KEY}?next={elsewhere.strip()}").location == "/console"


def test_guessing_from_one_network_is_slowed_down(door: Door) -> None:
    shown = door.secretary.get(KEY)
    for _ in range(brakes.ADDRESS.hour):
        assert door.secretary.sends(shown, KEY, key="cvk_" + "x" * 43).status == 422
    refused = door.secretary.sends(shown, KEY, key=door.key())
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) > 0
    assert not door.secretary.cookies


def test_guessing_keys_uses_up_no_mails_with_links(door: Door) -> None:
    door.secretary.world.hold()
    shown = door.secretary.get(KEY)
    for _ in range(brakes.ADDRESS.hour + 1):
        door.secretary.sends(shown, KEY, key="x")
    assert door.asks(ADA).status == 303


def test_a_session_ends_with_its_key(door: Door) -> None:
    door.with_key(door.key())
    door.store.accounts.revoke_key(account=ACCOUNT, name="ci", now=door.now)
    assert door.secretary.get("/console").location == KEY


def test_a_session_ends_when_its_key_expires(door: Door) -> None:
    door.with_key(door.key(valid_until=door.now + timedelta(hours=1)))
    assert door.secretary.get("/console").status == 200
    door.later(hours=1)
    assert door.secretary.get("/console").status == 303


def test_a_session_may_do_what_its_key_may_do(door: Door) -> None:
    event = door.secretary.world.hold()
    door.with_key(door.key(scopes=[Scope.READ]))
    session = existing(door.store.sessions.read(door.secretary.cookies["__Host-convoke"], door.now))
    assert session.scopes == (Scope.READ,)
    assert event


def test_a_form_from_another_site_signs_nobody_in(door: Door) -> None:
    shown = door.secretary.get(KEY)
    fields = shown.fields(KEY)
    for headers in ({"sec_fetch_site": "cross-site"}, {}):
        said = fields if headers else {**fields, "token": ""}
        refused = door.secretary.post(KEY, {**said, "key": door_key(door)}, **headers)
        assert refused.status == 422
        assert not door.secretary.cookies


def door_key(door: Door) -> str:
    return door.key(name=keys.random_id(str(len(str(everything(door.secretary.world.client)))).encode()))


# --- signing out --------------------------------------------------------------------------------------------------


def test_who_signs_out_is_out_whatever_the_browser_keeps(door: Door) -> None:
    door.secretary.sign_in()
    kept = dict(door.secretary.cookies)
    done = door.secretary.sends(door.secretary.get("/console"), "/console/sign-out")
    assert done.location == KEY
    assert not door.secretary.cookies
    door.secretary.cookies = kept
    assert door.secretary.get("/console").status == 303


def test_another_site_signs_nobody_out(door: Door) -> None:
    door.secretary.sign_in()
    shown = door.secretary.post("/console/sign-out", {"token": "x"})
    assert shown.status == 422
    assert door.secretary.get("/console").status == 200
    assert door.secretary.sends(shown, "/console/sign-out").status == 303


# --- by mail ------------------------------------------------------------------------------------------------------


def test_an_organizer_is_mailed_a_link_that_signs_them_in(door: Door) -> None:
    door.secretary.world.hold()
    path = door.mailed()
    shown = door.secretary.get(path)
    assert "<bdi>ada@example.org</bdi>" in shown.text
    assert not door.secretary.cookies, "opening the link changes nothing"
    done = door.press(path)
    assert done.location == "/console", "the token is not in the address any more"
    assert "Signed in as <bdi>ada@example.org</bdi></span>" in door.secretary.follow(done).text


def test_the_address_may_be_written_as_one_likes(door: Door) -> None:
    door.secretary.world.hold()
    assert door.press(door.mailed("Ada@Example.ORG")).status == 303


def test_the_link_goes_to_the_address_of_the_event_and_not_to_the_one_that_was_typed(door: Door) -> None:
    door.secretary.world.hold()
    door.mailed("ADA@example.org")  # which may be another mailbox
    assert read_mail(door.mails[-1])["To"] == ADA


def test_everybody_is_answered_the_same_and_only_organizers_are_mailed(door: Door) -> None:
    door.secretary.world.hold()
    answers = [door.asks(email) for email in (ADA, "bo@example.net")]
    assert {(one.status, one.location) for one in answers} == {(303, SENT)}
    assert len(door.hinted) == 2
    door.deliver()
    assert len(door.mails) == 1


def test_whoever_organized_only_what_is_long_over_is_sent_nothing(door: Door) -> None:
    event = door.secretary.world.hold(start="2027-02-02T09:00:00", end="2027-02-02T10:00:00")
    door.secretary.world.now = door.secretary.world.now.replace(year=2027, month=3, day=1)
    assert door.mailed()
    door.later(days=5)
    door.asks(ADA)
    door.deliver()
    assert len(door.mails) == 1
    assert event


def test_who_is_not_the_organizer_any_more_is_sent_nothing(door: Door) -> None:
    event = door.secretary.world.hold()
    door.secretary.world.call("PATCH", event, {"organizer": {"name": "Cy", "email": "cy@example.org"}})
    door.asks(ADA)
    door.deliver()
    assert door.mails == []
    assert door.mailed("cy@example.org")


def test_the_mail_has_nothing_of_any_event_and_is_in_the_language_that_was_asked_in(door: Door) -> None:
    door.secretary.world.hold()
    door.mailed(accept_language="de-DE,de;q=0.9")
    mail = read_mail(door.mails[0])
    assert mail["Subject"] == "Bei Ihren Veranstaltungen anmelden"
    assert "zwanzig Minuten" in mail.get_content()
    assert (mail["From"], mail["To"], mail["Reply-To"]) == (f"Convoke <{SENDER.address}>", ADA, None)
    for known in ("Kölner", "acme", "Ada "):
        assert known not in plain_text_of(door.mails[0]) + str(mail["Subject"])


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "ädä@example.org", SENDER.address])
def test_what_is_no_address_is_refused_at_its_field(door: Door, typed: str) -> None:
    shown = door.asks(typed)
    assert shown.status == 422
    assert 'id="email-error"' in shown.text
    assert f'value="{typed}"' in shown.text
    assert door.hinted == []


def test_a_mailbox_is_mailed_five_links_in_an_hour(door: Door) -> None:
    door.secretary.world.hold()
    for _ in range(7):
        assert door.asks(ADA).location == SENT
    door.deliver()
    assert len(door.mails) == 5


def test_a_network_that_asks_too_often_has_to_wait(door: Door) -> None:
    for _ in range(brakes.ADDRESS.hour):
        door.asks("bo@example.net")
    assert door.asks("bo@example.net").status == 429


def test_the_link_is_in_nothing_that_is_stored(door: Door) -> None:
    door.secretary.world.hold()
    path = door.mailed()
    stored = str(everything(door.secretary.world.client))
    assert path.rpartition("/")[2] not in stored
    door.press(path)
    assert path.rpartition("/")[2] not in str(everything(door.secretary.world.client))


def test_what_was_asked_for_is_not_sent_when_its_link_would_not_be_valid_any_more(door: Door) -> None:
    door.secretary.world.hold()
    door.asks(ADA)
    door.later(minutes=20)
    door.deliver()
    assert door.mails == []
    assert ADA not in str(
        [item for item in everything(door.secretary.world.client)[SETTINGS.invitations_table] if "NOTIF" in item["sk"]]
    )


# --- links --------------------------------------------------------------------------------------------------------


WHOM = pytest.mark.parametrize("whom", [{"organizer": ADA}, {"account": ACCOUNT}], ids=["mailed", "operator's"])


@WHOM
def test_a_link_is_good_once(door: Door, whom: dict[str, str]) -> None:
    path = door.link(**whom)
    opened = door.secretary.get(path)
    assert door.press(path).status == 303
    for again in (door.secretary.get(path), door.secretary.post(path, opened.fields(path))):
        assert again.status == 410
        assert 'href="/v1/console/sign-in"' in again.text


@WHOM
def test_two_who_press_at_once_are_not_both_signed_in(
    door: Door, monkeypatch: pytest.MonkeyPatch, whom: dict[str, str]
) -> None:
    """The second reads that the link is unused, and is refused by the condition of the write."""
    path = door.link(**whom)
    opened, unused = door.secretary.get(path), door.store.sessions.link(path.rpartition("/")[2])
    assert unused == (Link(account=ACCOUNT, valid_until=door.now + links.VALID_FOR) if "account" in whom else None)
    door.press(path)
    door.secretary.cookies = {}
    monkeypatch.setattr(door.store.sessions, "link", lambda _: unused)
    assert door.secretary.post(path, opened.fields(path)).status == 410
    assert not door.secretary.cookies


@WHOM
def test_a_link_is_valid_for_twenty_minutes(door: Door, whom: dict[str, str]) -> None:
    path = door.link(**whom)
    door.later(minutes=20, seconds=-1)
    assert door.secretary.get(path).status == 200
    door.later(seconds=1)
    assert door.secretary.get(path).status == 410


def test_what_is_no_link_is_no_page(door: Door) -> None:
    path = door.link(organizer=ADA)
    for other in (path[:-1], path + "A", "/console/link/x", path.replace("/link/", "/links/")):
        door.secretary.sign_in()
        assert door.secretary.get(other).status == 404


def test_opening_a_link_changes_nothing(door: Door) -> None:
    path = door.link(organizer=ADA)
    door.secretary.get(KEY)  # makes the keys of links
    with unchanged(door.secretary.world.client):
        for method in ("GET", "HEAD"):
            assert door.secretary.ask(method, path).status == 200


def test_the_button_of_another_site_uses_no_link(door: Door) -> None:
    path = door.link(organizer=ADA)
    assert door.press(path, sec_fetch_site="cross-site").status == 422
    assert not door.secretary.cookies
    assert door.press(path, sec_fetch_site="same-origin").status == 303


def test_an_operator_acts_for_the_account_of_their_link(door: Door) -> None:
    shown = door.secretary.follow(door.press(door.link(account=ACCOUNT)))
    assert "Signed in as <bdi>operator</bdi> · <bdi>acme</bdi>" in shown.text


def test_pages_of_the_door_tell_no_other_site_where_one_was(door: Door) -> None:
    for path in (KEY, SENT, door.link(organizer=ADA)):
        headers = door.secretary.get(path).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_a_link_that_somebody_quotes_in_a_reply_is_not_kept(door: Door) -> None:
    for path in (door.link(organizer="a@b.cc"), door.link(organizer=ADA)):
        quoted = tokens.redacted(f"> {SITE}{path[:70]}\n> {path[70:]}\nThanks")
        assert quoted == f"> {SITE}/console/link/…\nThanks"


# --- the settings of an account -----------------------------------------------------------------------------------

SETTINGS_PAGE = "/console/settings"


def settings_of(door: Door) -> dict[str, Any]:
    said: dict[str, Any] = door.secretary.world.call("GET", "/account").body
    return said


def test_the_settings_of_the_account_are_changed_in_a_form(door: Door) -> None:
    door.secretary.sign_in()
    shown = door.secretary.get(SETTINGS_PAGE)
    changed = {"name": "Kölner Verein", "colour": "#1f4e79", "imprint": "https://example.org/i", "notify_after": "0"}
    done = door.secretary.sends(shown, SETTINGS_PAGE, **changed)
    assert done.location == f"{SETTINGS_PAGE}?done=settings"
    shown = door.secretary.follow(done)
    assert 'value="Kölner Verein"' in shown.text
    assert "Saved." in shown.text
    now = settings_of(door)
    assert (now["name"], now["colour"], now["imprint"]) == ("Kölner Verein", "#1f4e79", "https://example.org/i")
    assert (now["notify_after"], now["privacy"]) == (0, "")


def test_an_empty_field_goes_back_to_what_it_is_by_default(door: Door) -> None:
    before = settings_of(door)
    door.secretary.world.call("PATCH", "/account", {"name": "A", "unconfirmed_mails": 3, "notify_after": 5})
    door.secretary.sign_in()
    shown = door.secretary.get(SETTINGS_PAGE)
    blank = dict.fromkeys(("name", "unconfirmed_mails", "notify_after"), "")
    assert door.secretary.sends(shown, SETTINGS_PAGE, **blank).status == 303
    assert settings_of(door) == before


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("colour", "red"),
        ("imprint", "http://example.org"),
        ("privacy", "javascript:alert(1)"),
        ("notify_after", "901"),
        ("notify_after", "soon"),
        ("unconfirmed_mails", "-1"),
        ("name", "a\tb" * 100),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(door: Door, field: str, typed: str) -> None:
    door.secretary.sign_in()
    before = settings_of(door)
    shown = door.secretary.submits(SETTINGS_PAGE, **{"name": "New", field: typed})
    assert shown.status == 422
    assert f'id="{field}-error"' in shown.text
    assert field == "name" or 'value="New"' in shown.text
    assert f'value="{typed}"' in shown.text
    assert settings_of(door) == before


def test_who_saves_over_somebody_else_s_change_is_told_so_first(door: Door) -> None:
    door.secretary.sign_in()
    shown = door.secretary.get(SETTINGS_PAGE)
    door.secretary.world.call("PATCH", "/account", {"name": "Theirs"})
    again = door.secretary.sends(shown, SETTINGS_PAGE, name="Mine")
    assert again.status == 422
    assert "Somebody changed these settings" in again.text
    assert settings_of(door)["name"] == "Theirs"
    assert door.secretary.sends(again, SETTINGS_PAGE).status == 303
    assert settings_of(door)["name"] == "Mine"


def test_the_logo_is_shown_and_can_be_removed(door: Door) -> None:
    dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
    done = door.secretary.world.call("PATCH", "/account", {"logo": {"type": "image/png", "data": dot}})
    assert done.status == 200, done.raw
    door.secretary.sign_in()
    shown = door.secretary.get(SETTINGS_PAGE)
    assert f'<img src="{done.body["logo"]}"' in shown.text
    door.secretary.sends(shown, SETTINGS_PAGE, name="A")
    assert settings_of(door)["logo"]
    door.secretary.submits(SETTINGS_PAGE, remove_logo="yes")
    assert settings_of(door)["logo"] is None


def test_a_key_that_may_only_read_changes_no_settings(door: Door) -> None:
    door.with_key(door.key(scopes=[Scope.READ]))
    shown = door.secretary.submits(SETTINGS_PAGE, name="Mine")
    assert shown.status == 422
    assert "lacks the scope manage" in shown.text
    assert settings_of(door)["name"] == ""


def test_an_organizer_has_no_settings(door: Door) -> None:
    door.secretary.sign_in(organizer=ADA)
    assert door.secretary.get(SETTINGS_PAGE).status == 404
    assert 'href="/v1/console/settings"' not in door.secretary.get("/console").text
