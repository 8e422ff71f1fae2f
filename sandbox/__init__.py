"""The sandbox executes calls the gate has authorized, and nothing else."""

if __name__ != "holdfast.sandbox":  # pragma: no cover
    raise ImportError("import holdfast.sandbox, not sandbox")
