"""Many clients at once with broken servers among good ones: others are unaffected, and memory is bounded."""
