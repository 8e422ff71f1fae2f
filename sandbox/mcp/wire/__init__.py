"""Speaks MCP to one server: the SDK behind one adapter, transports read as raw bytes under caps. Decides nothing."""
