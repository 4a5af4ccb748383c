"""API keys, on tables made from the template."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from convoke.model import InvalidField
from convoke.store.accounts import Accounts, Caller, Scope
from tests.factories import NOW, existing
from tests.fixtures import fixture_of
from tests.tables import everything, in_memory

SECRET = "cvk_" + "0123456789" * 4 + "abc"
TABLE = "Accounts"


client = fixture_of(in_memory)


def test_a_key_says_whose_it_is(client: Any) -> None:
    key = Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW)
    assert re.fullmatch(r"cvk_[A-Za-z0-9_-]{43}", key)
    key_id = hashlib.sha256(key.encode()).hexdigest()[:12]
    every = frozenset({"read", "register", "manage"})
    assert Accounts(client, TABLE).caller_of(key, NOW) == Caller(account="acme", key="ci", key_id=key_id, scopes=every)


def test_only_the_hash_of_a_key_is_kept(client: Any) -> None:
    Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW, secret=SECRET)
    assert SECRET not in str(everything(client))
    assert SECRET[4:] not in str(everything(client))


@pytest.mark.parametrize("secret", ["", "cvk_", "acme", SECRET + "d", SECRET[:-1] + "ü", SECRET[:-1] + "x"])
def test_what_is_no_key_is_nobodys(client: Any, secret: str) -> None:
    Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW, secret=SECRET)
    assert Accounts(client, TABLE).caller_of(secret, NOW) is None


def test_a_revoked_key_is_nobodys_and_stays_in_the_list(client: Any) -> None:
    Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW, secret=SECRET)
    Accounts(client, TABLE).create_key(account="acme", name="laptop", now=NOW)
    Accounts(client, TABLE).create_key(account="other", name="ci", now=NOW)
    later = NOW + timedelta(days=1)
    assert Accounts(client, TABLE).revoke_key(account="acme", name="ci", now=later)
    assert Accounts(client, TABLE).caller_of(SECRET, NOW) is None
    assert [(key.name, key.revoked_at) for key in Accounts(client, TABLE).list_keys(account="acme")] == [
        ("ci", "2027-01-16T12:00:00.000000Z"),
        ("laptop", None),
    ]
    assert not Accounts(client, TABLE).revoke_key(account="acme", name="ci", now=later)
    assert not Accounts(client, TABLE).revoke_key(account="acme", name="nobody", now=later)


def test_a_name_is_given_to_one_working_key_at_a_time(client: Any) -> None:
    Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW)
    with pytest.raises(InvalidField, match="name"):
        Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW)
    Accounts(client, TABLE).revoke_key(account="acme", name="ci", now=NOW)
    key = Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW)
    assert Accounts(client, TABLE).caller_of(key, NOW) is not None
    assert [named.revoked_at for named in Accounts(client, TABLE).list_keys(account="acme")] == [None]


@pytest.mark.parametrize(("account", "name"), [("", "ci"), ("acme#", "ci"), ("acme", ""), ("acme", "x" * 65)])
def test_names_are_plain(client: Any, account: str, name: str) -> None:
    with pytest.raises(InvalidField):
        Accounts(client, TABLE).create_key(account=account, name=name, now=NOW)
    assert everything(client)[TABLE] == []


def test_a_key_that_expired_is_nobodys_and_stays_in_the_list(client: Any) -> None:
    until = NOW + timedelta(days=1)
    key = Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW, valid_until=until)
    assert Accounts(client, TABLE).caller_of(key, until - timedelta(microseconds=1)) is not None
    assert Accounts(client, TABLE).caller_of(key, until) is None
    [listed] = Accounts(client, TABLE).list_keys(account="acme")
    assert (listed.works(NOW), listed.works(until)) == (True, False)
    assert "expires_at" not in str(everything(client)), "the table's time to live would delete it"


def test_a_key_has_the_scopes_that_it_was_given(client: Any) -> None:
    key = Accounts(client, TABLE).create_key(account="acme", name="form", now=NOW, scopes=[Scope.REGISTER])
    found = existing(Accounts(client, TABLE).caller_of(key, NOW))
    assert found.scopes == {"register"}
    [listed] = Accounts(client, TABLE).list_keys(account="acme")
    assert (listed.scopes, listed.key_id) == (("register",), found.key_id)


@pytest.mark.parametrize("wrong", [{"scopes": ()}, {"valid_until": NOW}], ids=["no scope", "past"])
def test_a_key_that_could_do_nothing_is_not_created(client: Any, wrong: Any) -> None:
    with pytest.raises(InvalidField):
        Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW, **wrong)
    assert everything(client)[TABLE] == []


def test_the_last_use_of_a_key_is_recorded_with_one_write_a_day(client: Any) -> None:
    key = Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW)
    assert [one.last_used for one in Accounts(client, TABLE).list_keys(account="acme")] == [None]
    with patch.object(client, "update_item", wraps=client.update_item) as write:
        for hours in (0, 1, 2, 24, 25):
            assert Accounts(client, TABLE).caller_of(key, NOW + timedelta(hours=hours)) is not None
    assert write.call_count == 2
    assert [one.last_used for one in Accounts(client, TABLE).list_keys(account="acme")] == ["2027-01-16"]


def test_a_key_works_where_its_use_cannot_be_recorded(client: Any) -> None:
    key = Accounts(client, TABLE).create_key(account="acme", name="ci", now=NOW)
    busy = ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")
    with patch.object(client, "update_item", side_effect=busy):
        assert Accounts(client, TABLE).caller_of(key, NOW) is not None
