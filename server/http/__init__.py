"""The HTTP face: routes, the guard before them, and the listener. Decides nothing about a call."""

from ..answers import Registration, Scanned
from .app import HttpDeps, build_app
from .guard import PRINCIPAL
from .ports import (
    ApprovalDesk,
    Authenticating,
    LeaseDesk,
    Readiness,
    Registrar,
    Scanning,
    SessionTokens,
    ToolService,
)
from .serving import Listen, bind, is_loopback, run, serve
from .surface import HttpLimits, Surface, loopback_hosts

__all__ = [
    "PRINCIPAL",
    "ApprovalDesk",
    "Authenticating",
    "HttpDeps",
    "HttpLimits",
    "LeaseDesk",
    "Listen",
    "Readiness",
    "Registrar",
    "Registration",
    "Scanned",
    "Scanning",
    "SessionTokens",
    "Surface",
    "ToolService",
    "bind",
    "build_app",
    "is_loopback",
    "loopback_hosts",
    "run",
    "serve",
]
