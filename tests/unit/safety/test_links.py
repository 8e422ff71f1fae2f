"""Links and images that lead outside the listed hosts become text that says where; nothing else of a text changes."""

import pytest

from holdfast.contracts import Link, Resource, Text
from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.sanitizer.drafts import MAX_EDITS

CLEAN = Sanitizer(hosts=("docs.example", "*.good.example"))
OPEN = Sanitizer(hosts=("docs.example", "*"))


def cleaned(text, media_type="text/plain"):
    return CLEAN.text(text, media_type)[0]


def rules(text, media_type="text/plain"):
    return {finding.rule for finding in CLEAN.text(text, media_type)[1]}


@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown"])
@pytest.mark.parametrize(
    ("text", "left", "rule"),
    [
        ("![a](https://evil.example/p?d=1)", "![a] (image left out: `evil.example/p?...`)", "image"),
        ('![a](https://evil.example/p "t") b', '![a] (image left out: `evil.example/p` "t") b', "image"),
        ("![a](<https://evil.example/p q>)", "![a] (image left out: `evil.example/p%20q`)", "image"),
        ("![a]( \n https://evil.example)", "![a] (image left out: `evil.example`)", "image"),
        ("[a](https://evil.example/p?d=1)", "[a] (link: `evil.example/p?d=1`)", "link"),
        ("[a](https://evil.example/(b)c)", "[a] (link: `evil.example/%28b%29c`)", "link"),
        (
            "[![a](https://evil.example/i?d)](https://worse.example/l)",
            "[![a] (image left out: `evil.example/i?...`)] (link: `worse.example/l`)",
            "image",
        ),
        ("![a][1]\n\n[1]: https://evil.example/p?d=1", "![a][1]\n\n[1] (link: `evil.example/p?...`)", "image"),
        ("see [a]\n\n[a]:\n  <https://evil.example/p>", "see [a]\n\n[a] (link: `evil.example/p`)", "link"),
        ("> 1. [a\n> b]: //evil.example 't'", "> 1. [a\n> b] (link: `evil.example`) 't'", "link"),
        ("by <https://evil.example/a?b>.", "by `evil.example/a?b`.", "link"),
        ('<img width=1 src="https://evil.example/i?d">', "(image left out: `evil.example/i?...`)", "image"),
        ("<video poster='//evil.example/i'>", "(image left out: `evil.example/i`)", "image"),
    ],
)
def test_what_leads_outside_is_named_and_leads_nowhere(text, left, rule, media_type):
    assert cleaned(text, media_type) == left
    assert f"sanitizer/outside-{rule}" in rules(text, media_type)
    assert CLEAN.text(left, media_type) == (left, ())


@pytest.mark.parametrize(
    "written",
    [
        "HTTPS://evil.example",
        "http:evil.example",
        "https:/\\evil.example",
        "\\\\\\\\evil.example\\a",
        "//evil.example",
        "https&colon;//evil.example",
        "&#104;ttps://evil.example",
        "https\\://evil.example",
        "https://docs.example@evil.example",
        "https://docs.example:443{at}evil.example".format(at="@"),
        "https://docs.example(a)@evil.example",
        "https://docs.example((a)@evil.example",
        "https://docs.example.evil.example",
        "https://evil.example#docs.example",
        "https://evil.example\\@docs.example",
        "https://xgood.example",
        "https://good.example.",
        "https://docs%2eevil.example",
        "https://d\u043ecs.example",
        "file://evil.example/a",
        "custom-app://evil.example/a",
        "https://" + "a" * 300 + "@evil.example",
        "https://[2001:db8::1]/a",
        "https://2130706433/a",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("form", ["![a](%s)", "![a](<%s>)", "[a]: %s\n![a]"])
def test_no_way_of_writing_a_destination_passes_for_a_listed_one(written, form):
    assert "left out" in cleaned(form % written) or "(link: `" in cleaned(form % written)


@pytest.mark.parametrize("form", ["![a](%s)", "![a](<%s>)", "[a]: %s\n![a]", "<%s>", "<img src='%s'>"])
def test_no_part_of_a_host_passes_for_all_of_it(form):
    for length in (*range(180, 260), 500, 511, 512, 513):
        for written in (f"https://{'a' * length}.good.example.evil.example/", f"https:/\\{'a' * length}.good.example"):
            text = form % (written + ".evil.example")
            assert CLEAN.text(text, "text/markdown")[0] != text, length


@pytest.mark.parametrize(
    "text",
    [
        "![a](https://docs.example/p?d=1) [b](http://DOCS.example.:80/) [c](//x.good.example)",
        "[b](https://docs.example) and [c](https://a.b.good.example/(d))",
        "[a]: https://docs.example/x 'y'\n![a]",
        "<https://docs.example/?a=b> <https://user@docs.example/>",
        "[a](b.md) [c](#d) [e](/f/g) [h](mailto:i@evil.example) [j](javascript:k) ![l](data:image/png;base64,AA)",
        "https://evil.example/in?plain=sight",
        "array[i](x) and f[a](https) and [1]: none",
        "<a@evil.example> <std::vector> <x:element> <https>",
        '<img src="logo.png"> <IMG SRC=a.gif>',
    ],
)
def test_what_stays_inside_or_leads_nowhere_stays(text):
    assert CLEAN.text(text, "text/markdown") == (text, ())
    assert CLEAN.text(text) == (text, ())


def test_with_every_host_listed_nothing_is_touched():
    text = "![a](https://evil.example/p?d=1) [b](//c.example) <https://d.example>\n[e]: https://f.example"

    assert OPEN.text(text) == (text, ())
    assert Sanitizer().text(text) == (text, ())


CODE = (
    "`![a](https://evil.example)` is code, ``[b](https://evil.example) ` `` too",
    "```md\n![a](https://evil.example)\n[b]: https://evil.example\n```",
    "~~~~\n~~~\n<https://evil.example>\n~~~~\ntext",
    "a `b` c\nd `<e>` and text",
)


@pytest.mark.parametrize("text", CODE)
@pytest.mark.parametrize("media_type", ["text/plain", "text/markdown"])
def test_code_in_markdown_stays(text, media_type):
    assert CLEAN.text(text, media_type) == (text, ())


@pytest.mark.parametrize(
    "text",
    [
        "a ` b\n` ![x](https://evil.example) `",
        "# a ` b\nc `\n` ![x](https://evil.example) `",
        "| ` | ![x](https://evil.example) | ` |",
        "\\` ![x](https://evil.example) `",
        "<a b='`'> ![x](https://evil.example) `",
        "`` ![x](https://evil.example) `",
        "- ```\n```\n![x](https://evil.example)\n```",
        "   ```\n```\n![x](https://evil.example)\n```\n",
        "> ```\n\n```\n![x](https://evil.example)\n```\nb\n```",
        "<div>\n```\n\n![x](https://evil.example)\n\n```",
        "<!--\n\n```\n-->\n![x](https://evil.example)\n```",
        "<pre>\n\n```\n</pre>\n![x](https://evil.example)\n```",
        "``` a ` b\n![x](https://evil.example)\n```",
        "```\n![x](https://evil.example)",
        "```\n~~~\n```\n![x](https://evil.example)\n~~~",
        "`\n\n![x](https://evil.example) `",
        f"![{'x' * 2_000}](https://evil.example)",
        "![a `]` b](https://evil.example)",
    ],
)
def test_what_only_looks_like_code_hides_no_image(text):
    assert "(https" not in cleaned(text, "text/markdown")
    assert "sanitizer/outside-image" in rules(text, "text/markdown")


SOURCE = {
    "python": '"""See <https://evil.example/a>."""\n\nimport os\n\n\ndef f(a):\n    # [b](https://evil.example)\n'
    "    return os.x\n",
    "rust": "//! [a](https://evil.example)\nuse std::io;\n\npub fn f() -> u8 {\n    // <https://evil.example>\n"
    "    0\n}\n",
    "go": "package a\n\n// A is <https://evil.example>.\ntype A struct {\n\tB int\n}\n\nfunc f() {\n}\n",
    "c": "/* <https://evil.example>\n * [a](https://evil.example)\n */\n#include <a.h>\nint b;\nint c;\n",
    "javascript": "// <https://evil.example>\nconst a = b[0](c);\nexport default a;\nlet d = {\n};\n",
    "shell": "#!/bin/sh\n# from <https://evil.example>\n# [a](https://evil.example)\nA=1\nB=2\nC=3\n",
    "yaml": "name: a\nurl: <https://evil.example>\ndocs: '[a](https://evil.example)'\nlist:\n  - b: c\n",
    "csv": "id,name,link\n1,a,<https://evil.example>\n2,b,[c](https://evil.example)\n3,d,e\n4,f,g\n",
    "log": "".join(f"2026-01-02 03:04:0{n} GET <https://evil.example/{n}>\n" for n in range(6)),
    "json": '{"a": "![b](https://evil.example)", "c": "<https://evil.example>"}',
    "jsonl": '{"a": "![b](https://evil.example)"}\n{"a": "[b](https://evil.example)"}\n',
}


def test_links_of_source_data_and_logs_stay_though_nobody_declared_them():
    for kind, text in SOURCE.items():
        assert CLEAN.text(text) == (text, ()), kind


def test_text_declared_as_something_else_is_not_read_as_markdown():
    text = "![a](https://evil.example) [b](https://evil.example) <https://evil.example>"

    for media_type in ("text/x-python", "application/json", "text/csv", "application/yaml", "text/x-rust"):
        assert CLEAN.text(text, media_type) == (text, ())


def test_an_image_in_undeclared_source_goes_because_whoever_renders_it_fetches_it():
    text = SOURCE["rust"] + "// ![a](https://evil.example/?d)\n"

    assert cleaned(text) == SOURCE["rust"] + "// ![a] (image left out: `evil.example/?...`)\n"


def test_markdown_in_html_fetches_no_image():
    text = "<p>![a](https://evil.example/?d=1&amp;e=2) and [b](https://evil.example)</p>"

    assert cleaned(text, "text/html") == (
        "<p>![a] (image left out: `evil.example/?...`) and [b](https://evil.example)</p>"
    )

    referred = "<p>![a][1]</p>\n\n[1]: //evil.example/?d\n"
    assert cleaned(referred, "text/html") == "<p>![a][1]</p>\n\n[1] (link: `evil.example/?...`)\n"
    assert cleaned(referred.replace("!", ""), "text/html") == referred.replace("!", "")


@pytest.mark.parametrize("end", ["\x07", "\x1b\\"], ids=ascii)
def test_a_link_of_a_terminal_leaves_its_label_and_where_it_led(end):
    text = f"\x1b]8;id=1;https://evil.example/a?b{end}click\x1b]8;;{end} \x1b]8;;https://docs.example{end}here\x1b]8;;{end}"

    assert cleaned(text) == "(link: `evil.example/a?...`) click here"
    assert "sanitizer/outside-link" in rules(text)
    assert OPEN.text(text)[0] == "click here"


def test_every_kind_of_text_in_output_is_looked_at_but_structured_values():
    image = "![a](https://evil.example/?d)"
    content = (
        Text(text=image),
        Resource(uri="memo://a", body=Text(text=image, media_type="text/markdown")),
        Link(uri="https://evil.example/a", name=image, description=image),
    )

    blocks, structured, found = CLEAN.output(content, {"a": image})

    left = "![a] (image left out: `evil.example/?...`)"
    assert blocks == (
        Text(text=left),
        Resource(uri="memo://a", body=Text(text=left, media_type="text/markdown")),
        Link(uri="https://evil.example/a", name=left, description=left),
    )
    assert structured == {"a": image}
    assert {finding.part for finding in found} == {0, 1, 2}


def test_more_links_than_are_told_apart_are_broken_all_the_same():
    text = "[a](https://evil.example) " * (MAX_EDITS + 5)

    once = cleaned(text)

    assert "](" not in once
    assert cleaned(once) == once
