"""Safety decides: validator, sanitizer, policy, leak and credential detectors, gate, envelope. It performs no I/O."""

if __name__ != "holdfast.safety":  # pragma: no cover
    raise ImportError("import holdfast.safety, not safety")
