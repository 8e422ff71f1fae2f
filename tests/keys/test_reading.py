"""The file as a whole: what is no key is refused, what cannot be enforced is refused, and who stands over whom."""

import re
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.config import ABSENT_TABLES, Settings, checked_settings, load_settings
from holdfast.server.founding import lay_out


def read(folder: Path, text: str) -> Settings:
    file = folder / "holdfast.toml"
    file.write_text(text)
    return load_settings(file)


def refusal(folder: Path, text: str = "") -> OperatorError:
    with pytest.raises(OperatorError) as refused:
        read(folder, text)
    assert "\n" not in refused.value.message
    return refused.value


@pytest.mark.parametrize("table", sorted(ABSENT_TABLES))
def test_a_table_that_nothing_would_enforce_is_refused_with_its_reason(tmp_path, monkeypatch, table: str) -> None:
    for text in (f"[[{table}]]\nname = 1", f"{table} = []", f"[{table}]"):
        error = refusal(tmp_path, text)
        assert error.message == f"`[[{table}]]` is refused: {ABSENT_TABLES[table]}"
        assert error.remedy == f"remove `[[{table}]]`"
    monkeypatch.setenv(f"HOLDFAST_{table.upper()}", "[]")
    assert ABSENT_TABLES[table] in refusal(tmp_path).message


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("serve = 1", "serve"),
        ("[server]\nprot = 1", "server.prot"),
        ("[server.tls]\ncert = 'a'\nkey = 'b'\nca = 'c'", "server.tls.ca"),
        ("[workspace]\nreadable = []", "workspace.readable"),
        ("[policy]\nmodes = 'enforce'", "policy.modes"),
        ("[audit]\nwebhook = 'x'", "audit.webhook"),
        ("[limits]\nburts = 1", "limits.burts"),
        ("[[egress]]\nhost = 'a'\nhosts = []", "egress.0.hosts"),
        ("[[upstreams]]\nname = 'a'\ncommand = ['b']\n[upstreams.grants]\nexec = []", "upstreams.0.grants.exec"),
        ("[store]\npool = 1", "store.pool"),
        ("unsafe_allow_degraded = ['shell']", "unsafe_allow_degraded"),
    ],
)
def test_a_key_that_does_not_exist_is_refused_by_its_path(tmp_path, text: str, key: str) -> None:
    assert refusal(tmp_path, text).message == f"unknown key `{key}`"


def test_what_is_no_toml_is_refused(tmp_path) -> None:
    assert "is not TOML" in refusal(tmp_path, "[server").message
    with pytest.raises(OperatorError, match="cannot read"):
        load_settings(tmp_path / "absent.toml")


def test_the_environment_stands_over_the_file_key_by_key(tmp_path, monkeypatch) -> None:
    text = "[server]\nport = 1000\nhost = '127.0.0.2'\n[limits]\nburst = 3"
    monkeypatch.setenv("HOLDFAST_SERVER__PORT", "2000")
    monkeypatch.setenv("HOLDFAST_ENVELOPE", "xml")
    monkeypatch.setenv("HOLDFAST_SERVER__ALLOWED_HOSTS", '["a.example"]')
    monkeypatch.setenv("HOLDFAST_EGRESS", '[{"host": "b.example"}]')

    settings = read(tmp_path, text)

    assert (settings.server.port, settings.server.host, settings.limits.burst) == (2000, "127.0.0.2", 3)
    assert (settings.envelope, settings.server.allowed_hosts) == ("xml", ("a.example",))
    assert [row.host for row in settings.egress] == ["b.example"]
    monkeypatch.delenv("HOLDFAST_SERVER__PORT")
    assert read(tmp_path, text).server.port == 1000


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HOLDFAST_SERVER__PROT", "1", "unknown key `server.prot`"),
        ("HOLDFAST_SEVER__PORT", "1", "unknown key `HOLDFAST_SEVER__PORT`"),
        ("HOLDFAST_SERVER__PORT", "x", "`server.port`"),
        ("HOLDFAST_EGRESS", "b.example", '"egress"'),
        ("HOLDFAST_SERVER__ALLOWED_HOSTS", "a.example", '"server"'),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_without_its_value(
    tmp_path, monkeypatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)

    message = refusal(tmp_path).message

    assert said in message
    assert ".example" not in message


@pytest.mark.parametrize("variable", ["HOLDFAST_DATA_DIR", "HOLDFAST_PORT_8700_TCP", "HOLDFAST_SERVICE_HOST"])
def test_a_variable_that_is_no_key_of_ours_is_left_alone(tmp_path, monkeypatch, variable: str) -> None:
    monkeypatch.setenv(variable, "x")

    assert read(tmp_path, "") == checked_settings({})


def test_relative_paths_are_relative_to_the_file_and_stay_there(tmp_path, monkeypatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here" / "holdfast.toml").write_text(
        """
[server.tls]
cert = "c.pem"
key = "k.pem"
[workspace]
root = "w"
[policy]
dir = "p"
[store]
url = "sqlite:///s.db"
[[upstreams]]
name = "a"
command = ["x"]
[upstreams.grants]
read = ["r", "/r"]
write = ["w"]
"""
    )

    settings = load_settings(Path("here/holdfast.toml"))

    here = tmp_path / "here"
    assert settings.server.tls is not None
    assert (settings.server.tls.cert, settings.server.tls.key) == (here / "c.pem", here / "k.pem")
    assert (settings.workspace.root, settings.policy.dir) == (here / "w", here / "p")
    assert (settings.store.url, settings.store.path()) == (f"sqlite:///{here}/s.db", here / "s.db")
    grants = settings.upstreams[0].grants
    assert (grants.read, grants.write) == ((here / "r", Path("/r")), (here / "w",))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:////var/lib/x.db"])
def test_a_store_that_is_nowhere_or_absolute_stays_as_written(tmp_path, url: str) -> None:
    assert read(tmp_path, f'[store]\nurl = "{url}"').store.url == url


def test_the_file_that_init_writes_is_read(tmp_path) -> None:
    found = lay_out(tmp_path / "new", as_root="# allow_root = true\n")

    settings = load_settings(found.config)

    assert (settings.workspace.root, settings.policy.dir) == (found.workspace, found.policies)
    written = re.findall(r"(?m)^\[+([a-z]+)\]+$", found.config.read_text())
    assert set(written) <= set(Settings.model_fields)


def test_the_examples_that_init_writes_hold_once_they_are_uncommented(tmp_path) -> None:
    written = lay_out(tmp_path / "new", as_root="").config.read_text()
    rows = re.findall(r"(?m)^# (\[\[?[a-z.]+\]\]?(?: .*)?|[a-z]+ = .*)$", written)

    settings = read(tmp_path, "\n".join(rows))

    assert [row.says for row in settings.labels] == [("untrusted",), ("trusted",)]
    (mail,) = settings.upstreams
    assert [(tool.name, tool.staged) for tool in mail.tools] == [("create_draft", True), ("send", False)]


@pytest.mark.parametrize("page", ["docs/flow.md", "docs/approvals.md", "README.md"])
def test_the_examples_of_the_pages_hold(tmp_path, page: str) -> None:
    text = (Path(__file__).parents[2] / page).read_text(encoding="utf-8")
    examples = re.findall(r"(?ms)^```toml\n(.*?)^```$", text)
    (tmp_path / "webhook.key").write_bytes(bytes(32))
    (tmp_path / "webhook.key").chmod(0o600)

    assert examples
    for example in examples:
        above = "" if "[[upstreams]]\n" in example else '[[upstreams]]\nname = "x"\nurl = "https://x.example/mcp"\n'
        assert read(tmp_path, above * ("[[upstreams.tools]]" in example) + example) != checked_settings({})
