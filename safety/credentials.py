"""Finds credentials by the names beside them: detect-secrets' plugins on likely lines, and arguments with secret names.

1. Plugins are used as library objects: no process-global settings, no filters of theirs, never `scan_line`'s verdict.
2. They read candidate lines only, cut to `LINE` characters, and at most `cap` bytes of them in one call. What was not
   read is said with a finding of its own; it is the caller who decides what an unread text is worth.
3. What a plugin returns is judged again: placeholders, words and code do not count.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.keyword import CONFIG_DENYLIST_REGEX_TO_GROUP, KeywordDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from holdfast.contracts import Action, Finding, Json, RuleId, Severity, Where

from .expressions import expression
from .leaks import checks, layout
from .placeholders import is_made_of_words, is_placeholder
from .requests import Piece, strings_and_pieces

LAYER: Final = "credentials"
TOO_LARGE: Final = RuleId("credentials/too-large-to-judge")
NAMED_ARGUMENT: Final = RuleId("credentials/named-argument")
IN_REQUEST: Final = RuleId("credentials/in-request")
"""A value within a text that is a header, a URL, a form, JSON or a command."""
CAP: Final = 64 * 1024
"""Bytes of candidate lines read in one call: a quarter of a second at the plugins' 0.25 MB/s."""
LINE: Final = 1024
"""Bytes of a line read around what made it a candidate; minified files are one line."""


class _Plugin(Protocol):
    def analyze_string(self, string: str) -> Iterator[str]: ...


class _KeywordPlugin:
    """The keyword plugin with both its sets of patterns: quoted values, and values as configuration files have them."""

    def __init__(self) -> None:
        self._plugin = cast("Any", KeywordDetector())

    def analyze_string(self, string: str) -> Iterator[str]:
        yield from self._plugin.analyze_string(string)
        yield from self._plugin.analyze_string(string, denylist_regex_to_group=CONFIG_DENYLIST_REGEX_TO_GROUP)


_TOKENS: Final[Mapping[str, Callable[[], object]]] = {
    "artifactory": ArtifactoryDetector,
    "aws": AWSKeyDetector,
    "azure-storage": AzureStorageKeyDetector,
    "cloudant": CloudantDetector,
    "discord": DiscordBotTokenDetector,
    "github": GitHubTokenDetector,
    "gitlab": GitLabTokenDetector,
    "ibm-cloud": IbmCloudIamDetector,
    "ibm-cos": IbmCosHmacDetector,
    "json-web-token": JwtTokenDetector,
    "mailchimp": MailchimpDetector,
    "npm": NpmDetector,
    "openai": OpenAIDetector,
    "pypi": PypiTokenDetector,
    "sendgrid": SendGridDetector,
    "slack": SlackDetector,
    "softlayer": SoftlayerDetector,
    "square": SquareOAuthDetector,
    "stripe": StripeDetector,
    "telegram": TelegramBotTokenDetector,
    "twilio": TwilioKeyDetector,
}
_KEYWORD: Final = "keyword"
_BASIC_AUTH: Final = "basic-auth"

_CANDIDATE: Final = expression(
    # the keyword plugin: one of its names, the rest of a name, and what gives a value to it
    r"(?i:(?:api|auth|service|account|db|database|priv|private|client)_?key|pass|pwd|secret|contrase)[\w.-]{0,60}"
    r"[\"'\x60\])]{0,3}\s{0,20}(?:[=:(!<>,\"'\x60]|->)|"
    # IBM, Softlayer, Cloudant: any key or token with a long value
    r"(?i:key|token)[\"'\x60\])]{0,3}\s{0,20}[=:(<>!,-]{1,3}\s{0,20}[\"'\x60]{0,2}[0-9A-Za-z_-]{24}|"
    r"(?i:cloudant|softlayer|artifactory|accountkey|hooks\.slack|aws.{0,20}(?:key|pw|pass|token))|"
    # userinfo, and the prefixes of tokens
    r"://[^\s/]{1,200}@|(?:A3T[0-9A-Z]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{12}|(?i:akcp|gh[pousr]_|gl[a-z]{2,6}-|gr1348941|"
    r"eyj[a-z0-9_-]{8,}\.|-us[0-9]|npm_|t3blbkfj|pypi-|sg\.[\w-]{20}|xox[a-z]-|[sr]k_live|sq0[a-z]{3}-|"
    r"[0-9]{8,10}:aa[\w-]{33}|[mno][\w-]{23,25}\.[\w-]{6}\.)|(?:^|[^0-9A-Za-z])(?:AC|SK)[0-9a-z]{32}"
)
"""What a line holds that some plugin could say something about."""
_SECRET_NAME: Final = re.compile(
    r"(?:.*[_-])?(?:password|passwd|passphrase|pwd|pass|secret|secrets|token|tokens|api_?key|access_?key|private_?key|"
    r"secret_?key|auth_?key|signing_?key|encryption_?key|master_?key|authorization|proxy_authorization|auth|bearer|cookie|"
    r"set_cookie|credential|credentials|client_?secret|connection_?string|dsn)",
    re.IGNORECASE,
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SCHEME: Final = re.compile(r"(?i:bearer|basic|token|apikey|digest|negotiate)[ :]+")
_SHORTEST: Final = 4
_QUOTES: Final = "\"'`"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A stretch of one text worth reading, in bytes."""

    part: int
    start: int
    end: int


Elsewhere = Callable[[Sequence[str], Where], tuple[Finding, ...] | None]
"""Finds in texts what `CredentialDetector.scan` would without a cap; None when it could not."""


class CredentialDetector:
    """detect-secrets behind one door. Thread-safe: its plugins keep nothing between lines."""

    def __init__(self, *, cap: int = CAP, elsewhere: Elsewhere | None = None) -> None:
        """*elsewhere* reads what is over the *cap*, in bytes of lines, where it can be stopped."""
        self._cap = cap
        self._elsewhere = elsewhere
        plugins = [(name, cast("_Plugin", plugin())) for name, plugin in _TOKENS.items()]
        plugins.append((_BASIC_AUTH, cast("_Plugin", BasicAuthDetector())))
        plugins.append((_KEYWORD, _KeywordPlugin()))
        self._plugins: tuple[tuple[str, _Plugin], ...] = tuple(plugins)

    def scan(self, texts: Sequence[str], where: Where) -> tuple[Finding, ...]:
        """Every credential in *texts* that a plugin names, in order; `part` counts texts.

        Beyond the cap all is read elsewhere, where that can be done; otherwise it answers
        `credentials/too-large-to-judge` (action `annotate`) over what it did not read.
        """
        raw = [layout.encoded(text) for text in texts]
        lines, unread = self._lines(raw)
        if unread and self._elsewhere is not None:
            found = self._elsewhere(texts, where)
            if found is not None:
                return found
        findings = [found for line in lines for found in self._read(line, texts[line.part], raw[line.part], where)]
        for line in unread:
            start, end = layout.characters(texts[line.part], raw[line.part], line.start, line.end)
            findings.append(_finding(TOO_LARGE, Severity.LOW, Action.ANNOTATE, where, line.part, start, end))
        return tuple(dict.fromkeys(findings))

    def _lines(self, raw: Sequence[bytes]) -> tuple[list[_Line], list[_Line]]:
        """The lines of *raw* worth reading up to the cap, and for each part what lies beyond it."""
        lines: list[_Line] = []
        unread: list[_Line] = []
        room = self._cap
        for part, data in enumerate(raw):
            for line in _candidates(part, data):
                room -= line.end - line.start
                if room < 0:
                    unread.append(_Line(part=part, start=line.start, end=len(data)))
                    break
                lines.append(line)
        return lines, unread

    def scan_arguments(self, arguments: Mapping[str, Json], where: Where) -> tuple[Finding, ...]:
        """As `scan` over every string of *arguments*, and every value whose name says that it is a secret.

        Parts count as `json_values.strings` does, keys included.
        """
        texts, pieces = strings_and_pieces(arguments)
        named = dict.fromkeys(
            _finding(_rule(piece, texts), Severity.HIGH, Action.REDACT, where, piece.part, piece.start, piece.end)
            for piece in pieces
            if _is_secret(piece.name, piece.value)
        )
        whole = {each.part for each in named if each.rule == NAMED_ARGUMENT}
        # A token under a secret name is both; what is refused anyway is not hidden behind its name.
        rest = [each for each in self.scan(texts, where) if each.part not in whole or each.action is Action.DENY]
        known = {(each.part, each.start, each.end) for each in rest}
        fresh = [
            each for each in named if each.rule == NAMED_ARGUMENT or (each.part, each.start, each.end) not in known
        ]
        return tuple(sorted([*fresh, *rest], key=lambda finding: (finding.part, finding.start)))

    def _read(self, line: _Line, text: str, data: bytes, where: Where) -> Iterator[Finding]:
        content = data[line.start : line.end].decode("utf-8", "replace")
        for name, plugin in self._plugins:
            for value in dict.fromkeys(plugin.analyze_string(content)):
                at = content.find(value) if value else -1
                if at < 0 or not _counts(name, value, content[:at]):
                    continue
                low = line.start + len(content[:at].encode("utf-8"))
                start, end = layout.characters(text, data, low, low + len(value.encode("utf-8")))
                action = _action(name, where)
                yield _finding(RuleId(f"{LAYER}/{name}"), Severity.HIGH, action, where, line.part, start, end)


def _candidates(part: int, data: bytes) -> Iterator[_Line]:
    at = 0
    while True:
        found = _CANDIDATE.search(data, at)
        if found is None:
            return
        start = max(data.rfind(b"\n", 0, found.start()) + 1, found.start() - LINE // 2, at)
        end = data.find(b"\n", found.end())
        end = layout.border(data, min(len(data) if end < 0 else end, found.start() + LINE))
        start = min(end, layout.border(data, start))
        yield _Line(part=part, start=start, end=end)
        at = max(end, found.end())


def _counts(plugin: str, value: str, before: str) -> bool:
    if is_placeholder(value) or "\ufffd" in value:
        return False
    if plugin == _BASIC_AUTH:
        return not is_made_of_words(value) and not re.search(r"[{}$*<>]|%[sdv]", value)
    if plugin != _KEYWORD:
        return True
    name = before.rstrip(_QUOTES + " \t")
    if checks.names_no_secret(name.rstrip(":=<>!(, \t" + _QUOTES)):
        return False
    quoted = before.endswith(tuple(_QUOTES))
    return checks.is_quoted_literal(value, before) if quoted else checks.is_bare_literal(value, before)


def _rule(piece: Piece, texts: Sequence[str]) -> RuleId:
    return NAMED_ARGUMENT if (piece.start, piece.end) == (0, len(texts[piece.part])) else IN_REQUEST


def _is_secret(name: str, value: str) -> bool:
    plain = _CAMEL.sub("_", name).replace("-", "_").replace(" ", "_").replace(".", "_")
    if not _SECRET_NAME.fullmatch(plain) or checks.names_no_secret(plain):
        return False
    said = value.strip()
    scheme = _SCHEME.match(said)
    bare = said[scheme.end() :] if scheme else said
    if scheme is not None and scheme[0].lower().startswith("basic"):
        bare = _password(bare)
    if is_placeholder(bare) or is_made_of_words(bare):
        return False
    return len(bare) >= _SHORTEST and (scheme is not None or not re.search(r"\s\S+\s", bare))


def _password(coded: str) -> str:
    """The password of `user:password` in base64; *coded* itself when it is none."""
    try:
        user, colon, password = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode().partition(":")
    except ValueError:
        return coded
    return (password or user) if colon else coded


def _action(plugin: str, where: Where) -> Action:
    """A token in arguments is refused; what only its name gives away is redacted, and policy may refuse it."""
    return Action.DENY if where is Where.ARGUMENTS and plugin != _KEYWORD else Action.REDACT


def _finding(
    rule: RuleId, severity: Severity, action: Action, where: Where, part: int, start: int, end: int
) -> Finding:
    return Finding(
        rule=rule, layer=LAYER, severity=severity, action=action, where=where, start=start, end=end, part=part
    )
