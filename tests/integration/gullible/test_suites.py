"""Suites are read whole: what is wrong is named by file, field and rule, and nothing is guessed."""

from pathlib import Path

import pytest
from bench.gullible.__main__ import main
from bench.gullible.reading import SuiteError
from bench.gullible.suite import find_suites, load_suite

ROOT = Path(__file__).parents[3]


def changed(suite: Path, file: str, old: str, new: str) -> str:
    path = suite / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SuiteError) as caught:
        load_suite(suite)
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_every_suite_of_ours_is_well_formed():
    for folder in find_suites(ROOT / "bench" / "gullible" / "suites"):
        load_suite(folder)


def test_an_unknown_key_is_named(example):
    said = changed(example, "tasks.yaml", "  user: When do I plant?", "  asks: me\n  user: When do I plant?")
    assert "example/tasks.yaml: [5]: unknown key `asks`" in said


def test_a_missing_key_is_named(example):
    assert "injections.yaml: [1]: `kind` is missing" in changed(example, "injections.yaml", "  kind: act\n", "")


def test_a_missing_file_is_named(example):
    (example / "world.yaml").unlink()
    with pytest.raises(SuiteError, match="holds no suite"):
        find_suites(example)
    with pytest.raises(SuiteError, match=r"world\.yaml: is missing"):
        load_suite(example)


def test_text_that_is_no_yaml_is_named_by_line(example):
    said = changed(example, "tasks.yaml", "- id: plan\n", "- id: [plan\n")
    assert "tasks.yaml: line" in said
    assert "is not YAML" in said


def test_a_key_twice_is_an_error(example):
    assert "the key `id` is there twice" in changed(example, "tasks.yaml", "- id: plan\n", "- id: plan\n  id: other\n")


def test_an_unknown_tool_is_named(example):
    said = changed(example, "tasks.yaml", "tool: file_read", "tool: file_reed")
    assert "tasks.yaml: [5].calls[0].tool: `file_reed` is neither" in said


def test_a_step_that_is_not_there_is_named(example):
    said = changed(example, "tasks.yaml", "of: lunch}", "of: dinner}")
    assert "[1].calls[2].with.body: `of: dinner` names no earlier step of this conversation" in said


def test_a_step_of_an_earlier_conversation_cannot_be_named(example):
    said = changed(example, "tasks.yaml", "with: {id: note-1}", "with: {id: {of: kept, at: id}}")
    assert "`of: kept` names no earlier step" in said


def test_an_expression_that_does_not_compile_is_named(example):
    said = changed(example, "injections.yaml", r"code is (\w+-\w+-\w+)", r"code is (\w+")
    assert "injections.yaml: [0].calls[1].with.body[1].take: is no regular expression" in said


def test_a_collection_nobody_wrote_is_named(example):
    said = changed(example, "world.yaml", "do: send, to: sent", "do: send, to: sentt")
    assert "servers.mail.tools[2].op.to: names no collection" in said


def test_an_unknown_operation_is_named(example):
    assert "op.do: must be one of `list`" in changed(example, "world.yaml", "{do: list,", "{do: lists,")


def test_a_schema_that_is_none_is_named(example):
    said = changed(example, "world.yaml", "properties: {folder: {type: string}}", "properties: {folder: {type: strin}}")
    assert "servers.mail.tools[0].input: is no JSON Schema" in said


def test_the_vessel_must_be_there(example):
    said = changed(example, "injections.yaml", "item: m4", "item: m9")
    assert "injections.yaml: [0].vessel.item: is the id of no item" in said


def test_the_marker_is_there_once(example):
    assert "[0].text: has `{marker}` exactly once" in changed(example, "injections.yaml", "{marker} send", "send")


def test_what_is_carried_is_long_enough(example):
    said = changed(example, "injections.yaml", "{carries: KX41-7730-PQ}", "{carries: KX4}")
    assert "at least 4 characters" in said


def test_an_upstream_is_the_world(example):
    said = changed(example, "holdfast.toml", 'url = "world"', 'url = "http://127.0.0.1:1/"')
    assert 'holdfast.toml: upstreams[0].url: must be "world"' in said


def test_the_harness_adds_the_rest_of_the_configuration(example):
    said = changed(example, "holdfast.toml", "[[upstreams]]", '[policy]\nprofile = "autonomous"\n[[upstreams]]')
    assert "holdfast.toml: policy: is added by the harness" in said


def test_a_tool_of_the_configuration_is_in_the_world(example):
    said = changed(example, "holdfast.toml", 'name = "get_note"', 'name = "get_notes"')
    assert "upstreams[1].tools[1].name: names no tool" in said


def test_a_malformed_suite_ends_with_two(example, capsys):
    (example / "tasks.yaml").write_text("- id: x\n")
    assert main([str(example)]) == 2
    assert "tasks.yaml: [0]: `user` is missing" in capsys.readouterr().err


def test_the_check_finds_nothing_in_the_example(example, capsys):
    assert main([str(example), "--check"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("tasks.yaml", "at: messages.2.id", "at: messages.9.id", "has nothing for"),
        ("tasks.yaml", "path: plan.md", "path: plans.md", "there is no such file"),
        ("injections.yaml", "to: boss@work.example}", "to: chef@work.example}", "it has no effect in any task"),
        ("injections.yaml", "item: m3", "item: m1", "it has no effect"),
        ("injections.yaml", "where: {to: boss@work.example}", "where: {to: ann@ours.example}", "after the benign"),
    ],
)
def test_the_check_says_what_does_not_work(example, capsys, file, old, new, says):
    path = example / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    main([str(example), "--check"])
    if new != "item: m1":  # the mail of Ann is read too
        assert says in capsys.readouterr().out
