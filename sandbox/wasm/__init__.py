"""Runs WebAssembly tools in confined processes. Importing it loads no engine: the trusted process never has one."""
