"""What confines each tool where it runs, at the least, for policy to look at. It confines nothing."""

from collections.abc import Callable
from typing import Final, assert_never

from holdfast.contracts import Builtin, ToolSpec, Upstream, Wasm
from holdfast.sandbox.children import LAYERS
from holdfast.sandbox.mcp import Upstreams
from holdfast.sandbox.wasm.outcomes import ISOLATION

_IN_WORKERS: Final = frozenset({"python", "javascript"})


def isolation_of(connections: Upstreams) -> Callable[[ToolSpec], frozenset[str]]:
    """Answers by the spec; a server behind a URL is confined by whoever runs it, which says nothing to us."""

    def confines(spec: ToolSpec) -> frozenset[str]:
        match spec.runtime:
            case Wasm():
                return frozenset(ISOLATION)
            case Builtin():
                if spec.name in _IN_WORKERS:
                    return frozenset(ISOLATION)
                return frozenset(LAYERS) if spec.name == "shell" else frozenset()
            case Upstream(server=server):
                connection = connections.connection(server)
                is_ours = connection is not None and connection.config.url is None
                return frozenset(LAYERS) if is_ours else frozenset()
            case _:
                assert_never(spec.runtime)

    return confines
