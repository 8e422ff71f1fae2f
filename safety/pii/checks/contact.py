"""Checks of what reaches a person: telephone numbers and addresses of mail. They know form, not who answers."""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

_CODES: Final = re.compile(
    r"1[2-9]|7[3-9]|2(?:0|7|1[1-368]|[2346].|5.|9[01789])|3(?:[0-469]|[578].)|4(?:[013-9]|2[013])|5(?:[1-8]|0.|9.)|"
    r"6(?:[0-6]|7.|8.|9[0-2])|8(?:[1246]|5[02356]|8[06])|9(?:[0-58]|6[0-8]|7[0-7]|9[2-6]|79)"
)
"""Country codes that are given out (ITU E.164 list)."""
_SHORTEST: Final = 8
_LONGEST: Final = 15
_NOBODY: Final = re.compile(
    r"@(?:[^@]*\.)?(?:example|test|invalid|localhost|local)$|@(?:[^@]*\.)?example\.(?:com|org|net|edu)$|"
    r"^(?:git|hg|svn|noreply|no-reply|do-not-reply|donotreply)@|@users\.noreply\.|"
    r"\.(?:png|jpe?g|gif|svg|webp|css|js|ts|py|rs|go|md|json|html?)$",
    re.IGNORECASE,
)
"""Names set aside for examples (RFC 2606), machines' addresses, and names of files."""


def international(value: str) -> bool:
    """A number with its country code: one that is given out, and 8 to 15 digits in all (E.164)."""
    digits = re.sub(r"\D", "", value)
    return _SHORTEST <= len(digits) <= _LONGEST and _CODES.match(digits) is not None and len(set(digits)) > 2


def national(value: str) -> bool:
    """A number without its country code: 7 to 12 digits that are not the same over and over."""
    digits = re.sub(r"\D", "", value)
    return 7 <= len(digits) <= 12 and len(set(digits)) > 2


def mail(value: str) -> bool:
    """An address that may be a person's: not one of an example, of a machine, or a file's name."""
    return _NOBODY.search(value) is None and ".." not in value


def address(value: str) -> bool:
    """An IPv4 address that is no version, mask or address of a machine to itself."""
    parts = [int(part) for part in value.split(".")]
    return max(parts) <= 255 and parts[0] not in (0, 127, 255) and parts != [parts[0]] * 4


def address_6(value: str) -> bool:
    """An IPv6 address that is not the machine's own or none."""
    try:
        parsed = IPv6Address(value)
    except AddressValueError:
        return False
    return not parsed.is_loopback and not parsed.is_unspecified


def device(value: str) -> bool:
    """A hardware address that is not one digit over and over."""
    return len(set(re.sub(r"[^0-9A-Fa-f]", "", value.lower()))) > 1
