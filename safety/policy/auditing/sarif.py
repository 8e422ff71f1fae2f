"""Writes what a check found as SARIF 2.1.0, which code review shows at the line. Values of calls are not in it.

A fingerprint is made of rule, file, policy and sentence without places, so moving a policy does not make it new.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from holdfast.contracts import Digest, Json
from holdfast.contracts.json_values import canonical

from .audit import Audit
from .remarks import RULES, Remark, Rule

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_PLACE: Final = re.compile(r"`[^`]*` line \d+")


def sarif_log(audits: Sequence[Audit], *, folder: str, version: str) -> Mapping[str, Json]:
    """One run over the profiles *audits*, whose files stand in *folder*, relative to the repository and with `/`.

    *version* is ours.
    """
    rules = [*RULES.values()]
    places = {rule.id: place for place, rule in enumerate(rules)}
    merged: dict[tuple[str, str, int, str, str], tuple[Remark, list[str]]] = {}
    for one in audits:
        for remark in one.remarks:
            key = (remark.rule, remark.file, remark.line, remark.policy, remark.message)
            merged.setdefault(key, (remark, []))[1].append(one.profile)
    counts: dict[str, int] = {}
    results: list[Json] = []
    for remark, profiles in merged.values():
        print_of = _fingerprint(remark)
        counts[print_of] = counts.get(print_of, 0) + 1
        results.append(_result(remark, profiles, places[remark.rule], folder, f"{print_of}:{counts[print_of]}"))
    driver: Json = {
        "name": "holdfast policy check",
        "semanticVersion": version,
        "rules": [_rule(rule) for rule in rules],
    }
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the root of the repository"}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _unjudged(audits)}],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(remark: Remark, profiles: Sequence[str], place: int, folder: str, fingerprint: str) -> Json:
    uri = f"{folder}/{remark.file}" if folder and remark.file else remark.file or folder or "."
    shown = ", ".join(dict.fromkeys(profiles))
    return {
        "ruleId": remark.rule,
        "ruleIndex": place,
        "level": remark.severity.value,
        "message": {"text": f"{remark.message} (profile {shown}). What to do: {remark.remedy}."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(uri), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": max(1, remark.line)},
                }
            }
        ],
        "partialFingerprints": {"holdfastPolicy/v1": fingerprint},
        "properties": {"policy": remark.policy, "profiles": [*dict.fromkeys(profiles)]},
    }


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.id,
        "name": f"Policy{''.join(word.capitalize() for word in rule.id.split('-'))}",
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": f"{rule.title}; {rule.remedy}"},
        "help": {"text": f"What to do: {rule.remedy}."},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": ["security", "policy"]},
    }


def _unjudged(audits: Sequence[Audit]) -> list[Json]:
    return [
        {
            "level": "note",
            "message": {
                "text": f"profile {one.profile}: `{each.rule}` was not judged for {len(each.policies)}"
                f" of the policies: {each.why}"
            },
        }
        for one in audits
        for each in one.unjudged
    ]


def _fingerprint(remark: Remark) -> str:
    plain = _PLACE.sub("", remark.message)
    return str(Digest.of(canonical([remark.rule, remark.file, remark.policy, plain]))).rpartition(":")[2][:32]


def _uri(path: str) -> str:
    """Percent-encode what may not stand in a relative reference."""
    allowed = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
    return "".join(chr(byte) if chr(byte) in allowed else f"%{byte:02X}" for byte in path.encode())
