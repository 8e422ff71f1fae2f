"""A docstring as a description and what it says of each parameter: Google's form, and `:param name:`."""

import re

_SECTION = re.compile(r"(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?|Attributes):\s*$")
_ENTRY = re.compile(r"(\s+)\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")
_PARAM = re.compile(r"\s*:param(?:eter)?(?:\s+[^:]*?)?\s+\*{0,2}(\w+):\s*(.*)$")
_FIELD = re.compile(r"\s*:\w+[^:]*:")


def described(doc: str) -> tuple[str, dict[str, str]]:
    """The first paragraph of *doc* as one line, and the description of each parameter it names."""
    lines = doc.splitlines()
    summary: list[str] = []
    for line in lines:
        if not line.strip() or _FIELD.match(line) or _SECTION.match(line):
            if summary:
                break
            continue
        summary.append(line.strip())
    return " ".join(summary), {**_sections(lines), **_fields(lines)}


def _sections(lines: list[str]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    within, indent, name = False, 0, ""
    for line in lines:
        if _SECTION.match(line):
            within, indent, name = line.startswith(("Args", "Arguments", "Parameters")), 0, ""
            continue
        if within and line and not line[0].isspace():
            within = False
        if not within or not line.strip():
            continue
        found = _ENTRY.match(line)
        deep = len(line) - len(line.lstrip())
        if found and (not indent or deep <= indent):
            indent, name = len(found[1]), found[2]
            said[name] = [found[3].strip()]
        elif name:
            said[name].append(line.strip())
    return {key: " ".join(filter(None, parts)) for key, parts in said.items()}


def _fields(lines: list[str]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        found = _PARAM.match(line)
        if found:
            name = found[1]
            said[name] = [found[2].strip()]
        elif not line.strip() or _FIELD.match(line):
            name = ""
        elif name:
            said[name].append(line.strip())
    return {key: " ".join(filter(None, parts)) for key, parts in said.items()}
