"""The server assembles the parts, listens and records. It alone sees the others."""

if __name__ != "holdfast.server":  # pragma: no cover
    raise ImportError("import holdfast.server, not server")
