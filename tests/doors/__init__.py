"""Attacks on a real server through its own doors: what counts is that the effect is absent, not what the answer says."""
