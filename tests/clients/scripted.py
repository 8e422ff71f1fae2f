"""Runs an example of `examples/clients` with a model that calls what it is told to; prints what the model was told.

For the environment of the clients, not ours: `python scripted.py langchain|openai|pydantic URL`, and on standard input
`{"token", "calls": [[tool, arguments], ...]}`. No model is asked, and nothing but URL is reached.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "clients"))

CALLS: list[tuple[str, dict[str, Any]]] = []
TOLD: list[str] = []
OFFERED: list[str] = []


def langchain_model() -> Any:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    class Scripted(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Any, **_more: Any) -> Any:
            OFFERED[:] = [tool.name for tool in tools]
            return self

        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_more: Any) -> Any:
            TOLD[:] = [text_of(one.content) for one in messages if isinstance(one, ToolMessage)]
            said = AIMessage(content="done")
            if len(TOLD) < len(CALLS):
                name, arguments = CALLS[len(TOLD)]
                said = AIMessage(content="", tool_calls=[{"name": name, "args": arguments, "id": f"c{len(TOLD)}"}])
            return ChatResult(generations=[ChatGeneration(message=said)])

    return Scripted()


def text_of(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def openai_model() -> Any:
    from agents import Model, ModelResponse, Usage, set_tracing_disabled
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    set_tracing_disabled(True)  # it would tell OpenAI

    class Scripted(Model):
        async def get_response(
            self,
            system_instructions: Any,
            input: Any,  # noqa: A002 -- as the SDK calls it
            model_settings: Any,
            tools: Any,
            *_more: Any,
            **_: Any,
        ):
            OFFERED[:] = [tool.name for tool in tools]
            answered = [one for one in input if isinstance(one, dict) and one.get("type") == "function_call_output"]
            TOLD[:] = [text_of(one["output"]) for one in answered]
            if len(TOLD) < len(CALLS):
                name, arguments = CALLS[len(TOLD)]
                call = ResponseFunctionToolCall(
                    name=name, arguments=json.dumps(arguments), call_id=f"c{len(TOLD)}", type="function_call"
                )
                return ModelResponse(output=[call], usage=Usage(), response_id=None)
            text = ResponseOutputText(text="done", type="output_text", annotations=[])
            said = ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")
            return ModelResponse(output=[said], usage=Usage(), response_id=None)

        def stream_response(self, *_arguments: Any, **_more: Any) -> Any:
            raise AssertionError("the example asks for whole answers; a script has no stream to give")

    return Scripted()


def pydantic_model() -> Any:
    from pydantic_ai.messages import ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
    from pydantic_ai.models.function import FunctionModel

    def say(messages: Any, info: Any) -> Any:
        OFFERED[:] = [tool.name for tool in info.function_tools]
        parts = [part for message in messages for part in message.parts]
        TOLD[:] = [text_of(part.content) for part in parts if isinstance(part, ToolReturnPart | RetryPromptPart)]
        if len(TOLD) < len(CALLS):
            name, arguments = CALLS[len(TOLD)]
            return ModelResponse(parts=[ToolCallPart(tool_name=name, args=arguments)])
        return ModelResponse(parts=[TextPart(content="done")])

    return FunctionModel(say)


def main() -> None:
    which, url = sys.argv[1:]
    given = json.load(sys.stdin)
    CALLS[:] = [(name, arguments) for name, arguments in given["calls"]]
    match which:
        case "langchain":
            from langchain_agent import answer

            model = langchain_model()
        case "openai":
            from openai_agent import answer

            model = openai_model()
        case _:
            from pydantic_ai_agent import answer

            model = pydantic_model()
    said = asyncio.run(answer("What is in todo.txt?", model, url=url, token=given["token"]))
    json.dump({"answer": said, "told": TOLD, "offered": OFFERED}, sys.stdout)


if __name__ == "__main__":
    main()
