"""The official conformance suite, run against our server, our client, and whole Holdfast before somebody's server."""
