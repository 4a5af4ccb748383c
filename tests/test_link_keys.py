"""The keys of personal links: made once, rotated with overlap, dropped after a leak, and shown to nobody else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import EndpointConnectionError

from convoke.links import tokens
from convoke.links.tokens import InvalidLink, Keys, Purpose
from convoke.model import InvalidField
from convoke.store import conditions, keys, link_keys
from convoke.store.link_keys import MAX_KEYS, SIGNS_AFTER, LinkKeys
from tests.factories import EVENT_ID, NOW, REGISTRATION_ID
from tests.fixtures import fixture_of
from tests.tables import SETTINGS, everything, in_memory

LATER = NOW + SIGNS_AFTER


client = fixture_of(in_memory)


def process(client: Any) -> LinkKeys:
    return LinkKeys(client, SETTINGS)


def token(keys: Keys) -> str:
    return tokens.personal(keys, Purpose.PERSONAL, EVENT_ID, REGISTRATION_ID, 0)


def valid(keys: Keys, made: str) -> bool:
    try:
        tokens.unverified(Purpose.PERSONAL, made).verify(keys, links=0, now=NOW)
    except InvalidLink:
        return False
    return True


def test_the_first_to_need_a_key_makes_it_and_everybody_uses_that(client: Any) -> None:
    first = process(client).at(NOW)
    assert process(client).at(NOW + timedelta(days=400)) == first
    assert len(first.current) == 32
    assert first.earlier == ()


def test_two_functions_at_once_agree_on_the_key(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read that there is none before either writes."""
    one, other = process(client), process(client)
    with monkeypatch.context() as racing:
        racing.setattr(one, "stored", lambda: None)
        racing.setattr(other, "stored", lambda: None)
        assert one.at(NOW) == other.at(NOW)
    assert process(client).at(NOW) == one.at(NOW)


def test_of_many_processes_at_once_all_agree(client: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len({each.current for each in pool.map(lambda _: process(client).at(NOW), range(8))}) == 1


def test_the_key_is_kept_if_it_is_written_without_the_condition(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the condition is for: without it, each would sign with a key of its own."""
    monkeypatch.setattr(conditions, "NEW", "")
    one, other = process(client), process(client)
    monkeypatch.setattr(one, "stored", lambda: None)
    monkeypatch.setattr(other, "stored", lambda: None)
    assert one.at(NOW) != other.at(NOW)


def test_keys_are_read_at_most_once_a_minute(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    one = process(client)
    one.at(NOW)
    stored = Mock(side_effect=one.stored)
    monkeypatch.setattr(one, "stored", stored)
    for clock[0] in (1_030.0, 1_059.0, 1_061.0, 1_100.0, 1_122.0):
        one.at(NOW)
    assert stored.call_count == 2


def test_what_a_process_knows_is_used_while_the_keys_cannot_be_read(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    one, other = process(client), process(client)
    known = one.at(NOW)
    for each in (one, other):
        monkeypatch.setattr(each, "stored", Mock(side_effect=EndpointConnectionError(endpoint_url="dynamodb")))
    clock[0] += 100
    assert one.at(NOW) == known
    with pytest.raises(EndpointConnectionError):
        other.at(NOW)


def test_a_new_key_signs_only_when_every_process_knows_it(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    sender, page = process(client), process(client)
    before = page.at(NOW)
    assert sender.rotate(NOW).keys[-1].signs_from == LATER
    # The page has read the keys just before the rotation, the sender after it.
    assert sender.at(NOW).current == before.current
    assert valid(page.at(NOW), token(sender.at(NOW)))
    assert timedelta(seconds=link_keys.KNOWN_FOR) < SIGNS_AFTER
    clock[0] += SIGNS_AFTER.total_seconds()
    assert sender.at(LATER).current != before.current
    assert valid(page.at(LATER), token(sender.at(LATER)))


def test_earlier_links_stay_valid_until_their_key_is_dropped(client: Any) -> None:
    stored = process(client)
    made = token(stored.at(NOW))
    stored.rotate(NOW)
    assert valid(stored.at(LATER), made)
    assert token(stored.at(LATER)) != made
    renewed = token(stored.at(LATER))
    assert stored.drop(LATER) == 1
    assert not valid(stored.at(LATER), made)
    assert valid(process(client).at(LATER), renewed)


def test_a_key_that_does_not_sign_yet_is_neither_rotated_nor_all_that_is_left(client: Any) -> None:
    stored = process(client)
    stored.rotate(NOW)
    for change in (stored.rotate, stored.drop):
        with pytest.raises(InvalidField, match="12:02:00 UTC"):
            change(LATER - timedelta(seconds=1))
    assert len(process(client).at(LATER).all) == 2


def test_the_only_key_is_not_dropped_and_there_is_an_end_of_rotations(client: Any) -> None:
    stored, now = process(client), NOW
    with pytest.raises(InvalidField, match="rotate first"):
        stored.drop(now)
    for _ in range(MAX_KEYS - 1):
        stored.rotate(now)
        now += SIGNS_AFTER
    assert len(set(stored.at(now).all)) == MAX_KEYS
    with pytest.raises(InvalidField, match="drop the earlier"):
        stored.rotate(now)


def test_a_rotation_that_meets_another_loses_no_key(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = process(client), process(client)
    one.at(NOW)
    read = one.stored()
    other.rotate(NOW)
    later = LATER + SIGNS_AFTER
    answers = iter([read])
    stored = one.stored
    monkeypatch.setattr(one, "stored", lambda: next(answers, None) or stored())
    one.rotate(LATER)
    assert len(process(client).at(later).all) == 3


def test_a_key_stands_in_one_item_and_in_no_text_of_it(client: Any) -> None:
    made = process(client).at(NOW)
    [item] = everything(client)[SETTINGS.accounts_table]
    assert item["pk"] == keys.link_keys()["pk"]
    assert item["keys"] == [{"key": made.current, "signs_from": keys.instant(NOW)}]
