"""Every key somebody can write has a test that flips what happens; a key without one fails."""
