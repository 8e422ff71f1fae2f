"""For any JSON as a list of prompts, resources or templates, each is served plain and pinned, or withheld by name."""

import sys

from holdfast.contracts import MalformedJson
from holdfast.contracts.json_values import Json, parse
from holdfast.sandbox.mcp import UpstreamConfig
from holdfast.sandbox.mcp.catalogue.kinds import Kind, split_key
from holdfast.sandbox.mcp.catalogue.names import hides
from holdfast.sandbox.mcp.catalogue.offered import Listing, joined, read_instructions, read_offers, served_uri

CONFIG = UpstreamConfig(name="fuzz", command=("x",))
LISTS = (Kind.PROMPT, Kind.RESOURCE, Kind.TEMPLATE)
LONGEST_REASON = 300


def check(data: bytes) -> None:
    """Read *data* as a list of each kind; as text, as what a server says about itself."""
    try:
        said = parse(data)
    except MalformedJson:
        return
    entries = said if isinstance(said, list) else [said]
    listings = [_read(kind, entries) for kind in LISTS]
    listings.append(read_instructions(CONFIG, said if isinstance(said, str) else None))
    _check(joined(listings))


def _read(kind: Kind, entries: list[Json]) -> Listing:
    listing = read_offers(CONFIG, kind, entries)
    assert len(listing.offered) + len(listing.quarantined) <= len(entries)
    assert listing == read_offers(CONFIG, kind, entries), "the digest of one thing is one digest"
    assert all(one.kind is kind for one in listing.offered)
    return listing


def _check(listing: Listing) -> None:
    keys = [one.key for one in listing.offered]
    assert len(set(keys)) == len(keys), "two are approved under one key"
    for one in listing.offered:
        assert split_key(one.key) == (one.kind, one.name)
        assert not hides(one.name)
        assert not hides(one.description)
        assert not hides(one.title or "")
        if one.kind in (Kind.RESOURCE, Kind.TEMPLATE):
            assert served_uri(CONFIG, one.name).startswith("fuzz+")
            assert one.name.isascii()
    for held in listing.quarantined:
        assert 0 < len(held.reason) < LONGEST_REASON
        assert held.reason.isprintable()
        assert not hides(held.name)


if __name__ == "__main__":
    import atheris
    from guiding import instrument_ours

    instrument_ours()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
