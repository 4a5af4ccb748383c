"""API keys, on tables made from the template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from convoke.model import InvalidField
from convoke.store.accounts import Account, account_of, create_key, list_keys, revoke_key
from tests.factories import NOW
from tests.tables import everything, in_memory

SECRET = "cvk_" + "0123456789" * 4 + "abc"
TABLE = "Accounts"


@pytest.fixture
def client() -> Iterator[Any]:
    with in_memory() as client:
        yield client


def test_a_key_says_whose_it_is(client: Any) -> None:
    key = create_key(client, TABLE, account="acme", name="ci", now=NOW)
    assert re.fullmatch(r"cvk_[A-Za-z0-9_-]{43}", key)
    assert account_of(client, TABLE, key) == Account(account="acme", key="ci")


def test_only_the_hash_of_a_key_is_kept(client: Any) -> None:
    create_key(client, TABLE, account="acme", name="ci", now=NOW, secret=SECRET)
    assert SECRET not in str(everything(client))
    assert SECRET[4:] not in str(everything(client))


@pytest.mark.parametrize("secret", ["", "cvk_", "acme", SECRET + "d", SECRET[:-1] + "ü", SECRET[:-1] + "x"])
def test_what_is_no_key_is_nobodys(client: Any, secret: str) -> None:
    create_key(client, TABLE, account="acme", name="ci", now=NOW, secret=SECRET)
    assert account_of(client, TABLE, secret) is None


def test_a_revoked_key_is_nobodys_and_stays_in_the_list(client: Any) -> None:
    create_key(client, TABLE, account="acme", name="ci", now=NOW, secret=SECRET)
    create_key(client, TABLE, account="acme", name="laptop", now=NOW)
    create_key(client, TABLE, account="other", name="ci", now=NOW)
    later = NOW + timedelta(days=1)
    assert revoke_key(client, TABLE, account="acme", name="ci", now=later)
    assert account_of(client, TABLE, SECRET) is None
    assert [(key.name, key.revoked_at) for key in list_keys(client, TABLE, account="acme")] == [
        ("ci", "2027-01-16T12:00:00.000000Z"),
        ("laptop", None),
    ]
    assert not revoke_key(client, TABLE, account="acme", name="ci", now=later)
    assert not revoke_key(client, TABLE, account="acme", name="nobody", now=later)


def test_a_name_is_given_to_one_working_key_at_a_time(client: Any) -> None:
    create_key(client, TABLE, account="acme", name="ci", now=NOW)
    with pytest.raises(InvalidField, match="name"):
        create_key(client, TABLE, account="acme", name="ci", now=NOW)
    revoke_key(client, TABLE, account="acme", name="ci", now=NOW)
    key = create_key(client, TABLE, account="acme", name="ci", now=NOW)
    assert account_of(client, TABLE, key) is not None
    assert [named.revoked_at for named in list_keys(client, TABLE, account="acme")] == [None]


@pytest.mark.parametrize(("account", "name"), [("", "ci"), ("acme#", "ci"), ("acme", ""), ("acme", "x" * 65)])
def test_names_are_plain(client: Any, account: str, name: str) -> None:
    with pytest.raises(InvalidField):
        create_key(client, TABLE, account=account, name=name, now=NOW)
    assert everything(client)[TABLE] == []
