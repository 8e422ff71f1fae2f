"""Tools are described here: specs, manifests, the registry and the built-in tools."""

if __name__ != "holdfast.tools":  # pragma: no cover
    raise ImportError("import holdfast.tools, not tools")
