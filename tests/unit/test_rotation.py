"""Logs are put aside when they are large, and no line is lost, whoever writes and whoever rotates."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mission_control import log
from mission_control.interfaces.log_lines import Following, latest, log_files, make_filter
from mission_control.rotation import rotate_logs
from mission_control.settings_checks import LogFormat
from support.clock import START

EVERYTHING = make_filter(None, None)

WRITER = """
import os, sys
from mission_control import log
from mission_control.clock import SystemClock
number = 0
while number < 400 or not os.path.exists(sys.argv[1] + ".10"):
    log.append(sys.argv[1], "heartbeat_ok", SystemClock().now(), writer=sys.argv[2], number=number)
    number += 1
print(number)
"""
ROTATOR = """
import sys
from pathlib import Path
from mission_control.rotation import rotate_logs
while Path(sys.argv[2]).exists():
    rotate_logs(Path(sys.argv[1]), max_bytes=2_000, keep=1_000)
"""


def write(path, *numbers):
    for number in numbers:
        log.append(path, "heartbeat_ok", START, number=number)


def numbers(lines):
    return [int(line.fields["number"]) for line in lines]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_log_that_is_too_large_is_put_aside_and_only_so_many_stay(tmp_path):
    path = tmp_path / "ada-heartbeat.log"
    for number in range(5):
        write(path, number)
        assert rotate_logs(tmp_path, max_bytes=10, keep=3) == [path.name]
        assert rotate_logs(tmp_path, max_bytes=10, keep=3) == []
    assert names(tmp_path) == [path.name, *(f"{path.name}.{number}" for number in (1, 2, 3))]
    assert "number=4" in (tmp_path / f"{path.name}.1").read_text()
    assert path.stat().st_mode & 0o777 == 0o600, "also for a shell that writes to it next"
    write(path, 5)
    rotate_logs(tmp_path, max_bytes=10, keep=1)
    assert names(tmp_path) == [path.name, f"{path.name}.1"]


def test_what_is_small_no_log_or_a_link_stays_as_it_is(tmp_path):
    write(tmp_path / "small.log", 1)
    (tmp_path / "fault.txt").write_text("x" * 1000)
    (tmp_path / "outside").write_text("x" * 1000)
    (tmp_path / "link.log").symlink_to(tmp_path / "outside")
    before = names(tmp_path)
    assert rotate_logs(tmp_path, max_bytes=500, keep=3) == []
    assert names(tmp_path) == before
    assert rotate_logs(tmp_path / "missing", max_bytes=500, keep=3) == []


def test_a_log_that_cannot_be_put_aside_stays_and_stops_nobody(tmp_path):
    write(tmp_path / "ada.log", 1)
    (tmp_path / "ada.log.1").mkdir()
    assert rotate_logs(tmp_path, max_bytes=1, keep=1) == []
    assert "number=1" in (tmp_path / "ada.log").read_text()


def test_a_rotation_that_was_killed_half_way_is_made_good_by_the_next(tmp_path):
    path = tmp_path / "ada.log"
    write(path, 3)
    (tmp_path / "ada.log.2").write_text("number=1\n")  # .1 has become .2, and then came the end
    rotate_logs(tmp_path, max_bytes=1, keep=5)
    write(path, 4)
    rotate_logs(tmp_path, max_bytes=1, keep=5)
    assert [("number=" + str(n)) in (tmp_path / f"ada.log.{i}").read_text() for i, n in ((1, 4), (2, 3), (3, 1))]
    assert (tmp_path / "ada.log").read_bytes() == b""


def test_no_line_is_lost_or_doubled_while_several_write_and_several_rotate(tmp_path):
    folder, stop = tmp_path / "logs", tmp_path / "go"
    folder.mkdir()
    stop.touch()
    path = folder / "ada-heartbeat.log"
    rotators = [subprocess.Popen([sys.executable, "-c", ROTATOR, folder, stop]) for _ in range(2)]
    command = [sys.executable, "-c", WRITER, path]
    writers = [subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE) for number in range(3)]
    counts = [int(writer.communicate()[0]) for writer in writers]
    stop.unlink()
    assert [rotator.wait() for rotator in rotators] == [0, 0]
    found = latest([path], EVERYTHING, 10_000_000)
    written = sorted((line.fields["writer"], int(line.fields["number"])) for line in found)
    assert written == [(str(writer), number) for writer in range(3) for number in range(counts[writer])]


# Read on


def test_the_newest_lines_are_found_also_in_what_was_put_aside(tmp_path):
    path = tmp_path / "ada-heartbeat.log"
    for number in range(6):
        write(path, number)
        if number % 2:
            rotate_logs(tmp_path, max_bytes=10, keep=5)
    assert numbers(latest([path], EVERYTHING, 100)) == [0, 1, 2, 3, 4, 5]
    assert numbers(latest([path], EVERYTHING, 3)) == [3, 4, 5]


def test_following_goes_on_in_the_new_file_and_misses_nothing(tmp_path):
    path = tmp_path / "ada-heartbeat.log"
    write(path, 0)
    following = Following(tmp_path, "ada", EVERYTHING)
    late = os.open(path, os.O_WRONLY | os.O_APPEND)  # whoever writes has it open while it is put aside
    write(path, 1)
    rotate_logs(tmp_path, max_bytes=10, keep=5)
    write(path, 2)
    first = numbers(following.read())
    os.write(late, log.line("heartbeat_ok", START, {"number": 3}).encode() + b"\n")
    os.close(late)
    assert first == [1]
    assert sorted(numbers(following.read())) == [2, 3]
    write(path, 4)
    assert numbers(following.read()) == [4]
    following.close()


def test_logs_of_cron_and_of_the_program_are_among_them(tmp_path):
    for name in ("ada-cron", "ada-executor", "ada-heartbeat", "bob-cron", "dispatcher", "notify", "upkeep"):
        (tmp_path / f"{name}.log").touch()
    assert [path.stem for path in log_files(tmp_path, "ada")] == ["ada-heartbeat", "ada-executor", "ada-cron"]
    assert len(log_files(tmp_path, None)) == 7


def test_what_cron_gave_stands_behind_its_time(tmp_path):
    path = tmp_path / "ada-cron.log"
    with path.open("w") as file:
        file.write(log.line("cron_heartbeat", START, {}) + "\nmissionctl: The settings have faults.\n")
    log.append(tmp_path / "ada-heartbeat.log", "heartbeat_ok", START.replace(minute=1))
    found = [line.text for line in latest(log_files(tmp_path, "ada"), EVERYTHING, 10)]
    assert [text.partition("Z ")[2].split()[:2] or text for text in found] == [
        ["INFO", "cron_heartbeat"],
        "missionctl: The settings have faults.",
        ["INFO", "heartbeat_ok"],
    ]


# As JSON


@pytest.fixture
def as_json():
    log.write_as(LogFormat.JSON)
    yield
    log.write_as(LogFormat.TEXT)


@pytest.mark.usefixtures("as_json")
def test_a_line_may_be_an_object_and_reads_as_the_same_line(tmp_path):
    import json

    path = tmp_path / "ada-executor.log"
    log.append(path, "attempt_lost", START, task="T-1", token=7, silent_for=95.5, error='a "b"\nc', agent=None)
    written = json.loads(path.read_text())
    assert written == {
        "at": "2026-02-06T10:00:00.000Z",
        "level": "WARNING",
        "event": "attempt_lost",
        "task": "T-1",
        "token": 7,
        "silent_for": 95.5,
        "error": 'a "b"\nc',
    }
    (line,) = latest([path], make_filter("WARNING", None), 10)
    assert (line.at, line.level, line.event) == ("2026-02-06T10:00:00.000Z", "WARNING", "attempt_lost")
    assert line.fields == {"task": "T-1", "token": "7", "silent_for": "95.500", "error": 'a "b"\nc'}


def test_an_object_that_is_none_of_ours_is_a_line_without_time(tmp_path):
    path = tmp_path / "ada-cron.log"
    path.write_text('{"at": 1}\n{"deep": [[[\n[1]\n{}\n')
    assert [(line.at, line.level) for line in latest([path], EVERYTHING, 10)] == [("", "")] * 4
