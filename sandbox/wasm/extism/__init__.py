"""Runs plugins of Extism and hyper-mcp: the kernel and every host function are ours. It loads nothing by itself."""
