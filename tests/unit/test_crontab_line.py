"""A line of the crontab says the same to cron and to the shell, whatever is in its paths."""

from __future__ import annotations

import doctest
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mission_control.errors import InvalidInput
from mission_control.ops.crontab import line
from mission_control.ops.crontab.line import MOST_COMMAND_BYTES, Call, Entry, line_of, read_line
from mission_control.ops.service import systemd

NASTY = st.text(st.sampled_from("ab /.%\\'\"$`!#*?~&;|<>(){}[]=:,@é😀-"), min_size=1, max_size=20)
ABSOLUTE = NASTY.map("/".__add__)
PLAIN = Call("/opt/bin/missionctl", "/home/ada/mission", "/usr/bin:/bin")
ENTRY = Entry("ada", "*/15 * * * *")


def as_cron_reads_it(command: str, *, halves_backslashes: bool) -> str:
    """What the shell is given, by crontab(5): up to the first % without a backslash; `\\%` is a %.

    Some crons also make one backslash of two.
    """
    read, rest = "", command
    while rest:
        if rest.startswith("\\%") or (halves_backslashes and rest.startswith("\\\\")):
            read, rest = read + rest[1], rest[2:]
        elif rest.startswith("\\"):
            read, rest = read + rest[:2], rest[2:]
        elif rest.startswith("%"):
            break
        else:
            read, rest = read + rest[0], rest[1:]
    return read


@pytest.mark.parametrize("halves_backslashes", [False, True])
@hypothesis_settings(max_examples=25)
@given(program=ABSOLUTE, home=ABSOLUTE, path=NASTY)
@example(program="/a\\%b", home="/a\\\\b", path="%")
@example(program="/it's", home="/\\", path="'%'\\'")
def test_the_shell_gets_every_word_as_it_was_meant(
    program: str, home: str, path: str, *, halves_backslashes: bool
) -> None:
    written = line_of(Entry("ada", "* * * * *"), Call(program, home, path)).split(" ", 5)[5]
    assert "\n" not in written
    before, redirection = as_cron_reads_it(written, halves_backslashes=halves_backslashes).rsplit(" >>", 1)
    target, both = redirection.rsplit(" ", 1)
    assert both == "2>&1"
    # The words instead of the call: what stands for the program and its PATH is printed, too.
    _, assignment, words = split_once_by_shell(before)
    assert assignment == f"PATH={path}"
    assert words == [program, "--home", home, "heartbeat", "ada", "--stamp"]
    assert shell_words(target) == [f"{home}/logs/ada-cron.log"]


def split_once_by_shell(command: str) -> tuple[str, str, list[str]]:
    """The umask, the assignment and the words of the call."""
    umask, rest = command.split("; ", 1)
    assignment, *words = shell_words(rest)
    return umask, assignment, words


def shell_words(text: str) -> list[str]:
    """The words that /bin/sh makes of a text."""
    done = subprocess.run(["/bin/sh", "-c", f"printf '%s\\0' {text}"], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@given(program=ABSOLUTE, home=ABSOLUTE, path=NASTY, due=st.booleans())
def test_a_line_is_read_as_it_was_written(program: str, home: str, path: str, *, due: bool) -> None:
    entry, call = Entry("samurai_jack", "2-59/15 * * * *", only_when_due=due), Call(program, home, path)
    assert read_line(line_of(entry, call)) == (entry, call)


@pytest.mark.parametrize("foreign", ["", "# comment", "* * * * * true", "@daily 'unclosed", "* * * * * umask 077; x"])
def test_lines_of_others_are_not_read_as_ours(foreign: str) -> None:
    assert read_line(foreign) is None


@pytest.mark.parametrize("control", ["\n", "\r", "\0", "\x1b", "\x7f"])
@pytest.mark.parametrize("name", ["program", "home", "path"])
def test_a_path_with_a_line_break_is_refused(name: str, control: str) -> None:
    call = Call(**{**vars(PLAIN), name: f"/a{control}* * * * * rm"})
    with pytest.raises(InvalidInput, match="control character"):
        line_of(ENTRY, call)


def test_a_command_that_cron_would_not_take_is_refused() -> None:
    room = MOST_COMMAND_BYTES - len(line_of(ENTRY, Call(PLAIN.program, PLAIN.home, "")).split(" ", 5)[5]) + len("''")
    fits = Call(PLAIN.program, PLAIN.home, "p" * room)
    assert len(line_of(ENTRY, fits).split(" ", 5)[5]) == MOST_COMMAND_BYTES
    with pytest.raises(InvalidInput, match="shorter PATH"):
        line_of(ENTRY, Call(PLAIN.program, PLAIN.home, "p" * (room + 1)))


@pytest.mark.parametrize("module", [line, systemd])
def test_the_examples_hold(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert (failed, tried) == (0, 1)


@pytest.mark.parametrize("options", ["ada", "ada --stamp", "--due ada", "--due ada --stamp"])
def test_lines_of_earlier_versions_are_read_too(options: str) -> None:
    text = f"* * * * * umask 077; PATH=/bin /bin/missionctl --home /m heartbeat {options} >>/m/logs/ada-cron.log 2>&1"
    assert read_line(text) == (
        Entry("ada", "* * * * *", only_when_due="--due" in options),
        Call("/bin/missionctl", "/m", "/bin"),
    )


@pytest.mark.parametrize("options", ["", "--stamp", "ada bob"])
def test_a_line_that_wakes_nobody_or_several_is_none_of_ours(options: str) -> None:
    assert read_line(f"* * * * * umask 077; PATH=/b /b/m --home /m heartbeat {options} >>/m/x 2>&1") is None
