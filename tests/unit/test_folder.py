"""The folder of a mission is nobody else's business."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mission_control.folder import Folder, make_private_directory, open_private


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_everything_in_a_mission_is_readable_by_its_owner_only(tmp_path):
    folder = Folder(tmp_path / "deep" / "mission")
    folder.make()
    output = folder.output(12, 2)
    make_private_directory(output.parent)
    os.close(open_private(output, os.O_WRONLY | os.O_CREAT))
    made = [path for path in (tmp_path / "deep").rglob("*") if path.is_dir()]
    assert {mode(path) for path in [tmp_path / "deep", *made]} == {0o700}
    assert mode(output) == 0o600


def test_making_a_folder_that_is_there_changes_nothing(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    shared.chmod(0o755)
    make_private_directory(shared / "mission")
    make_private_directory(shared / "mission")
    assert (mode(shared), mode(shared / "mission")) == (0o755, 0o700)


def test_a_file_in_the_way_is_an_error_not_a_silent_success(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_private_directory(tmp_path / "file" / "mission")


@pytest.mark.parametrize("place", ["/proc/mission/logs", ""])
def test_where_no_directory_can_be_made_the_system_says_so(place):
    with pytest.raises(FileNotFoundError):
        make_private_directory(place)


def test_a_link_at_the_end_is_never_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="link"):
        open_private(tmp_path / "link", os.O_WRONLY | os.O_CREAT)
    assert not (tmp_path / "target").exists()


def test_every_attempt_has_a_place_of_its_own(tmp_path):
    folder = Folder(tmp_path)
    assert folder.output(12, 2) == tmp_path / "runs" / "T-12" / "2" / "output.log"
    assert len({folder.attempt(task, number) for task in (1, 11, 111) for number in (1, 11, 111)}) == 9
