"""For any text as an MCP client's file, each server becomes an entry free of secrets, or is turned down."""

import sys
import tomllib
from pathlib import Path

from holdfast.contracts import InvalidRequest
from holdfast.server.importing import Client, Places, as_toml, plan
from holdfast.server.importing.planning import settings_of
from holdfast.server.importing.reading import client_in

NOWHERE = Path("/nonexistent")
PLACES = Places(home=NOWHERE / "home", project=NOWHERE / "project", variables={"PATH": "/usr/bin:/bin", "SET": "x"})
SECRET = "hunter2"


def suspicious(text: str) -> bool:
    return SECRET in text


def check(data: bytes) -> None:
    client = list(Client)[data[0] % len(Client)] if data else None
    try:
        file = client_in(
            data[1:].decode("utf-8", "replace").replace("{secret}", SECRET * 2), NOWHERE / "mcp.json", PLACES, client
        )
    except InvalidRequest:
        return
    made = plan((file,), PLACES, suspicious, known=())
    written = as_toml(made.planned)
    read = tomllib.loads(written).get("upstreams", [])
    assert read == [dict(one.entry) for one in made.planned]
    assert len({one.name for one in made.planned}) == len(made.planned)
    for one in made.planned:
        settings_of(one)
        values = [*one.entry.get("command", ()), one.entry.get("url", "")]
        values += [*one.entry.get("headers", {}).values(), *one.entry.get("grants", {}).get("env", {}).values()]
        assert not [value for value in values if isinstance(value, str) and suspicious(value)]


if __name__ == "__main__":
    import atheris
    from guiding import instrument_ours

    instrument_ours()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
