"""The built-in tools, one file each: a `SPEC` and a handler bound to the ports it needs, never anything ambient."""
