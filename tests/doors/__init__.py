"""Attacks on a real server through its own doors: what counts is an absent effect, not what the answer says."""
