"""`holdfast upstreams login`: whoever runs it signs in with the browser of the machine, and calls are made then."""

import urllib.request
import webbrowser

from tests.guarded_server import guarded
from tests.keys.served import ran


def test_the_command_opens_a_browser_and_ends_when_it_came_back(tmp_path, monkeypatch, capsys) -> None:
    visited: list[str] = []

    def visit(url: str) -> bool:
        visited.append(url)
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60).close()
        return True

    monkeypatch.setattr(webbrowser, "open", visit)
    with guarded() as server:
        file = tmp_path / "holdfast.toml"
        keys = '[upstreams.oauth]\ngrant = "authorization_code"'
        file.write_text(f'[[upstreams]]\nname = "web"\nurl = "{server.url}/mcp"\n{keys}\n')
        options = ("--config", str(file), "--data-dir", str(tmp_path / "data"))

        code = ran(monkeypatch, "upstreams", "login", "web", *options)
        said = capsys.readouterr()
        again = ran(monkeypatch, "upstreams", "diff", "web", *options)

    assert (code, again) == (0, 0)
    assert len(visited) == 1
    assert visited[0] in said.out.replace("\n", "")
    assert "read" in said.out
    assert server.grants() == ["authorization_code"]
    assert not any(token in said.out + said.err for token in server.tokens)
