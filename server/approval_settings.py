"""The configuration's `[approvals]`: who is told of questions besides those that look. It opens no file."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from .table import Table


class ApprovalSettings(Table):
    """How questions reach people."""

    webhook: str | None = None
    """Each new question is sent there, and may be answered in the response (docs/approvals.md)."""
    webhook_key_file: Path | None = None
    """The key that both sides sign with: 32 bytes or more, in a file of mode 0600."""

    @field_validator("webhook")
    @classmethod
    def _reached_in_private(cls, url: str | None) -> str | None:
        if url is not None and not _is_private(url):
            raise ValueError("`webhook` must be an `https` URL, or `http` on loopback, without user or fragment")
        return url

    @model_validator(mode="after")
    def _both_or_neither(self) -> "ApprovalSettings":
        if (self.webhook is None) != (self.webhook_key_file is None):
            raise ValueError("`webhook` and `webhook_key_file` need each other")
        return self


def _is_private(url: str) -> bool:
    """Whether nobody on the way reads what is sent to *url*."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return False
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
