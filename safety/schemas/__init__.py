"""JSON Schema 2020-12 for schemas nobody vouches for: bounded, local, linear; it fetches and repairs nothing."""

from .compiled import DEFAULT_STEPS, CompiledSchema, OutOfSteps, Valid, Violation, check_schema, compile_schema

__all__ = [
    "DEFAULT_STEPS",
    "CompiledSchema",
    "OutOfSteps",
    "Valid",
    "Violation",
    "check_schema",
    "compile_schema",
]
