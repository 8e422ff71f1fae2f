"""Explains one decision to somebody who did not write the policies. It changes nothing and approves nothing."""

from .account import Account, account_of
from .smallest import Change, Search
from .statement import Files, Line
from .wording import sentence

__all__ = ["Account", "Change", "Files", "Line", "Search", "account_of", "sentence"]
