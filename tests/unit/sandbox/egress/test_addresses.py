"""Public means global unicast, with nothing inside."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts.addresses import is_public, within


@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.1",
        ),
        *(
            "168.63.129.16",
            "169.254.169.254",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
        ),
        *("192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *(
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
        ),
        *(
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
        ),
        *("2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
        *("ff02::1", "4000::1", "fe80::1%1", "2606:4700::1%1"),
    ],
)
def test_an_address_of_special_purpose_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "1.1.1.1",
            "8.8.8.8",
            "93.184.215.14",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
        ),
        *("198.17.255.255", "198.20.0.1", "223.255.255.255", "169.253.0.1"),
        *("2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2003::1"),
    ],
)
def test_an_ordinary_address_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_nothing_is_public_that_python_calls_private(address: ipaddress.IPv4Address) -> None:
    assert not (is_public(address) and (address.is_private or address.is_multicast or address.is_reserved))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_one_is_never_public(address: ipaddress.IPv4Address) -> None:
    for prefix in (0, 0xFFFF << 32, 0x64FF9B << 96, int(ipaddress.IPv6Address("2002::")) | int(address) << 80):
        assert not is_public(ipaddress.IPv6Address(prefix | int(address)))


def test_a_network_that_is_allowed_holds_its_addresses_and_no_others() -> None:
    networks = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))

    assert within(ipaddress.ip_address("10.1.2.3"), networks)
    assert within(ipaddress.ip_address("fd12::1"), networks)
    assert not within(ipaddress.ip_address("10.2.0.1"), networks)
    assert not within(ipaddress.ip_address("::ffff:10.1.2.3"), networks)
