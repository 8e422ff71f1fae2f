"""The configuration's `[catalogue]`: where approvals of MCP servers are kept, and whose they are. It opens no file."""

from pathlib import Path
from typing import Literal

from .table import Table


class CatalogueSettings(Table):
    """How definitions of MCP servers are approved."""

    lock: Path | None = None
    """None: `holdfast.lock` beside the configuration file, or in the data directory where there is no such file."""
    approver: Literal["anyone", "another"] = "anyone"
    """`another`: not who added the server. Names are those that `--by` says, so this is a rule among colleagues."""
