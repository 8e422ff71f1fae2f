"""The desks where operators decide, and the webhook that is told of questions. They are the same for every face."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog

from holdfast.contracts import ToolSpec
from holdfast.tools.registry import Registry

from ..approval_desk import RecordedApprovals
from ..config import Settings
from ..edited import Edited
from ..flow import Flow
from ..lease_desk import RecordedLeases
from ..observing import Observing, observing_of
from ..policies import Policies
from ..reloading import Reloading
from ..session_desk import RecordedSessions
from ..webhook_wire import read_key
from ..webhooks import Questions, Webhook
from .secrecy import Secrecy
from .state import State

_log = structlog.get_logger("holdfast.policies")


def observing_in(settings: Settings) -> Observing:
    """What is only observed. Raises: OperatorError for what may not be."""
    return observing_of(settings.policy.mode, settings.policy.observe)


def policies_of(settings: Settings, specs: Callable[[], Sequence[ToolSpec]]) -> Policies:
    """The policies that judge *specs*. Raises: OperatorError."""
    return Policies(settings.policy.dir, settings.policy.profile, specs, observing_in(settings).policy)


def judging_of(settings: Settings, secrecy: Secrecy, policies: Policies) -> Secrecy:
    """*secrecy*, judging by *policies*; loud where something is only observed."""
    observing = observing_in(settings)
    if observing.names:
        _log.warning("policy.observing", observed=observing.names, why="what these would stop passes, and is recorded")
    judged = secrecy.judged_by(policies.of)
    return replace(judged, layers=replace(judged.layers, lets=observing.lets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Desks:
    """Where operators decide."""

    approvals: RecordedApprovals
    leases: RecordedLeases
    sessions: RecordedSessions
    reloading: Reloading


def desks_of(state: State, registry: Registry, policies: Policies, flow: Flow) -> Desks:
    """The desks over *state*."""
    edited = Edited(flow=flow, catalogue=registry, sessions=state.sessions)
    approvals = RecordedApprovals(
        approvals=state.approvals,
        sessions=state.sessions,
        audit=state.audit,
        policy=policies.current,
        rebinding=edited.references,
    )
    leases = RecordedLeases(
        leases=state.leases,
        sessions=state.sessions,
        audit=state.audit,
        catalogue=registry,
        policy=policies.current,
    )
    sessions = RecordedSessions(sessions=state.sessions, audit=state.audit)
    return Desks(approvals=approvals, leases=leases, sessions=sessions, reloading=Reloading(policies, state.audit))


def open_webhook(stack: AsyncExitStack, settings: Settings, desk: RecordedApprovals, questions: Questions) -> None:
    """Send *questions* to the configured webhook, if any, until *stack* closes.

    Raises: OperatorError when its key will not do.
    """
    url, key_file = settings.approvals.webhook, settings.approvals.webhook_key_file
    if url is None or key_file is None:
        return
    webhook = Webhook(url=url, key=read_key(key_file), questions=questions, desk=desk)
    webhook.start()
    stack.push_async_callback(webhook.close)
