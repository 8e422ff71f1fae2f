"""Labels as they flow through a real house and a real MCP server. It holds tests only."""
