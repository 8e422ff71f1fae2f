"""For any bytes as `tool.toml`, the loader answers a manifest of known, enforced keys, or one line of ours."""

import sys
import tomllib

from holdfast.contracts import OperatorError
from holdfast.contracts.limits import WASM_CEILING
from holdfast.tools.manifest import load_manifest, manifest_keys

SENTENCE = 1000
KEYS = set(manifest_keys())


def _paths(value, above: str = ""):
    if isinstance(value, dict) and above != "tool.input_schema":
        for key, item in value.items():
            yield from _paths(item, f"{above}.{key}".removeprefix("."))
    elif isinstance(value, list) and above == "grants.http":
        for item in value:
            yield from _paths(item, above)
    elif not (value == {} or (value == [] and above == "grants.http")):
        yield above


def check(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        manifest = load_manifest(text)
    except OperatorError as error:
        said = error.message
        manifest = None
    else:
        said = ""
    assert "\n" not in said
    assert len(said) < SENTENCE
    if manifest is None:
        return
    assert set(_paths(tomllib.loads(text))) <= KEYS
    for name in ("fuel", "memory_bytes", "wall_ms", "output_bytes", "host_calls"):
        assert getattr(manifest.limits, name) <= getattr(WASM_CEILING, name)
    assert manifest.spec().runtime.module == manifest.digest
    assert manifest.grants.http == ()


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
