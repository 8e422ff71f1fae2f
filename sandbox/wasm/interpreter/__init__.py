"""The sealed interpreters as their parent sees them: where they come from, how a program is run, what it answers."""
