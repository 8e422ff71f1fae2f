"""Reads MCP clients' configurations and writes what they mean for this server. It starts, approves and reveals nothing.

1. The files are untrusted: read under a cap, strictly; one bad server is turned down alone, by name.
2. What looks like a secret is never printed or written: its entry names a secret, to be set apart.
3. What the fence cannot hold, or the server could not run with, is turned down with the reason and what to do.
"""

from .clients import Client, entry_for
from .planning import Plan, Planned, SecretWanted, TurnedDown, plan
from .programs import Located, Places, locate, refuse_outside
from .reading import ClientFile, client_files, read_client
from .words import NotTaken
from .writing import add_to, as_toml

__all__ = [
    "Client",
    "ClientFile",
    "Located",
    "NotTaken",
    "Places",
    "Plan",
    "Planned",
    "SecretWanted",
    "TurnedDown",
    "add_to",
    "as_toml",
    "client_files",
    "entry_for",
    "locate",
    "plan",
    "read_client",
    "refuse_outside",
]
