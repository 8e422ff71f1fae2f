"""The entry of the sealed interpreter: what the world's `run` calls. Everything is imported here, when it is built.

Nothing can be imported later: the built component has no file system. What each call sees is this state, fresh.
"""

from runner import answer, prepare

prepare()

import wit_world  # noqa: E402 -- generated for the world; it too is only there when this is built


class WitWorld(wit_world.WitWorld):
    """The exports of the world."""

    def run(self, request: str) -> str:
        """Run the program of *request*, JSON; answers JSON. Never raises for what a program does."""
        return answer(request, wit_world.host_call)
