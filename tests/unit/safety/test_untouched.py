"""What is not HTML comes through byte for byte: source code, Markdown, JSON, YAML, logs and CSV, undeclared or not."""

from pathlib import Path

from holdfast.contracts import Action
from holdfast.safety.sanitizer import Sanitizer

ROOT = Path(__file__).parents[3]
FOLDERS = (
    "docs",
    "policies",
    "safety",
    "sandbox",
    "server",
    "tools",
    "runners/javascript",
    "examples",
    "bench",
    "fuzz",
)
KINDS = {
    ".py": "text/x-python",
    ".js": "text/javascript",
    ".c": "text/x-c",
    ".md": "text/markdown",
    ".json": "application/json",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".cedar": "text/plain",
    ".wat": "text/plain",
    ".css": "text/css",
}
CLEAN = Sanitizer()
SAMPLES = {
    "text/x-rust": """use std::collections::HashMap;

/// Answers `None` for <missing> keys; see [`HashMap::get`].
pub fn find<'a, T: Into<String>>(all: &'a HashMap<String, Vec<T>>, key: &str) -> Option<&'a Vec<T>> {
    if all.len() < 1 && key > "" { return None; } // <script>alert(1)</script>
    all.get(key).filter(|v| v.len() as i32 <= 1 << 4)
}
""",
    "text/x-go": """package main

// Page is <html><body onload="x()">.
type Page[T any] struct {
\tch   <-chan T
\tHTML template.HTML `json:"html,omitempty"`
}

func (p *Page[T]) Send(v T) bool { return len("<!-- kept -->") > 0 && 1<<3 < 9 }
""",
    "text/x-java": """/** Returns {@code List<Map<String, ? super T>>}; <p>see <a href="javascript:x">x</a>. */
public static <T extends Comparable<T>> boolean less(T a, T b) {
    return a.compareTo(b) < 0 && b != null; // <iframe src=x>
}
""",
    "text/x-typescript": """export const View = ({ a }: { a?: string }): JSX.Element => (
  <div style={{ display: "none" }} onClick={() => run<number>(a!)}>{a && <script src={a} />}</div>
);
""",
    "text/x-php": "<?php if ($a <=> $b): ?>\n<script>var x = <?= json_encode($y) ?>;</script>\n<?php endif; ?>\n",
    "text/x-sh": "cat <<'EOF' > page.html\n<b onclick=x>$(hostname)</b>\nEOF\n[ 1 -lt 2 ] && diff <(a) <(b) 2>&1\n",
    "text/x-sql": "SELECT a.*, '<img src=x onerror=y>' AS html FROM t a WHERE a.id <> 3 AND b <= 4;\n",
    "text/x-diff": "--- a/x.html\n+++ b/x.html\n@@ -1 +1 @@\n-<script>a</script>\n+<!-- b -->\n",
    "application/json": '{"html": "<script>a</script><!-- b -->", "&amp;": ["&lt;", "\\u003c", "<p hidden>"]}\n',
    "application/yaml": "a: <b>\nb: &anchor {c: '<!-- d -->'}\ne: *anchor\nf: |\n  <script>\n  x\n  </script>\n",
    "text/csv": 'id,html\n1,"<b style=""display:none"">x</b>"\n2,&nbsp;\n',
    "text/x-log": "2026-01-02T03:04:05Z WARN [http] GET /?q=<script>alert(1)</script> 200 \"-\" <a href='x'>\n",
    "application/xml": '<?xml version="1.0"?>\n<!-- kept -->\n<script xmlns="x"><style/></script>\n',
    "text/markdown": "# A <b>\n\n<details><summary>x</summary>\n\n```html\n<script>a</script>\n```\n</details>\n\n"
    "<!-- toc -->\n",
    "text/x-tex": "\\newcommand{\\a}[1]{<#1>} % <script>\n$a < b > c$ & \\\\\n",
}


def test_files_of_every_kind_that_are_not_html_come_through():
    count = 0
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in KINDS and "node_modules" not in file.parts and file.is_file():
                text = file.read_bytes().decode("utf-8")
                for media_type in (KINDS[file.suffix], "text/plain"):
                    left, found = CLEAN.text(text, media_type)
                    assert left == text, file
                    assert not any(one.action is Action.REMOVE for one in found), file
                count += 1
    assert count > 500


def test_what_looks_like_html_within_other_kinds_comes_through():
    for media_type, text in SAMPLES.items():
        for kind in (media_type, "text/plain"):
            for written in (text, text.replace("\n", "\r\n"), f"\ufeff{text}"):
                left, found = CLEAN.text(written, kind)
                assert left == written, media_type
                assert not any(one.action is Action.REMOVE for one in found), media_type
