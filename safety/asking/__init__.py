"""What an MCP server may ask of who calls it, and what may be answered: shapes only. It asks and sends nothing."""

from .answering import answered
from .forms import asks_for_secret
from .questions import Asker, question

__all__ = ["Asker", "answered", "asks_for_secret", "question"]
