"""Where a webhook may point: nothing that only we can reach, whatever it calls itself."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convoke.model import InvalidField
from convoke.webhooks.url_guard import Forbidden, Target, address_of, public, target_of

PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),  # noqa: S104
    *("169.254.169.254", "169.254.170.2", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fe80::1", "fc00::1", "fd00:ec2::254"),
    *("fec0::1", "ff02::1", "2001:db8::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::"),
    *("100::1", "2001:10::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_not_everybody_can_reach_is_not_public(address: str) -> None:
    assert not public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001:81b::200e"])
def test_an_address_that_anybody_can_reach_is_public(address: str) -> None:
    assert public(ip_address(address))


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=6, network="::ffff:0:0/96"))
def test_no_address_of_a_private_network_is_public(address: Any) -> None:
    assert not public(address)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.org", Target(secure=True, host="hooks.example.org", port=443, path="/")),
        ("https://Hooks.Example.org/a?b=c", Target(secure=True, host="hooks.example.org", port=443, path="/a?b=c")),
        ("https://hooks.example.org?b", Target(secure=True, host="hooks.example.org", port=443, path="/?b")),
        ("https://hooks.example.org:8443/", Target(secure=True, host="hooks.example.org", port=8443, path="/")),
        ("https://8.8.8.8/", Target(secure=True, host="8.8.8.8", port=443, path="/")),
        ("https://[2606:4700::1111]/", Target(secure=True, host="2606:4700::1111", port=443, path="/")),
    ],
)
def test_a_link_to_a_public_server_is_read(url: str, target: Target) -> None:
    assert target_of(url) == target


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example.org", "http://hooks.example.org/", "ftp://hooks.example.org/", "file:///etc/passwd"),
        *("https://", "https:///x", "https://localhost/", "https://intranet/", "https://127.0.0.1/", "https://[::1]/"),
        *("https://169.254.169.254/latest/meta-data/", "https://[::ffff:169.254.169.254]/", "https://2130706433/"),
        *("https://user:pass@hooks.example.org/", "https://hooks.example.org@127.0.0.1/"),
        *("https://hooks.example.org/#x", "https://hooks.example.org\\@127.0.0.1/", "https://hooks.example.org/a b"),
        *("https://hooks.example.org:22/", "https://hooks.example.org:80/", "https://hooks.example.org:99999/"),
        *("https://hooks.example.org/\r\nX: y", "https://hooks.example.org/\n", "https://höoks.example.org/"),
        *("https://[fe80::1%25eth0]/", "https://[127.0.0.1]/", "https://-hooks.example.org/", "http://127.0.0.1:8000/"),
        *("https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.1/", "https://0/"),
        *(
            "https://127.0.0.1./",
            "https://localhost./",
            "https://LOCALHOST/",
            "https://10.0.0.1/",
            "https://192.168.0.1/",
        ),
        *("https://[::]/", "https://[::ffff:7f00:1]/", "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/"),
        *("https://[fd00:ec2::254]/", "https://169.254.170.2/v2/credentials", "https://100.100.100.200/"),
        *("javascript:alert(1)", "data:text/plain,x", "gopher://hooks.example.org/", "//hooks.example.org/"),
        *("https:hooks.example.org", "https:/hooks.example.org/", "https://hooks.example.org:/x y", "https://:443/"),
        *("https://hooks.example.org:443:80/", "https://hooks.example.org:-1/", "https://hooks.example.org:0/"),
        *("https://a..example.org/", "https://.example.org/", "https://exa mple.org/", "https://hooks_example.org/"),
        "https://hooks.example.org/" + "x" * 2000,
        "https://" + "a" * 64 + ".example.org/",
        "https://" + "a." * 130 + "org/",
    ],
)
def test_any_other_link_is_refused(url: str, record_property: Callable[[str, object], None]) -> None:
    with pytest.raises(InvalidField) as refused:
        target_of(url)
    assert refused.value.field == "url"
    record_property("attack count", ("hostile webhook links and addresses, all refused", 1))


def test_a_stack_on_one_machine_may_be_told_at_its_own_address_and_no_other() -> None:
    target = target_of("http://127.0.0.1:8000/x", local=True)
    assert target == Target(secure=False, host="127.0.0.1", port=8000, path="/x")
    assert address_of(target, lambda *_, **__: pytest.fail("nobody asks")) == "127.0.0.1"
    for url in ("http://127.0.0.2:8000/", "http://localhost:8000/", "http://10.0.0.1:8000/", "https://127.0.0.1/"):
        with pytest.raises(InvalidField):
            target_of(url, local=True)


def resolving(*addresses: str) -> Any:
    return lambda _, port, **__: [(2, 1, 6, "", (address, port)) for address in addresses]


TARGET = target_of("https://hooks.example.org/")


def test_the_address_to_connect_to_is_one_that_was_looked_at() -> None:
    assert address_of(TARGET, resolving("93.184.215.14", "2606:4700::1111")) == "93.184.215.14"


@pytest.mark.parametrize("address", [*PRIVATE, "fe80::1%eth0"])
def test_one_private_address_among_public_ones_is_enough_to_refuse(
    address: str, record_property: Callable[[str, object], None]
) -> None:
    with pytest.raises(Forbidden):
        address_of(TARGET, resolving("93.184.215.14", address))
    record_property("attack count", ("hostile webhook links and addresses, all refused", 1))


@pytest.mark.parametrize("spelled", ["0x7f.1.example", "127.1.example"])
def test_a_name_that_looks_like_a_number_is_judged_by_where_it_leads(spelled: str) -> None:
    with pytest.raises(Forbidden):
        address_of(target_of(f"https://{spelled}/"), resolving("127.0.0.1"))


def test_a_name_without_an_address_leads_nowhere() -> None:
    with pytest.raises(OSError, match="no address"):
        address_of(TARGET, resolving())
