"""`holdfast secrets`: set, list, remove. A value comes from the terminal or standard input, and goes to no output."""

import getpass
import sys
import warnings
from typing import Annotated, Final

import typer

from holdfast.contracts import SECRET_BYTES, InvalidRequest, Json, OperatorError, Secret, check_secret

from ..principals import LOCAL_TENANT
from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .rendering import show

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("name", "created_at", "updated_at")
TenantOption = Annotated[str, typer.Option(help="Whose secret.")]
_LINE_END_BYTES: Final = 2
_ANY_WORDS: Final = {"allow_extra_args": True}


@group.command("set", context_settings=_ANY_WORDS)
def set_secret(
    context: typer.Context,
    name: str,
    tenant: TenantOption = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Set a secret: asked for twice at a terminal, else read from standard input without its last line break."""
    if context.args:
        # Taken only to be refused: the usual message would print what may be the value once more.
        raise InvalidRequest(
            "a value is never given as an argument: others on this machine can read it there",
            remedy=f"holdfast secrets set {name}, and type it; or have a program write it to standard input",
        )
    check_secret(name)
    secret = _asked() if sys.stdin.isatty() else _piped()
    check_secret(name, secret)
    params: dict[str, Json] = {"name": name, "tenant": tenant, "value": _text(secret)}
    ask("secrets.set", params, data_dir=data_dir, config=config)
    TALK.print(f"secret {plain(name)} is set")
    return 0


@group.command("list")
def list_secrets(
    tenant: TenantOption = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Show the names of the secrets there are, and when they were set."""
    show(ask("secrets.list", {"tenant": tenant}, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command()
def remove(
    name: str, tenant: TenantOption = LOCAL_TENANT, data_dir: DataDirOption = None, config: ConfigOption = None
) -> int:
    """Forget a secret now. Requests that need it are refused from then on."""
    ask("secrets.remove", {"name": name, "tenant": tenant}, data_dir=data_dir, config=config)
    TALK.print(f"secret {plain(name)} is removed")
    return 0


def _asked() -> Secret:
    """What somebody types, twice, unseen."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # it could not be hidden: then it is not asked for
            typed, again = getpass.getpass("value: "), getpass.getpass("again: ")
    except getpass.GetPassWarning:
        raise OperatorError(
            "this terminal would show what is typed", remedy="have a program write it to standard input"
        ) from None
    except EOFError:
        raise InvalidRequest("nothing was typed") from None
    if typed != again:
        raise InvalidRequest("the two are not the same; nothing was set")
    return Secret(typed.encode("utf-8", "surrogateescape"))


def _piped() -> Secret:
    given = sys.stdin.buffer.read(SECRET_BYTES + _LINE_END_BYTES + 1)
    return Secret(given.removesuffix(b"\n").removesuffix(b"\r"))


def _text(secret: Secret) -> str:
    try:
        return secret.reveal().decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("a secret is text in UTF-8", remedy="encode binary ones, for example in base64") from None
