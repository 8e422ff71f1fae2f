"""Files of the workspace for guests: only what the manifest grants, by the file that was opened and not by its name."""

import asyncio
from typing import Final

from holdfast.contracts import Json, Label, Place
from holdfast.contracts.flow import FILES

from ...workspace.folders import within
from . import payloads
from .call import Brokered
from .refusals import absent, not_granted, over

READ_BYTES: Final = 10 << 20
WRITE_BYTES: Final = 1 << 20


async def read(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """All of a file."""
    path = payloads.text(payloads.read(payload, frozenset({"path"})), "path")
    granted, files = brokered.call.spec.grants.workspace_read, brokered.powers.files
    if not granted:
        raise not_granted("`grants.workspace_read` is empty")
    if files is None:
        raise absent("workspace")
    content = await asyncio.to_thread(files.read_within, path, granted, limit=READ_BYTES)
    await brokered.labelling.read(brokered.call, (Place(FILES, path),))
    return {"data": await asyncio.to_thread(payloads.encoded, content)}


async def write(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """Replace or make a file."""
    said = payloads.read(payload, frozenset({"path", "data"}))
    path, content = payloads.text(said, "path"), payloads.data(said, "data")
    granted, files = brokered.call.spec.grants.workspace_write, brokered.powers.files
    if not granted:
        raise not_granted("`grants.workspace_write` is empty")
    if ".." in path.split("/") or path.startswith("/") or not within(path, granted):
        raise not_granted("`grants.workspace_write` does not hold that path")
    if len(content) > WRITE_BYTES:
        raise over(f"a tool writes at most {WRITE_BYTES} bytes at once")
    if files is None:
        raise absent("workspace")
    brokered.refuse_if_taught(Label.UNTRUSTED)
    await brokered.labelling.writing(brokered.call, (Place(FILES, path),))
    await asyncio.to_thread(files.write, path, content)
    return {}
