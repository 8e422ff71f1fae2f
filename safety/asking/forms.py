"""The forms of MCP: flat fields of simple kinds, and none that asks for a secret. It judges words, never intent."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from holdfast.contracts import Json, Reason

MAX_FIELDS: Final = 50
MAX_CHOICES: Final = 200
MAX_WORDS: Final = 4_096
"""Characters of one text of a form."""

_PLAIN: Final = frozenset({"type", "format"})
_WORDS: Final = frozenset({"title", "description"})
"""No `pattern`: MCP knows none, and a client that ran it could hang."""
_NUMBERS: Final = frozenset({"minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"})
_FORMATS: Final = frozenset({"email", "uri", "date", "date-time"})

_SECRET: Final = re.compile(
    r"\b(?:pass ?(?:word|phrase|code|wd|wort)s?|pwd|kennwort|mot de passe|contrasena|senha"
    r"|(?:api|access|secret|private|auth|bearer|session|client|encryption|signing|recovery|seed|refresh|ssh|master) ?"
    r"(?:key|token|secret|phrase|code)s?"
    r"|mnemonic|credentials?|cvv2?|cvc2?|one ?time ?(?:code|password)|verification code|2fa code"
    r"|(?:credit|debit) ?card|card number|social security|security code|iban)\b"
)
_SECRET_FIELD: Final = re.compile(r"\b(?:secrets?|tokens?|pins?|otp|totp|ssn|key|auth)\b")
"""Words that mean a secret as the name of a field, and much else in a sentence."""

_LOOKALIKES: Final = str.maketrans(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0455\u0458\u0501\u04bb"
    "\u0475\u043a\u043c\u0442\u03bd\u03bf\u03c1\u03b1\u03b9\u03b5\u03c4\u03c5",
    "aceopxyisjdhvkmtvopaietu",
)
"""Cyrillic and Greek letters that are read as Latin ones; the facts are Unicode's confusables (UTS 39)."""

_DIGITS: Final = str.maketrans("013457", "oieast")
_WITHIN: Final = re.compile(r"(?<=[a-z])[013457](?=[a-z])")
"""A digit between letters is one of them: `p4ssword`."""


def asks_for_secret(message: str, schema: Mapping[str, Json]) -> bool:
    """Whether the words of a form are those of asking for a password, key, code or card."""
    if _SECRET.search(_folded(message)):
        return True
    fields = schema.get("properties")
    for name, field in (fields if isinstance(fields, dict) else {}).items():
        texts = [name, *_field_words(field)]
        if any(_SECRET.search(_folded(text)) for text in texts):
            return True
        if any(_SECRET_FIELD.search(_folded(text)) for text in (name, *_title(field))):
            return True
    return False


def form(schema: Json) -> dict[str, Json] | Reason:
    """*schema* with what MCP knows of a form, and nothing else; a reason when it is no form."""
    properties = schema.get("properties") if isinstance(schema, dict) and schema.get("type") == "object" else None
    if not isinstance(schema, dict) or not isinstance(properties, dict) or not 0 < len(properties) <= MAX_FIELDS:
        return NO_FORM
    fields: dict[str, Json] = {}
    for name, given in properties.items():
        field = _field(given)
        if field is None or len(name) > MAX_CHOICES:
            return NO_FORM
        fields[name] = field
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(one, str) and one in fields for one in required):
        return NO_FORM
    return {"type": "object", "properties": fields, "required": required}


NO_FORM: Final = Reason(
    code="asking/no-form",
    layer="asking",
    message="the server asks with a form that is not flat fields of texts, numbers, choices and yes or no",
)


def _field(given: Json) -> dict[str, Json] | None:
    if not isinstance(given, dict):
        return None
    kind, written = given.get("type"), given.get("format", "date")
    if not isinstance(kind, str) or not isinstance(written, str):
        return None
    if kind not in {"string", "number", "integer", "boolean", "array"} or written not in _FORMATS:
        return None
    kept: dict[str, Json] = {key: one for key, one in given.items() if key in _PLAIN}
    kept |= {key: one for key, one in given.items() if key in _WORDS and isinstance(one, str) and len(one) <= MAX_WORDS}
    kept |= {key: one for key, one in given.items() if key in _NUMBERS and isinstance(one, int | float)}
    kept |= {key: one for key, one in given.items() if key == "default" and _is_default(one)}
    kept |= {key: one for key, one in given.items() if key in {"enum", "enumNames"} and _are_texts(one)}
    kept |= {key: one for key, one in given.items() if key == "oneOf" and _are_choices(one)}
    if kind != "array":
        return kept
    match given.get("items"):
        case {"enum": list(listed)} if _are_texts(listed):
            return {**kept, "items": {"type": "string", "enum": listed}}
        case {"anyOf": list(listed)} if _are_choices(listed):
            return {**kept, "items": {"anyOf": listed}}
        case _:
            return None


def _is_default(value: Json) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_WORDS
    return isinstance(value, bool | int | float) or (isinstance(value, list) and _are_texts(value))


def _are_texts(value: Json) -> bool:
    texts = value if isinstance(value, list) else [None]
    return len(texts) <= MAX_CHOICES and all(isinstance(one, str) and len(one) <= MAX_WORDS for one in texts)


def _are_choices(value: Json) -> bool:
    listed = value if isinstance(value, list) else [None]
    return len(listed) <= MAX_CHOICES and all(
        isinstance(one, dict) and set(one) <= {"const", "title"} and _are_texts(list(one.values())) for one in listed
    )


def _field_words(field: Json) -> Iterator[str]:
    given = field if isinstance(field, dict) else {}
    for key in ("title", "description", "default"):
        text = given.get(key)
        if isinstance(text, str):
            yield text


def _title(field: Json) -> tuple[str, ...]:
    title = field.get("title") if isinstance(field, dict) else None
    return (title,) if isinstance(title, str) else ()


def _folded(text: str) -> str:
    """*text* as it is read: without case, marks, styles or lookalike letters, `apiKey` and `api_key` as two words."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    plain = "".join(char for char in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(char))
    latin = plain.casefold().translate(_LOOKALIKES)
    return re.sub(r"[^0-9a-z]+", " ", _WITHIN.sub(lambda found: found[0].translate(_DIGITS), latin))
