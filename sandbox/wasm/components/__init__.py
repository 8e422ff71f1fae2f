"""Tools that are WebAssembly components: what they declare, their types as JSON, and one call in a fresh store."""
