"""A tool's own small store, and whether a secret is there. Labels go in with what is kept, and come out with it."""

from typing import Final

from holdfast.contracts import Digest, Json, KeyValue, Place, ToolName
from holdfast.contracts.flow import ANY

from . import payloads
from .call import Brokered
from .refusals import absent, malformed, not_granted

_SPACE_CHARACTERS: Final = 64
_KEY_BYTES: Final = 512


async def kv(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """Get, set, delete or list."""
    said = payloads.read(payload, frozenset({"op", "key"}), frozenset({"value"}))
    if not brokered.call.spec.grants.kv:
        raise not_granted("`grants.kv` is false")
    store = brokered.powers.kv
    if store is None:
        raise absent("store for tools")
    key = payloads.text(said, "key")
    if len(key.encode()) > _KEY_BYTES or "\0" in key:
        raise malformed(f"`key` is over {_KEY_BYTES} bytes, or holds a NUL")
    match payloads.text(said, "op"):
        case "get":
            return await _get(brokered, store, key)
        case "list":
            return await _list(brokered, store, key)
        case "set" if key and "value" in said:
            return await _set(brokered, store, key, payloads.data(said, "value"))
        case "delete":
            await store.delete(brokered.call.principal.tenant, brokered.call.spec.name, key)
            return {}
        case _:
            raise malformed("`op` is none of get, set, delete and list, or `set` has no key or value")


async def secret_exists(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """Whether a secret that the manifest names is there."""
    name = payloads.text(payloads.read(payload, frozenset({"name"})), "name")
    if name not in brokered.call.spec.grants.secret_exists:
        raise not_granted("`grants.secret_exists` does not name that secret")
    secrets = brokered.powers.secrets
    if secrets is None:
        raise absent("store of secrets")
    return {"exists": await secrets.exists(brokered.call.principal.tenant, name)}


async def _get(brokered: Brokered, store: KeyValue, key: str) -> dict[str, Json]:
    value = await store.get(brokered.call.principal.tenant, brokered.call.spec.name, key)
    await _learn(brokered, _place(brokered, key))
    return {"value": None if value is None else payloads.encoded(value)}


async def _list(brokered: Brokered, store: KeyValue, prefix: str) -> dict[str, Json]:
    keys = await store.keys(brokered.call.principal.tenant, brokered.call.spec.name, prefix)
    await _learn(brokered, Place(kv_space(brokered.call.spec.name), ANY))
    return {"keys": [*keys]}


async def _set(brokered: Brokered, store: KeyValue, key: str, value: bytes) -> dict[str, Json]:
    await brokered.labelling.writing(brokered.call, (_place(brokered, key),))
    await store.put(brokered.call.principal.tenant, brokered.call.spec.name, key, value)
    return {}


async def _learn(brokered: Brokered, place: Place) -> None:
    async with brokered.learning():
        await brokered.labelling.read(brokered.call, (place,))


def kv_space(tool: ToolName) -> str:
    """The space of what *tool* keeps: `kv:TOOL`."""
    space = f"kv:{tool}"
    return space if len(space) <= _SPACE_CHARACTERS else f"kv:{Digest.of(tool.encode()).hex[:32]}"


def _place(brokered: Brokered, key: str) -> Place:
    # Keys are the guest's text, with slashes and stars of their own: a digest is one segment, and no other key's.
    return Place(kv_space(brokered.call.spec.name), Digest.of(key.encode()).hex)
