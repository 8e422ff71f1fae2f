"""Which grant each host function needs, and what to say when a module and its manifest do not fit. It grants nothing.

The names are the ones on the wire between worker and parent, and of `ModuleReport.capabilities`:

    log             {level, message}                        -> {}
    now             {}                                      -> {ms}            since the epoch
    http            {method, url, headers, body,            -> {status, headers, body}
                     follow?, timeout_ms?}
    workspace-read  {path}                                  -> {data}
    workspace-write {path, data}                            -> {}
    kv              {op: get|set|delete|list, key, value?}  -> {value} | {} | {} | {keys}   `list`: key is a prefix
    secret-exists   {name}                                  -> {exists}
    tool-invoke     {name, arguments}                       -> {status, structured, text, reason}

`headers` are pairs of texts; `body`, `data` and `value` are base64; `value` is null for a key that is not there;
`follow` is true unless it is said: with false a redirect is the answer. `reason` is `{code, message}` or null.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from holdfast.contracts import Grants

LOG: Final = "log"
NOW: Final = "now"
HTTP: Final = "http"
READ: Final = "workspace-read"
WRITE: Final = "workspace-write"
KV: Final = "kv"
SECRET: Final = "secret-exists"  # noqa: S105 -- the name of a function
INVOKE: Final = "tool-invoke"

_GRANTED_BY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        HTTP: ("http", '[[grants.http]] host = "api.example.com", methods = ["GET"], path = "/"'),
        READ: ("workspace_read", '[grants] workspace_read = ["docs/"]'),
        WRITE: ("workspace_write", '[grants] workspace_write = ["out/"]'),
        KV: ("kv", "[grants] kv = true"),
        SECRET: ("secret_exists", '[grants] secret_exists = ["name"]'),
        INVOKE: ("tools", '[grants] tools = ["name"]'),
    }
)
"""The manifest's key for each function that needs a grant, and a line that gives it."""

RANDOM: Final = "random"
"""Named here to be withheld like the others; it is WASI that answers it, in the worker."""
CAPABILITIES: Final = (LOG, NOW, *_GRANTED_BY)
FREE: Final = frozenset({LOG, NOW})
"""Not counted with the others, since they reach nothing; they have a count of their own."""


def misfit(capabilities: tuple[str, ...], grants: Grants, said: frozenset[str] = frozenset()) -> tuple[str, str] | None:
    """What the module imports and the manifest neither grants nor refuses: one sentence, and the line to add.

    *said* are the keys of `[grants]` that the manifest holds, given or empty: an empty one is an answer.
    """
    for name in capabilities:
        key, line = _GRANTED_BY.get(name, ("", ""))
        if key and not getattr(grants, key) and key not in said:
            return f"the module imports `{name}`, and `tool.toml` says nothing of `grants.{key}`", line
    return None


def unused(capabilities: tuple[str, ...], grants: Grants) -> tuple[str, ...]:
    """A warning for each grant that nothing in the module imports."""
    return tuple(
        f"`grants.{key}`: nothing in the module imports it"
        for name, (key, _line) in _GRANTED_BY.items()
        if getattr(grants, key) and name not in capabilities
    )
