"""MCP servers as operators deal with them: entries kept, what they offer looked at and approved, signed in to."""
