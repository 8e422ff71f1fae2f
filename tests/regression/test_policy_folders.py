"""A pipe in a policy folder hung whoever read it, and a broken file was called by the name of a Python class."""

import os
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.policies import read_policy_files


def test_a_pipe_in_a_policy_folder_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "a.cedar")
    with pytest.raises(OperatorError, match=r"policy file `a.cedar` is not a regular file"):
        read_policy_files(tmp_path)


def test_a_link_to_nothing_is_refused_by_name(tmp_path: Path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OperatorError, match=r"policy file `p/a.yaml` is not a regular file, or a link to nothing"):
        read_policy_files(tmp_path)


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path):
    (tmp_path / "a.cedar").write_bytes(b"// one\n\xff\n")
    with pytest.raises(OperatorError, match=r"policy file `a.cedar` line 2 is not UTF-8"):
        read_policy_files(tmp_path)


def test_a_folder_that_is_not_there_is_said_in_words(tmp_path: Path):
    with pytest.raises(OperatorError, match="No such file or directory"):
        read_policy_files(tmp_path / "nowhere")
