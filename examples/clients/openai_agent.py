"""An agent of the OpenAI Agents SDK whose tools are behind Holdfast. Needs `openai-agents`.

HOLDFAST_TOKEN=… OPENAI_API_KEY=… python openai_agent.py gpt-5 "What is in todo.txt?"
"""

import asyncio
import os
import sys

from agents import Agent, Model, Runner
from agents.mcp import MCPServerStreamableHttp


async def answer(question: str, model: str | Model, *, url: str, token: str) -> str:
    """What *model* says to *question*, with the tools that Holdfast serves at *url*."""
    headers = {"Authorization": f"Bearer {token}"}
    async with MCPServerStreamableHttp(params={"url": url, "headers": headers}, name="holdfast") as holdfast:
        agent = Agent(name="assistant", model=model, mcp_servers=[holdfast])
        result = await Runner.run(agent, question)
    return str(result.final_output)


if __name__ == "__main__":
    holdfast = {"url": "http://127.0.0.1:8700/mcp", "token": os.environ["HOLDFAST_TOKEN"]}
    sys.stdout.write(asyncio.run(answer(sys.argv[2], sys.argv[1], **holdfast)) + "\n")
