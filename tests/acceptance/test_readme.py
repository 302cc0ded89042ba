"""What the pages say is so: the README's minute works as it stands, and no page names a command that is not there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from mission_control.domain.schedule import check_schedule
from mission_control.interfaces.cli.command import LazyGroup
from mission_control.interfaces.cli.main import root
from support.command import SCRIPTS, Command
from support.every_command import every_command

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")})

# One minute to a finished task


@dataclass(frozen=True)
class Minute:
    """A person's home after the README's minute."""

    home: Path
    said: str

    @property
    def missionctl(self) -> Command:
        return Command(self.home / "my-mission")


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Minute:
    """All lines of the README's first block as they stand, but those that clone and install.

    In place of these stands what they would have made: the environment these tests run in, where the clone's would be.
    """
    home = tmp_path_factory.mktemp("home")
    getting_it, using_it = _block_below("## One minute to a finished task").split("\n\n")
    assert [line.split()[0] for line in getting_it.splitlines()] == ["git", "python3", "export"]
    (home / "mission-control").mkdir()
    (home / "mission-control" / ".venv").symlink_to(SCRIPTS.parent)
    environment = {"HOME": str(home), "PATH": f"{home}/mission-control/.venv/bin:{os.defpath}", "LANG": "C.UTF-8"}
    done = subprocess.run(
        ["/bin/sh", "-eu"],
        input=using_it,
        cwd=home / "mission-control",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return Minute(home, done.stdout)


def test_the_readme_leads_to_a_finished_task(minute: Minute) -> None:
    assert minute.said.endswith("\nhello from ada\n")
    task = minute.missionctl("show", "T-1", "--json").json
    assert (task["title"], task["status"]) == ("Say hello", "done")
    assert [(attempt["agent"], attempt["outcome"]) for attempt in task["attempts"]] == [("ada", "succeeded")]
    assert (minute.home / "my-mission" / task["attempts"][0]["log"]).read_text() == "hello from ada\n"


def test_the_line_of_the_readme_works_as_cron_carries_it_out(minute: Minute) -> None:
    (line,) = re.findall(r"`(\*/15 [^`]+)`", README)
    *fields, command = line.split(maxsplit=5)
    check_schedule(" ".join(fields))
    assert "%" not in command, "cron takes it for the end of the line"
    task = minute.missionctl("add", "By cron", "--to", "ada", "--command", "echo from cron").out.strip()
    environment = [f"HOME={minute.home}", "LOGNAME=somebody", "SHELL=/bin/sh", "PATH=/usr/bin:/bin"]
    done = subprocess.run(
        ["/usr/bin/env", "-i", *environment, "/bin/sh", "-c", command],
        cwd=minute.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "STARTED" in done.stdout
    minute.missionctl("task", "wait", task, "--timeout", "60s")
    assert minute.missionctl("logs", task).out == "from cron\n"


def _block_below(heading: str) -> str:
    """The first shell block below a heading of the README."""
    block = re.search(r"```sh\n(.*?)\n```", README.partition(f"{heading}\n")[2], re.DOTALL)
    assert block is not None
    return block[1]


# Every command that is named

ALTERNATIVE = "¦"  # for a `\|` of a table, which is no pipe


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [f"{code}: {fault}" for code in _code(text) for fault in _faults_of_line(code)] == []


def test_every_example_of_the_help_names_options_that_exist() -> None:
    examples = {example for _, command in every_command() for example in command.examples}
    assert [f"{example}: {fault}" for example in examples for fault in _faults_of_line(example)] == []


def test_every_command_that_a_message_names_exists_with_its_options() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r"missionctl((?: [a-z]+(?:-[a-z]+)*)+(?: (?:--?[a-z-]+|[A-Z]+|\{[^{}]*\}))*)", sources))
    assert " task edit {name} --to AGENT" in {re.sub(r"\{[^{}]*\}", "{name}", words) for words in named}
    assert [f"{words}: {fault}" for words in sorted(named) for fault in _faults(words.split())] == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ("Call `missionctl lss`.", "there is no lss"),
        ("Call `missionctl task --json shw T-1`.", "there is no shw"),
        ("Call `~/bin/missionctl --home DIR ls --foo=1`.", "ls has no --foo"),
        ("```sh\nmissionctl ls && missionctl show T-1 --deep  # why\n```", "show has no --deep"),
        ("| `missionctl status` · `nothing` | both |", "there is no nothing"),
        ("| `missionctl agent add\\|sing` | both |", "there is no sing"),
        ("| `missionctl add TITLE` | with `--soon` |", "add has no --soon"),
    ],
)
def test_a_page_that_names_what_is_not_there_is_found_out(page: str, fault: str) -> None:
    assert [found for code in _code(page) for found in _faults_of_line(code)] == [fault]


def _code(text: str) -> Iterator[str]:
    """Every line of code blocks, and every code span; one that continues another in its table row is completed."""
    pieces = re.split(r"^```.*$", text, flags=re.MULTILINE)
    for block in pieces[1::2]:
        yield from block.splitlines()
    for line in "\n".join(pieces[0::2]).splitlines():
        if line.startswith("| `missionctl "):
            yield from _code_of_row(line.replace("\\|", ALTERNATIVE))
        else:
            yield from re.findall(r"`([^`]+)`", line)


def _code_of_row(line: str) -> Iterator[str]:
    """`missionctl ls` · `ready` | with `--all` | names three commands: the options belong to the first."""
    _, calls, *others, _ = line.split("|")
    first, *more = re.findall(r"`([^`]+)`", calls)
    yield first
    yield from (f"missionctl {words}" for words in more)
    for words in re.findall(r"`([^`]+)`", "".join(others)):
        yield f"{first} {words}" if words.startswith("-") else words


def _faults_of_line(code: str) -> list[str]:
    return [fault for words in _commands_in(code) for fault in _faults(words)]


def _commands_in(code: str) -> Iterator[list[str]]:
    """The words of each call of ours in a line of shell, without what is around them."""
    for call in re.finditer(r"(?<![\w.-])missionctl\s+(?=\S)", code):
        rest = re.sub(r"[\[\]]", "", code[call.end() :])
        words = shlex.shlex(rest, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        yield list(_until_operator(words))


def _until_operator(words: shlex.shlex) -> Iterator[str]:
    for word in words:
        if not word.strip("();<>|&"):
            return
        yield word


def _faults(words: Sequence[str], group: LazyGroup = root) -> Iterator[str]:
    """What of this call does not exist: its command, or an option."""
    rest = list(words)
    if group.default is not None and not group.names_a_command(rest):
        rest.insert(0, group.default)
    while rest and rest[0].startswith("-"):
        given_option = rest.pop(0)
        option = _option(group, given_option)
        if option is None:
            yield f"{group.name} has no {_name(given_option)}"
        elif not option.is_flag:
            rest.pop(0)
    for name in rest.pop(0).split(ALTERNATIVE) if rest else ():
        found = group.get_command(click.Context(group), name)
        if found is None:
            yield f"there is no {name}"
        elif isinstance(found, LazyGroup):
            yield from _faults(rest, found)
        else:
            given = rest[: rest.index("--")] if "--" in rest else rest
            options = (word for word in given if re.match(r"--?[a-z]", word))
            yield from (f"{name} has no {_name(word)}" for word in options if _option(found, word) is None)


def _option(command: click.Command, word: str) -> click.Option | None:
    for option in command.get_params(click.Context(command)):
        if isinstance(option, click.Option) and _name(word) in (*option.opts, *option.secondary_opts):
            return option
    return None


def _name(word: str) -> str:
    return word.partition("=")[0]
