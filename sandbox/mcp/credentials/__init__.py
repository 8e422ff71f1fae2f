"""What is sent to a server to be let in, kept for one tenant at a time, and taken out of what comes back."""
