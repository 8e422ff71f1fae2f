"""Explains decisions of policy: of a call that is judged now, of one that was recorded, of one written as a case.

It judges by the policies there are, and has no effect. What it says is for who may read policy, never for an agent.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from holdfast.contracts import Json, NotFound, ToolSpec
from holdfast.safety.policy import Denied, PolicyBundle, PolicyInput, Unclear, redacted
from holdfast.safety.policy.cases import asked, read_calls, read_cases, sample_tools
from holdfast.safety.policy.explaining import Account, Files, account_of

from .dispatch import Asked
from .policies import Policies
from .principals import OPERATOR
from .store import RecordedInput


async def account_of_asked(policies: Policies, given: Asked | None) -> Json:
    """Why policy says what it says of a call that was judged just now; None if it never came to policy."""
    if given is None:
        return None
    return await asyncio.to_thread(_account_of_live, given, policies.files)


async def account_of_recorded(policies: Policies, row: RecordedInput) -> dict[str, Json]:
    """What was said of a recorded call, and what is said of it now, under the profile it was judged by."""
    profile = str(row.said.get("profile"))
    bundle = policies.of(replace(OPERATOR, profile=profile))
    given, gate = row.said.get("input"), row.said.get("gate")
    now: Json = None
    if isinstance(given, Mapping):
        now = await asyncio.to_thread(_account, bundle, PolicyInput.from_json(given), policies.files)
    return {
        "call": row.call_id,
        "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds"),
        "then": {name: row.said.get(name) for name in ("decision", "by", "policy", "profile")},
        "gate": {name: gate.get(name) for name in ("decision", "by", "lifted")} if isinstance(gate, Mapping) else None,
        "judged_now_by": str(bundle.digest),
        "policy": now,
    }


def accounts_of_cases(
    text: str, where: str, files: Files, *, profile: str, specs: Sequence[ToolSpec]
) -> list[tuple[str, dict[str, Json]]]:
    """Every call in *text*, one case or a file of cases, by name, explained by *profile* of *files*.

    Raises: OperatorError for what is no case, or a set that does not load.
    """
    calls, samples = read_calls(where, text), sample_tools(read_cases(files.cases, profile))
    known = {**samples, **{str(spec.name): spec for spec in (*specs, *calls.tools)}}
    bundle = PolicyBundle.load(files.sources, files.cases, profile=profile, specs=tuple(known.values()))
    found: list[tuple[str, dict[str, Json]]] = []
    for case in calls.cases:
        spec = bundle.specs.get(case.tool)
        if spec is None:
            raise NotFound(f"`{where}`: there is no tool `{case.tool}`", remedy="declare it under `tools` in the file")
        found.append((case.name, _account(bundle, bundle.written(asked(case, spec)), files)))
    return found


def _account_of_live(live: Asked, files: Files) -> dict[str, Json]:
    """What a detector found in the arguments is not shown, though it was judged."""
    bundle, request = live.bundle, live.request
    shown = redacted(request.arguments, live.found, partial(bundle.written_with, request))
    given = bundle.written(request)
    if shown is None and isinstance(given, PolicyInput):
        return {
            "decision": None,
            "rules": [],
            "says": ["its arguments hold what may not be shown, and cannot be cleaned"],
        }
    return _account(bundle, given, files, shown)


def _account(
    bundle: PolicyBundle, given: PolicyInput | Denied, files: Files, shown: PolicyInput | None = None
) -> dict[str, Json]:
    if isinstance(given, Denied):
        reason = given.reason
        says = f"policy denies this call: `{reason.code}`: {reason.message}"
        return {"decision": "deny", "rules": [], "says": [says, *([] if reason.remedy is None else [reason.remedy])]}
    account = account_of(bundle, given, files, shown=shown)
    if isinstance(account, Account):
        return account.to_json()
    return _unclear(account)


def _unclear(unclear: Unclear) -> dict[str, Json]:
    says = f"what policy says of this call now cannot be told: {unclear}"
    return {"decision": None, "rules": [], "hidden": [*unclear.facts], "says": [says]}
