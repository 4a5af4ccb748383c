"""Personal links: a token is valid for what it was made for, and for nothing else."""

from __future__ import annotations

import hmac
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.links import tokens
from convoke.links.tokens import ExpiredLink, InvalidLink, Keys, Purpose
from convoke.links.urls import Urls
from convoke.store import keys as ids
from tests.factories import EVENT_ID, NOW, REGISTRATION_ID

KEYS = Keys(current=bytes(range(32)))
OTHER = Keys(current=bytes(range(1, 33)))
SOON = NOW + timedelta(hours=1)
BASE64URL = string.ascii_letters + string.digits + "-_"
WITH_A_TIME = {Purpose.RECENT: SOON}
PERSONAL = sorted(tokens.LASTING | {Purpose.RECENT})
OF_BYTES = sorted(set(Purpose) - set(PERSONAL))

a_key = st.binary(min_size=32, max_size=32)
an_event_id = st.binary(min_size=16, max_size=16).map(ids.random_id)
a_registration_id = st.builds(
    ids.registration_id,
    st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    st.binary(min_size=16, max_size=16),
)
a_counter = st.integers(0, 2**40)
purposes = st.sampled_from(PERSONAL)


def made(purpose: Purpose = Purpose.PERSONAL, keys: Keys = KEYS, links: int = 3) -> str:
    return tokens.personal(keys, purpose, EVENT_ID, REGISTRATION_ID, links, expires=WITH_A_TIME.get(purpose))


def holder(
    token: str, purpose: Purpose = Purpose.PERSONAL, keys: Keys = KEYS, links: int = 3, now: datetime = NOW
) -> tuple[str, str]:
    """Whom the token is valid for. Raises InvalidLink."""
    read = tokens.unverified(purpose, token)
    read.verify(keys, links=links, now=now)
    return read.event_id, read.registration_id


# --- tokens that name a registration ------------------------------------------------------------------------------


@given(a_key, purposes, an_event_id, a_registration_id, a_counter)
def test_a_token_reads_back_as_the_registration_that_it_was_made_for(
    key: bytes, purpose: Purpose, event_id: str, registration_id: str, links: int
) -> None:
    expires = WITH_A_TIME.get(purpose)
    token = tokens.personal(Keys(current=key), purpose, event_id, registration_id, links, expires=expires)
    assert holder(token, purpose, Keys(current=key), links) == (event_id, registration_id)


@given(a_key, st.sampled_from(sorted(tokens.LASTING)), an_event_id, a_registration_id, a_counter)
def test_tokens_that_last_have_one_length_that_fits_a_line_of_quoted_printable(
    key: bytes, purpose: Purpose, event_id: str, registration_id: str, links: int
) -> None:
    token = tokens.personal(Keys(current=key), purpose, event_id, registration_id, links)
    assert len(token) == 74
    assert set(token) <= set(BASE64URL)


@pytest.mark.parametrize("purpose", PERSONAL)
def test_any_other_character_at_any_place_makes_a_token_invalid(purpose: Purpose) -> None:
    token = made(purpose)
    for place, character in enumerate(token):
        for other in BASE64URL:
            if other != character:
                with pytest.raises(InvalidLink):
                    holder(token[:place] + other + token[place + 1 :], purpose)


@pytest.mark.parametrize("purpose", PERSONAL)
def test_a_token_for_one_purpose_is_invalid_for_any_other(purpose: Purpose) -> None:
    for other in set(PERSONAL) - {purpose}:
        with pytest.raises(InvalidLink):
            holder(made(purpose), other)
    for other in OF_BYTES:
        with pytest.raises(InvalidLink):
            tokens.opened(KEYS, other, made(purpose), now=NOW)


@given(a_counter, a_counter)
def test_a_token_is_void_when_the_counter_of_the_registration_has_changed(links: int, later: int) -> None:
    token = made(links=links)
    if links == later:
        assert holder(token, links=later)
    else:
        with pytest.raises(InvalidLink):
            holder(token, links=later)


@given(an_event_id, a_registration_id, an_event_id, a_registration_id)
def test_a_signature_is_not_valid_for_other_ids(one: str, her: str, another: str, him: str) -> None:
    first = tokens.personal(KEYS, Purpose.PERSONAL, one, her, 0)
    second = tokens.personal(KEYS, Purpose.PERSONAL, another, him, 0)
    if first != second:
        with pytest.raises(InvalidLink):
            holder(second[:-22] + first[-22:], links=0)


def test_a_token_made_with_a_key_that_is_not_known_is_invalid() -> None:
    with pytest.raises(InvalidLink):
        holder(made(keys=OTHER))


@given(a_key, a_key)
def test_after_a_rotation_older_tokens_are_valid_until_their_key_is_dropped(old: bytes, new: bytes) -> None:
    token = made(keys=Keys(current=old))
    rotated = Keys(current=new, earlier=(old,))
    assert holder(token, keys=rotated)
    assert holder(made(keys=rotated), keys=Keys(current=new))
    if old != new:
        with pytest.raises(InvalidLink):
            holder(token, keys=Keys(current=new))


def test_a_token_with_a_time_is_valid_until_just_before_it() -> None:
    token = made(Purpose.RECENT)
    assert holder(token, Purpose.RECENT, now=SOON - timedelta(microseconds=1)) == (EVENT_ID, REGISTRATION_ID)
    with pytest.raises(ExpiredLink):
        holder(token, Purpose.RECENT, now=SOON)


def test_that_a_token_has_expired_is_said_only_of_a_genuine_one() -> None:
    token = made(Purpose.RECENT)
    forged = token[:-1] + ("A" if token[-1] != "A" else "Q")
    with pytest.raises(InvalidLink) as caught:
        holder(forged, Purpose.RECENT, now=SOON)
    assert type(caught.value) is InvalidLink


@given(st.text(max_size=200) | st.text(BASE64URL, max_size=120))
def test_no_text_that_somebody_made_up_is_a_valid_token(text: str) -> None:
    for purpose in PERSONAL:
        with pytest.raises(InvalidLink):
            holder(text, purpose)
    for purpose in OF_BYTES:
        with pytest.raises(InvalidLink):
            tokens.opened(KEYS, purpose, text, now=NOW)


@pytest.mark.parametrize("suffix", ["=", "==", "\n", " ", "A", "%", "é", "\0"])
def test_a_token_has_one_spelling(suffix: str) -> None:
    for text in (made() + suffix, suffix + made()):
        with pytest.raises(InvalidLink):
            holder(text)


def test_the_same_registration_has_the_same_token_each_time_since_a_repeated_mail_is_the_same_bytes() -> None:
    assert made() == made()
    assert len({made(purpose) for purpose in PERSONAL}) == len(PERSONAL)


def test_signatures_are_compared_in_constant_time_with_every_key(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    holder(made(), keys=Keys(current=KEYS.current, earlier=OTHER.all))
    assert [len(one) for pair in compared for one in pair] == [16] * 4


@pytest.mark.parametrize(
    ("event_id", "registration_id"),
    [("", ""), (EVENT_ID[1:], "0" + REGISTRATION_ID), (EVENT_ID.upper(), REGISTRATION_ID), (EVENT_ID, "é" * 36)],
)
def test_no_token_is_made_of_ids_that_are_none(event_id: str, registration_id: str) -> None:
    with pytest.raises(ValueError, match="ids of another form"):
        tokens.personal(KEYS, Purpose.PERSONAL, event_id, registration_id, 0)


def test_a_purpose_says_whether_its_tokens_have_a_time_and_whether_they_name_a_registration() -> None:
    with pytest.raises(ValueError, match="PERSONAL"):
        tokens.personal(KEYS, Purpose.PERSONAL, EVENT_ID, REGISTRATION_ID, 0, expires=SOON)
    with pytest.raises(ValueError, match="RECENT"):
        tokens.personal(KEYS, Purpose.RECENT, EVENT_ID, REGISTRATION_ID, 0)
    for purpose in OF_BYTES:
        with pytest.raises(ValueError, match=purpose.name):
            tokens.personal(KEYS, purpose, EVENT_ID, REGISTRATION_ID, 0, expires=SOON)
        with pytest.raises(ValueError, match=purpose.name):
            tokens.unverified(purpose, made())
    for purpose in PERSONAL:
        with pytest.raises(ValueError, match=purpose.name):
            tokens.sealed(KEYS, purpose, b"", SOON)
        with pytest.raises(ValueError, match=purpose.name):
            tokens.opened(KEYS, purpose, made(), now=NOW)


def test_the_numbers_of_purposes_are_signed_and_stay() -> None:
    names = ["PERSONAL", "FEED", "WITHDRAW", "RECENT", "CONFIRM", "ADDRESS", "FORM", "SIGN_IN"]
    assert [(purpose.name, int(purpose)) for purpose in Purpose] == list(zip(names, range(1, 9), strict=True))


def test_a_token_is_read_by_every_later_version() -> None:
    assert made() == "ABEMhTHQlS2Nc-EZTpW18ZAFS2Nc-EQBEMhTHQlS2Nc-EZTpW18ZRn2rSdeeBBVvh0JMU7Osjg"


# --- tokens of bytes --------------------------------------------------------------------------------------


@given(a_key, st.sampled_from(OF_BYTES), st.binary(max_size=500), st.text(max_size=50))
def test_what_a_token_carries_is_read_back(key: bytes, purpose: Purpose, payload: bytes, context: str) -> None:
    token = tokens.sealed(Keys(current=key), purpose, payload, SOON, context)
    assert tokens.opened(Keys(current=key), purpose, token, now=NOW, context=context) == payload


def test_any_other_character_makes_a_token_of_bytes_invalid() -> None:
    token = tokens.sealed(KEYS, Purpose.CONFIRM, b"payload", SOON)
    for place, character in enumerate(token):
        for other in BASE64URL:
            if other != character:
                with pytest.raises(InvalidLink):
                    tokens.opened(KEYS, Purpose.CONFIRM, token[:place] + other + token[place + 1 :], now=NOW)


@given(st.text(max_size=20), st.binary(max_size=20), st.text(max_size=20))
def test_a_token_is_invalid_in_another_context(context: str, payload: bytes, other: str) -> None:
    token = tokens.sealed(KEYS, Purpose.FORM, payload, SOON, context)
    if context != other:
        with pytest.raises(InvalidLink):
            tokens.opened(KEYS, Purpose.FORM, token, now=NOW, context=other)


@pytest.mark.parametrize("purpose", OF_BYTES)
def test_a_token_of_bytes_is_invalid_for_another_purpose_key_or_time(purpose: Purpose) -> None:
    token = tokens.sealed(KEYS, purpose, b"payload", SOON)
    for other in set(OF_BYTES) - {purpose}:
        with pytest.raises(InvalidLink):
            tokens.opened(KEYS, other, token, now=NOW)
    with pytest.raises(InvalidLink):
        tokens.opened(OTHER, purpose, token, now=NOW)
    assert tokens.opened(Keys(current=OTHER.current, earlier=KEYS.all), purpose, token, now=NOW) == b"payload"
    with pytest.raises(ExpiredLink):
        tokens.opened(KEYS, purpose, token, now=SOON)
    for other in PERSONAL:
        with pytest.raises(InvalidLink):
            holder(token, other)


def test_a_token_that_would_be_too_long_for_a_link_is_not_made() -> None:
    with pytest.raises(ValueError, match="too long"):
        tokens.sealed(KEYS, Purpose.CONFIRM, bytes(1_000), SOON)


# --- keys and addresses -------------------------------------------------------------------------------------------


def test_keys_have_32_bytes_and_their_text_does_not_show_them() -> None:
    for short in ({"current": b"short"}, {"current": KEYS.current, "earlier": (b"",)}):
        with pytest.raises(ValueError, match="32 bytes"):
            Keys(**short)
    both = Keys(current=b"current key of links 0123456789a", earlier=(b"earlier key of links 0123456789a",))
    assert "key of links" not in repr(both) + str(both)


@given(a_key, an_event_id, a_registration_id)
def test_addresses_need_no_escaping(key: bytes, event_id: str, registration_id: str) -> None:
    token = tokens.personal(Keys(current=key), Purpose.FEED, event_id, registration_id, 0)
    urls = Urls("https://pages.example.org/v1")
    assert urls.feed(token) == f"https://pages.example.org/v1/f/{token}.ics"
    every = [urls.event(event_id), urls.event_ics(event_id), urls.register(event_id), urls.lost_link(event_id)]
    every += [urls.personal(token), urls.action(token, "withdraw"), urls.withdraw(token)]
    every += [urls.confirm(token), urls.asset("pages.css")]
    assert len(set(every)) == len(every)
    for url in every:
        assert set(url) <= set(BASE64URL + ":/."), url
        assert url.startswith("https://pages.example.org/v1/")
