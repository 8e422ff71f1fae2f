"""The facts of one call that were always there: its effects, flow, session, findings and paths."""

from typing import Final

from holdfast.contracts import Effect, Label, Sink

from ..paths import paths_within
from .declared import Fact, Judging, Kind, Trust

CALL: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context",
        name="effects",
        kind=Kind.TEXTS,
        says="of this call: at most the tool's; fewer where its entry says `when`, and `egress` where it writes what is"
        " public",
        source="flow",
        trust=Trust.OURS,
        words=frozenset(Effect),
        word="effect",
        read=lambda judging: [effect.value for effect in sorted(judging.request.flow.effects)],
    ),
)

SESSION: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.session",
        name="id",
        kind=Kind.TEXT,
        says="the session's name",
        source="the session",
        trust=Trust.OURS,
        read=lambda judging: judging.request.session.id,
    ),
    Fact(
        holder="context.session",
        name="labels",
        kind=Kind.TEXTS,
        says="what the session has read so far",
        source="the session",
        trust=Trust.OURS,
        words=frozenset(Label),
        word="label",
        read=lambda judging: [label.value for label in sorted(judging.request.session.labels)],
    ),
    Fact(
        holder="context.session",
        name="private",
        kind=Kind.TRUTH,
        says="it has read private data, or the call carries such content along without showing it",
        source="flow",
        trust=Trust.OURS,
        read=lambda judging: judging.request.flow.private,
    ),
    Fact(
        holder="context.session",
        name="untrusted",
        kind=Kind.TRUTH,
        says="the same for strangers' text",
        source="flow",
        trust=Trust.OURS,
        read=lambda judging: judging.request.flow.untrusted,
    ),
)

FLOW: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.flow",
        name="sink",
        kind=Kind.TEXT,
        says="the gravest thing it does",
        source="flow",
        trust=Trust.OURS,
        words=frozenset(Sink),
        word="sink",
        read=lambda judging: judging.request.flow.sink.value,
    ),
    Fact(
        holder="context.flow",
        name="args_from_user",
        kind=Kind.TRUTH,
        says="every decisive argument stands in the user's request, or on the operator's list",
        source="flow",
        trust=Trust.OURS,
        read=lambda judging: judging.request.flow.args_from_user,
    ),
    Fact(
        holder="context.flow",
        name="all_from_user",
        kind=Kind.TRUTH,
        says="every argument does",
        source="flow",
        trust=Trust.OURS,
        read=lambda judging: judging.request.flow.all_from_user,
    ),
    Fact(
        holder="context.flow",
        name="repeated",
        kind=Kind.TRUTH,
        says="the same consequential call was made in this conversation before",
        source="flow",
        trust=Trust.OURS,
        read=lambda judging: judging.request.flow.repeated,
    ),
    Fact(
        holder="context.flow",
        name="receivers_listed",
        kind=Kind.TRUTH,
        says="everybody who gets it is on the operator's list",
        source="flow",
        trust=Trust.OURS,
        read=lambda judging: judging.request.flow.receivers_listed,
    ),
    Fact(
        holder="context.flow",
        name="receivers_from_user",
        kind=Kind.TRUTH,
        says="the user named everybody who gets it, and nothing was sent there before",
        source="flow",
        trust=Trust.OURS,
        read=lambda judging: judging.request.flow.receivers_from_user,
    ),
    Fact(
        holder="context.flow",
        name="args_contain_private",
        kind=Kind.TRUTH,
        says="they look like something private that was read; for who answers, never to free a call",
        source="flow",
        trust=Trust.ADVICE,
        read=lambda judging: judging.request.flow.args_contain_private,
    ),
    Fact(
        holder="context.flow",
        name="args_from_untrusted",
        kind=Kind.TRUTH,
        says="they look like something a stranger wrote; likewise",
        source="flow",
        trust=Trust.ADVICE,
        read=lambda judging: judging.request.flow.args_from_untrusted,
    ),
)

FINDINGS: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.facts",
        name="leaks",
        kind=Kind.WHOLE,
        says="findings of secrets in the arguments, by the leak detector",
        source="the detectors",
        trust=Trust.ADVICE,
        read=lambda judging: judging.request.facts.leaks,
    ),
    Fact(
        holder="context.facts",
        name="credentials",
        kind=Kind.WHOLE,
        says="the same by the credential detector",
        source="the detectors",
        trust=Trust.ADVICE,
        read=lambda judging: judging.request.facts.credentials,
    ),
    Fact(
        holder="context.facts",
        name="injection",
        kind=Kind.WHOLE,
        says="0 to 100: how much the arguments try to steer a model that reads them"
        " ([detection.md](detection.md#injection-signals)); from 60 on its rules are noted",
        source="the detectors",
        trust=Trust.ADVICE,
        read=lambda judging: judging.request.facts.injection,
    ),
    Fact(
        holder="context.facts",
        name="pii",
        kind=Kind.WHOLE,
        says="notes of personal data in the arguments",
        source="the detectors",
        trust=Trust.ADVICE,
        read=lambda judging: judging.request.facts.pii,
    ),
    Fact(
        holder="context.facts",
        name="rules",
        kind=Kind.TEXTS,
        says='the rule ids of all of them: `"pii/card"`',
        source="the detectors",
        trust=Trust.ADVICE,
        read=lambda judging: [*sorted(judging.request.facts.rules)],
    ),
    Fact(
        holder="context.facts",
        name="inexact",
        kind=Kind.TRUTH,
        says="some number was moved to the nearest that Cedar can hold",
        source="the arguments",
        trust=Trust.READ,
        read=lambda judging: judging.written.inexact,
    ),
    Fact(
        holder="context.facts",
        name="unseen",
        kind=Kind.TRUTH,
        says="the arguments hold something the tool's schema does not type",
        source="the arguments",
        trust=Trust.READ,
        read=lambda judging: judging.written.unseen,
    ),
)

PATHS: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.paths",
        name="text",
        kind=Kind.TEXT,
        says="every path-like argument, folded, each between `/` and `/`, one a line",
        source="the arguments",
        trust=Trust.READ,
        read=lambda judging: judging.paths["text"],
    ),
    Fact(
        holder="context.paths",
        name="count",
        kind=Kind.WHOLE,
        says="how many forms are in it; a path with percent escapes has two",
        source="the arguments",
        trust=Trust.READ,
        read=lambda judging: judging.paths["count"],
    ),
    Fact(
        holder="context.paths",
        name="within",
        kind=Kind.TEXTS,
        says="the folders in which all of them lie, not folded, `..` resolved, each between `/` and `/`;"
        " empty if one is relative",
        source="the arguments",
        trust=Trust.READ,
        read=lambda judging: [*paths_within(judging.request.arguments)],
    ),
)
