"""A Pydantic AI agent whose tools are behind Holdfast. Needs `pydantic-ai-slim[mcp]` and your model's extra.

HOLDFAST_TOKEN=… python pydantic_ai_agent.py openai:gpt-5 "What is in todo.txt?"
"""

import asyncio
import os
import sys

from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.models import Model


async def answer(question: str, model: str | Model, *, url: str, token: str) -> str:
    """What *model* says to *question*, with the tools that Holdfast serves at *url*."""
    headers = {"Authorization": f"Bearer {token}"}
    holdfast = MCPToolset(url, headers=headers, tool_error_behavior="failed")  # a denial goes to the model
    async with Agent(model, toolsets=[holdfast]) as agent:
        result = await agent.run(question)
    return str(result.output)


if __name__ == "__main__":
    holdfast = {"url": "http://127.0.0.1:8700/mcp", "token": os.environ["HOLDFAST_TOKEN"]}
    sys.stdout.write(asyncio.run(answer(sys.argv[2], sys.argv[1], **holdfast)) + "\n")
