"""The personal links of mails: put in at sending, only for whom they are, and kept nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from convoke.aws.personal_links import PersonalLinks
from convoke.calendar import itip
from convoke.decision.calendar_state import Message
from convoke.delivery.reconcile import links_for
from convoke.inbound import plain_text
from convoke.links import tokens
from convoke.links.tokens import InvalidLink, Keys, Purpose
from convoke.mail import invitation_mail, placeholders, spliced
from convoke.mail.placeholders import PERSONAL, WITHDRAW, WRITTEN
from convoke.model import Person, RenderError
from convoke.registrations import addresses
from convoke.registrations.events import create_event
from convoke.registrations.registry import register, swap_addresses, withdraw
from convoke.store import dynamo, keys
from tests.deployment import Deployment, a_deployment
from tests.factories import EVENT_ID, NOW, REGISTRATION_ID, event, existing, message, registration
from tests.fixtures import fixture_of
from tests.mailbox import read_mail
from tests.tables import SETTINGS, everything
from tests.test_functions import move
from tests.test_itip import ANY_MESSAGE, ANYTHING
from tests.world import World, a_world

ADDRESS = "https://pages.convoke.example.com/v1"
TOKEN = re.compile(r"[A-Za-z0-9_-]{74}")
PERSON = keys.registration(EVENT_ID, REGISTRATION_ID)
HERS, OUT = f"{ADDRESS}/r/{'A' * 74}", f"{ADDRESS}/u/{'B' * 74}"
FORGED = (
    *(PERSONAL, WITHDRAW, WRITTEN.decode(), PERSONAL.replace("_", "\\x5f"), PERSONAL.replace("_", "&#95;")),
    f"https://evil.example/?{PERSONAL}",
    f"https://evil.example/?{WRITTEN.decode()}",
    f"x\r\n{WRITTEN.decode()}=\r\n",
    f"=\r\n{WRITTEN.decode()}",
    f'"><a href="https://evil.example/{WRITTEN.decode()}">',
    f"x\r\nList-Unsubscribe: <{WITHDRAW}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    f"=?utf-8?q?{WRITTEN.decode()}?=",
    f"{PERSONAL} ü",
)


def mail_of(said: Message) -> bytes:
    return invitation_mail.rendered(said, sequence=2, dtstamp=NOW).mail


def filled(mail: bytes, *, personal: str = HERS, withdraw: str | None = OUT) -> bytes:
    return placeholders.filled(mail, personal=personal, withdraw=withdraw)


def content(parsed: EmailMessage, kind: str) -> Any:
    (part,) = [one for one in parsed.walk() if one.get_content_type() == kind]
    found = part.get_content()
    return found.replace("\r\n", "\n") if isinstance(found, str) else found


# --- in the mail --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["https://a.example", ADDRESS, f"https://{'long.' * 40}example/{'path/' * 20}x"])
@given(said=ANY_MESSAGE)
@settings(max_examples=40, deadline=None)
def test_each_mail_has_one_personal_link_in_the_text_and_in_the_page_and_one_to_withdraw(
    base: str, said: Message
) -> None:
    hers, out = f"{base}/r/{'A' * 74}", f"{base}/u/{'B' * 74}"
    mail = filled(mail_of(said), personal=hers, withdraw=out)
    head, _, body = mail.partition(b"\r\n\r\n")
    assert max(len(line) for line in body.split(b"\r\n")) <= 76
    assert max(len(line) for line in head.split(b"\r\n")) <= 998
    parsed = read_mail(mail)
    assert f"\n{hers}\n\n" in content(parsed, "text/plain")
    assert content(parsed, "text/html").count(f'href="{hers}"') == 1
    assert [str(one) for one in parsed.get_all("List-Unsubscribe", [])] == [f"<{out}>"]
    assert parsed.get_all("List-Unsubscribe-Post") == ["List-Unsubscribe=One-Click"]
    assert placeholders.counted(mail) == (0, 0)
    assert mail.count(b"AAAAAAAAAA") >= 2


def test_the_two_fields_are_in_the_order_that_programs_expect_and_no_line_of_them_is_folded() -> None:
    head = filled(mail_of(message())).partition(b"\r\n\r\n")[0].decode()
    assert f"\r\nList-Unsubscribe: <{OUT}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nContent-Type" in head


@given(ANY_MESSAGE, ANYTHING)
@settings(max_examples=40, deadline=None)
def test_links_change_nothing_else(said: Message, name: str) -> None:
    before = mail_of(replace(said, attendee=replace(said.attendee, name=name)))
    after = filled(before, personal=f"{ADDRESS}/r/x", withdraw=f"{ADDRESS}/u/y")
    assert after.replace(f"{ADDRESS}/r/x".encode(), WRITTEN).replace(f"{ADDRESS}/u/y".encode(), WITHDRAW.encode()) == (
        before
    )


@pytest.mark.parametrize("typed", FORGED)
@pytest.mark.parametrize("field", ["title", "description", "location", "reason", "attendee", "reply_to"])
def test_no_text_that_somebody_typed_is_a_placeholder(field: str, typed: str) -> None:
    """Else whoever writes one into an address of their own is sent each attendee's token by whoever follows it."""
    if field in ("attendee", "reply_to"):
        said = message(**{field: Person(name=typed, email=f"{field}@example.net")})
    else:
        said = message(**{field: typed})
    for mail in (mail_of(said), spliced.rendered(said, sequence=2, dtstamp=NOW).mail):
        assert placeholders.counted(mail) == (1, 2)
        sent = filled(mail)
        parsed = read_mail(sent)
        plain, html = content(parsed, "text/plain"), content(parsed, "text/html")
        assert plain.count("A" * 74) == html.count("A" * 74) == 1
        assert f'href="{HERS}"' in html
        assert f"\n{HERS}\n" in plain
        assert [str(one) for one in parsed.get_all("List-Unsubscribe", [])] == [f"<{OUT}>"]
        assert sent.count(b"B" * 74) == 1


@given(st.text(alphabet="_=5Fyourpesnalik\r\n ", max_size=120))
@settings(max_examples=200, deadline=None)
def test_no_text_of_the_letters_of_the_placeholder_makes_one(typed: str) -> None:
    mail = mail_of(message(title=typed[:60] or "x", description=typed, location=typed))
    assert placeholders.counted(mail) == (1, 2)


def test_a_mail_that_was_stored_before_there_were_links_is_sent_as_it_is() -> None:
    mail = b"From: a@example.org\r\nSubject: _your_link_to_withdraw_\r\n\r\n_your_personal_link_\r\n"
    assert filled(mail) == mail


@pytest.mark.parametrize(
    "url",
    ["", "/r/x", "javascript:x", "https://a.example/ x", 'https://a.example/"', "https://a/=", "https://ä.example"],
)
def test_what_is_no_url_of_ours_is_never_put_in(url: str) -> None:
    for links in ({"personal": url}, {"withdraw": url}):
        with pytest.raises(RenderError):
            filled(mail_of(message()), **links)


@given(ANY_MESSAGE)
@settings(max_examples=30, deadline=None)
def test_no_calendar_has_a_place_for_a_personal_link(said: Message) -> None:
    """A calendar's entry is shown to others, and forwarded."""
    mail = mail_of(said)
    calendars = [
        part
        for part in read_mail(filled(mail)).walk()
        if part.get_content_type() in ("text/calendar", "application/ics")
    ]
    assert [part.get_payload(decode=True) for part in calendars] == [itip.calendar(said, sequence=2, dtstamp=NOW)] * 2


# --- for whom -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("email", "recipient", "links"),
    [
        ("bo@example.net", "bo@example.net", 7),
        ("Bo@Example.NET", "bo@example.net", 7),
        ("new@example.net", "bo@example.net", None),
        ("", "bo@example.net", None),
    ],
    ids=["the holder", "in other letters", "a former address", "erased"],
)
def test_only_whom_the_registration_belongs_to_is_sent_its_link(email: str, recipient: str, links: int | None) -> None:
    assert links_for(registration(email=email, links=7), recipient) == links


def test_whoever_has_the_former_address_is_led_to_where_anybody_asks_for_a_link() -> None:
    linked = PersonalLinks(SETTINGS, Mock())
    mail = linked.filled(mail_of(message()), EVENT_ID, REGISTRATION_ID, None, NOW)
    parsed = read_mail(mail)
    assert f"\n{ADDRESS}/e/{EVENT_ID}/link\n" in content(parsed, "text/plain")
    assert parsed["List-Unsubscribe"] is None
    assert parsed["List-Unsubscribe-Post"] is None
    assert not TOKEN.search(content(parsed, "text/plain") + content(parsed, "text/html"))


# --- what is sent -------------------------------------------------------------------------------------------------


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    with a_deployment(monkeypatch) as made:
        create_event(made.store, event())
        register(made.store, registration(), now=NOW)
        yield made


def sent(deployed: Deployment) -> list[EmailMessage]:
    return [read_mail(request["Content"]["Raw"]["Data"]) for request in deployed.office.accepted]


def links(mail: EmailMessage) -> dict[Purpose, str]:
    """The tokens in a mail, by what they are for."""
    (hers,) = re.findall(rf"\n{ADDRESS}/r/({TOKEN.pattern})\n", content(mail, "text/plain"))
    assert f'href="{ADDRESS}/r/{hers}"' in content(mail, "text/html")
    out = existing(re.fullmatch(rf"<{ADDRESS}/u/({TOKEN.pattern})>", str(mail["List-Unsubscribe"])))
    return {Purpose.PERSONAL: hers, Purpose.WITHDRAW: out[1]}


def verify(deployed: Deployment, found: dict[Purpose, str], *, counter: int = 0) -> None:
    for purpose, token in found.items():
        named = tokens.unverified(purpose, token)
        assert (named.event_id, named.registration_id) == (EVENT_ID, REGISTRATION_ID)
        named.verify(deployed.store.link_keys.at(NOW), links=counter, now=NOW)


def tell_everything(deployed: Deployment) -> None:
    """Invited, moved, cancelled."""
    deployed.ring(PERSON)
    move(deployed)
    deployed.ring(keys.event(EVENT_ID))
    deployed.drain()
    withdraw(deployed.store, EVENT_ID, REGISTRATION_ID, now=NOW)
    deployed.ring(PERSON)


def test_every_mail_has_links_that_are_valid_for_who_gets_it(deployed: Deployment) -> None:
    tell_everything(deployed)
    mails = sent(deployed)
    assert [str(mail["Subject"]).split(":")[0] for mail in mails] == ["Invitation", "Moved", "Cancelled"]
    for mail in mails:
        verify(deployed, links(mail))


def test_a_link_is_void_once_the_counter_of_its_registration_rises(deployed: Deployment) -> None:
    deployed.ring(PERSON)
    with pytest.raises(InvalidLink):
        verify(deployed, links(sent(deployed)[0]), counter=1)


def test_the_links_of_a_registration_are_signed_with_its_counter(deployed: Deployment) -> None:
    deployed.client.update_item(
        TableName=SETTINGS.registrations_table,
        Key=dynamo.wire(PERSON),
        UpdateExpression="SET links = :links",
        ExpressionAttributeValues=dynamo.wire({":links": 5}),
    )
    deployed.ring(PERSON)
    verify(deployed, links(sent(deployed)[0]), counter=5)


def test_no_token_is_in_any_table_or_log_and_no_key_in_any_log(
    deployed: Deployment, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tell_everything(deployed)
    found = {token for mail in sent(deployed) for token in links(mail).values()}
    assert len(found) == 2, "each mail has the same two"
    stored = everything(deployed.client)
    mails = [item["rendered"] for item in stored[SETTINGS.invitations_table] if "rendered" in item]
    assert len(mails) == 3
    read_back = [deployed.reads.stored(REGISTRATION_ID, number) for number in range(3)]
    shown = repr(stored) + repr(read_back)
    assert PERSONAL.replace("_", "=5F") in shown
    key = deployed.store.link_keys.at(NOW).current
    logged = capsys.readouterr()
    written = logged.out + logged.err + caplog.text
    assert "Acknowledged" in written
    for token in found:
        for text in (shown, written):
            assert token not in text
            assert token[-22:] not in text, "nor its signature"
    for text in (key.hex(), repr(key)):
        assert text not in written


def test_the_mail_that_is_stored_is_the_one_that_left_but_for_its_links(deployed: Deployment) -> None:
    deployed.ring(PERSON)
    stored = existing(deployed.reads.stored(REGISTRATION_ID, 0))
    assert stored.rendered is not None
    found = links(sent(deployed)[0])
    again = filled(
        stored.rendered.mail,
        personal=f"{ADDRESS}/r/{found[Purpose.PERSONAL]}",
        withdraw=f"{ADDRESS}/u/{found[Purpose.WITHDRAW]}",
    )
    assert again == deployed.office.accepted[0]["Content"]["Raw"]["Data"]


def test_a_mail_whose_links_cannot_be_made_is_tried_again_and_never_sent_without(
    deployed: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetItem")
        broken.setattr("convoke.store.link_keys.LinkKeys.stored", Mock(side_effect=denied))
        deployed.ring(PERSON)
        assert sent(deployed) == []
    invitation = existing(deployed.reads.invitation(EVENT_ID, REGISTRATION_ID))
    assert invitation.due_key is not None
    assert invitation.attempts == 1


world = fixture_of(a_world)


def mails(world: World) -> list[tuple[str, str, int | None]]:
    """METHOD, recipient and the counter of the links of all that was sent."""
    return [
        (one.intent.calendar_state.method.value, one.intent.calendar_state.recipient, one.links) for one in world.sent
    ]


def test_the_mail_to_a_former_address_has_no_link_that_the_new_one_has(world: World) -> None:
    person = world.invite()
    moved = world.amend(person, email="new@example.net")
    assert moved.links == 1
    world.settle()
    assert mails(world) == [
        ("REQUEST", "person1@example.net", 0),
        ("CANCEL", "person1@example.net", None),
        ("REQUEST", "new@example.net", 1),
    ]


def test_links_to_an_address_stay_void_when_it_comes_back(world: World) -> None:
    person = world.register()
    for email in ("new@example.net", "person1@example.net"):
        person = world.amend(person, email=email)
    assert person.links == 2
    assert world.amend(person, name="Bo", email="Person1@example.net").links == 2


def test_who_swap_their_addresses_get_new_links(world: World) -> None:
    one, other = world.register(1), world.register(2)
    assert swap_addresses(
        world.store,
        (one, other),
        ({"email": other.email}, {"email": one.email}),
        priority=1,
        now=world.now,
        account="acme",
        also={},
    )
    assert [person.links for person in world.everybody()] == [1, 1]


# --- what comes back ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", [Purpose.PERSONAL, Purpose.FEED, Purpose.WITHDRAW, Purpose.RECENT])
@pytest.mark.parametrize(
    "quoted",
    [
        "{url}",
        "> See or change your registration:\n> {url}\n>\n> You get this mail",
        "> > {first}\n> > {rest} and then?",
        "{first}=\n{rest}",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fpages.example%2F{letter}%2F{token}&data=05",
        "<{url}>",
    ],
    ids=["alone", "quoted", "broken", "soft break", "wrapped", "in brackets"],
)
def test_a_link_that_somebody_quotes_in_an_answer_is_not_passed_on(purpose: Purpose, quoted: str) -> None:
    """The organizer is mailed what attendees write by hand, and most programs quote the whole mail below it."""
    letter = {Purpose.PERSONAL: "r", Purpose.FEED: "f", Purpose.WITHDRAW: "u", Purpose.RECENT: "r"}[purpose]
    expires = NOW if purpose is Purpose.RECENT else None
    token = tokens.personal(Keys(current=bytes(32)), purpose, EVENT_ID, REGISTRATION_ID, 0, expires=expires)
    url = f"{ADDRESS}/{letter}/{token}"
    for at in (len(url) - 70, len(url) - 30, len(url) - 5):
        body = quoted.format(url=url, first=url[:at], rest=url[at:], letter=letter, token=token)
        shown = plain_text.text(f"Hello!\n\n{body}\n".encode(), charset="utf-8", is_html=False)
        assert shown.startswith("Hello!\n\n")
        assert token[-22:-6] not in re.sub(r"[\s>=]", "", shown)
        assert "…" in shown


CONFIRM = tokens.sealed(Keys(current=bytes(32)), Purpose.CONFIRM, EVENT_ID.encode(), NOW)
NEW_ADDRESS = tokens.sealed(
    Keys(current=bytes(32)), Purpose.ADDRESS, addresses.payload(EVENT_ID, REGISTRATION_ID, EVENT_ID), NOW
)


@pytest.mark.parametrize("token", [CONFIRM, NEW_ADDRESS], ids=["confirm", "new address"])
@pytest.mark.parametrize("at", [1, 20, 40, 60])
def test_a_link_that_confirms_an_address_is_not_passed_on_either(token: str, at: int) -> None:
    first, rest = f"{ADDRESS}/c/{token[:at]}", token[at:]
    for url in (first + rest, f"{first}\n> {rest}", f"{first}=\n{rest}"):
        shown = plain_text.text(f"Who is this?\n\n> {url}\n> Bye".encode(), charset="utf-8", is_html=False)
        assert token[-22:-6] not in re.sub(r"[\s>=]", "", shown)
        assert shown.startswith("Who is this?")
        assert shown.endswith("Bye")


@pytest.mark.parametrize("slash", ["%2f", "%252F", "_"])
def test_a_link_that_a_filter_wrapped_is_not_passed_on(slash: str) -> None:
    token = tokens.personal(Keys(current=bytes(32)), Purpose.PERSONAL, EVENT_ID, REGISTRATION_ID, 0)
    wrapped = f"https://filter.example/v2/url?u=https-3A__pages.example{slash}r{slash}{token}&d=x"
    assert token[-22:] not in plain_text.text(wrapped.encode(), charset="utf-8", is_html=False)


def test_a_link_of_which_only_the_end_is_beyond_the_longest_text_is_not_passed_on() -> None:
    token = tokens.personal(Keys(current=bytes(32)), Purpose.PERSONAL, EVENT_ID, REGISTRATION_ID, 0)
    url = f"{ADDRESS}/r/{token}"
    before = "x" * (plain_text.LONGEST - len(url)) + " "
    assert token[:60] not in plain_text.text(f"{before}{url}".encode(), charset="utf-8", is_html=False)


def test_what_is_no_link_of_ours_is_passed_on_as_it_is() -> None:
    for kept in (
        f"see /r/ and https://a.example/r/{'x' * 60}",
        f"https://a.example/{'A' * 200}",
        "/u/ " + "word " * 12,
        "/r/some " + "word " * 30,
        f"https://a.example/c/{'x' * 60} and more",
    ):
        assert plain_text.text(kept.encode(), charset="utf-8", is_html=False) == kept.strip()
