"""The sealed interpreters in their own processes: compiled in one, called in another. See `..interpreter`."""
