"""Files within a workspace and nowhere else; commands that end."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mission_control.execution import process
from mission_control.execution.protocols import within
from mission_control.execution.protocols.tools import OUTPUT_BYTES, Toolbox
from mission_control.execution.protocols.within import NotWithin
from support.eventually import eventually


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return workspace


def test_files_of_the_workspace_are_read_written_and_listed(workspace):
    within.write_text(workspace, "a/b/c.txt", "one")
    within.write_text(workspace, str(workspace / "a/b/c.txt"), "two")
    assert within.read_to_show(workspace, "a/./b/../b/c.txt") == "two"
    assert within.names(workspace, ".") == ["a/"]
    assert within.names(workspace, "a/b") == ["c.txt"]


def test_a_link_within_the_workspace_is_followed(workspace):
    (workspace / "real").mkdir()
    (workspace / "link").symlink_to("real")
    within.write_text(workspace, "link/file", "text")
    assert within.read_exactly(workspace, "real/file") == "text"


ESCAPES = ["../secret", "/etc/passwd", "out/secret", "file", "loop", "a\0b", "deep/out/secret"]


@pytest.mark.parametrize("path", ESCAPES)
def test_no_path_leads_out(workspace, path):
    (workspace / "out").symlink_to("..")
    (workspace / "file").symlink_to("../secret")
    (workspace / "loop").symlink_to("loop")
    (workspace / "deep").mkdir()
    (workspace / "deep/out").symlink_to(workspace.parent)
    for act in (within.read_to_show, within.read_exactly, within.names, lambda w, p: within.write_text(w, p, "mine")):
        with pytest.raises(NotWithin):
            act(workspace, path)
    assert (workspace.parent / "secret").read_text() == "secret"


def test_a_link_to_what_is_not_there_yet_is_no_way_out(workspace):
    (workspace / "new").symlink_to("../made")
    with pytest.raises(NotWithin):
        within.write_text(workspace, "new", "mine")
    assert not (workspace.parent / "made").exists()


def test_a_link_put_in_the_way_after_the_look_is_refused(workspace, monkeypatch):
    """The race: the path was judged while it was a folder, and is a link out when it is opened."""
    (workspace / "folder").mkdir()
    look = within._resolved

    def swap_after_look(root: Path, path: str) -> tuple[str, tuple[str, ...]]:
        found = look(root, path)
        os.rename(workspace / "folder", workspace / "gone")
        os.symlink(workspace.parent / "elsewhere", workspace / "folder")
        return found

    monkeypatch.setattr(within, "_resolved", swap_after_look)
    with pytest.raises(NotWithin, match="folder/file: "):
        within.write_text(workspace, "folder/file", "mine")
    assert not list((workspace.parent / "elsewhere").iterdir())


def test_what_is_no_file_of_text_is_refused_in_words(workspace):
    os.mkfifo(workspace / "pipe")
    (workspace / "folder").mkdir()
    (workspace / "bytes").write_bytes(b"\xff")
    for path, act in (("pipe", within.read_exactly), ("folder", within.read_exactly), ("bytes", within.read_exactly)):
        with pytest.raises(NotWithin, match=f"{path} is not a"):
            act(workspace, path)
    with pytest.raises(NotWithin):
        within.write_text(workspace, "pipe", "nobody reads this")
    assert within.read_to_show(workspace, "bytes") == "\ufffd"


def test_long_files_are_cut_for_a_model_and_never_for_an_editor(workspace):
    (workspace / "long").write_text("x" * 300_000)
    assert within.read_to_show(workspace, "long").endswith("x\n[cut: the file is longer than 200000 bytes]")
    assert within.read_exactly(workspace, "long") == "x" * 300_000


def toolbox(workspace: Path, seconds: float = 30) -> Toolbox:
    return Toolbox(workspace, environment={"PATH": os.defpath}, command_seconds=seconds)


def run(workspace: Path, command: str, seconds: float = 30) -> str:
    return toolbox(workspace, seconds).use("run_command", json.dumps({"command": command}))


def test_a_command_shows_its_output_errors_and_status(workspace):
    assert run(workspace, "echo out; echo err >&2; exit 3") == "out\nerr\n[exit status 3]"
    assert run(workspace, "printf no-newline") == "no-newline\n[exit status 0]"
    assert run(workspace, "kill -9 $$") == "[exit status -9]"
    assert run(workspace, "pwd") == f"{workspace}\n[exit status 0]"


def test_a_command_cannot_be_an_option_of_the_shell(workspace):
    assert "[exit status 127]" in run(workspace, "-x")


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(workspace):
    result = run(workspace, "setsid sleep 1000 & echo $! > pid; echo begun; sleep 1000", seconds=0.5)
    assert result == "begun\n[ended: it took longer than 0.5 seconds]"
    eventually(lambda: process.identity(int((workspace / "pid").read_text())) is None)


def test_a_command_that_closes_its_output_is_still_waited_for_and_limited(workspace):
    assert run(workspace, "exec >&- 2>&-; sleep 0.1; exit 4") == "[exit status 4]"
    assert run(workspace, "exec >&- 2>&-; sleep 1000", seconds=0.3) == "[ended: it took longer than 0.3 seconds]"


def test_what_a_command_leaves_in_the_background_does_not_hold_the_turn(workspace):
    result = run(workspace, "sleep 1000 & echo $! > pid; echo started")
    assert result == "started\n[exit status 0]"
    os.kill(int((workspace / "pid").read_text()), 9)


def test_endless_output_keeps_its_head_and_tail(workspace):
    result = run(workspace, "echo first; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert result.startswith("first\n") and result.endswith("last\n[exit status 0]") and "[cut: " in result
    assert len(result) < OUTPUT_BYTES + 100
