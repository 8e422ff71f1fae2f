"""A LangChain agent whose tools are behind Holdfast. Needs `langchain` and `langchain-mcp-adapters`.

HOLDFAST_TOKEN=… python langchain_agent.py openai:gpt-5 "What is in todo.txt?"
"""

import asyncio
import os
import sys

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_mcp_adapters.client import MultiServerMCPClient


async def answer(question: str, model: str | BaseChatModel, *, url: str, token: str) -> str:
    """What *model* says to *question*, with the tools that Holdfast serves at *url*."""
    headers = {"Authorization": f"Bearer {token}"}
    client = MultiServerMCPClient({"holdfast": {"transport": "streamable_http", "url": url, "headers": headers}})
    tools = await client.get_tools()
    for tool in tools:
        tool.handle_tool_error = True  # a denial goes to the model, which can do something else
    agent = create_agent(model, tools)
    said = await agent.ainvoke({"messages": [{"role": "user", "content": question}]})
    return str(said["messages"][-1].content)


if __name__ == "__main__":
    holdfast = {"url": "http://127.0.0.1:8700/mcp", "token": os.environ["HOLDFAST_TOKEN"]}
    sys.stdout.write(asyncio.run(answer(sys.argv[2], sys.argv[1], **holdfast)) + "\n")
