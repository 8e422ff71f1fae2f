"""`holdfast.lock`: what is approved of MCP servers, and by whom. It approves nothing by itself."""
