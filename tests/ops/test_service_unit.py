"""The unit that systemd is given: what we meant is what it understands, whatever the paths are called."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.errors import InvalidInput
from mission_control.ops.service import wanted
from mission_control.ops.service.systemd import Systemd, command_line, word
from mission_control.ops.service.wanted import Service, default_name, describe
from support.systemd import understand

NASTY = [
    "plain",
    "two words",
    "  spaces around  ",
    "100%",
    "%h%n%%",
    "$HOME ${HOME} $$",
    'a "quoted" word',
    "it's",
    "back\\slash",
    "ends in a backslash\\",
    "\\x41\\n\\t\\",
    "; rm -rf",
    "#comment",
    "-dash",
    "*?[a-z]{b}",
    "=equals=",
    "ünïcødé 火",
    "@+!:-|",
    "&<>'\"",
]
NASTY_FOR_PROGRAMS = [text for text in NASTY if not set(text) & set("\"'\\")]
ONE_LINE = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1)


def service(home: str | Path = "/srv/mission", program: str = "/usr/bin/missionctl", path: str = "/bin") -> Service:
    return describe(home=Path(home), program=Path(program), environment={"PATH": path}, name="a-name")


def unit(of: Service, *, system: bool = False) -> str:
    return Systemd({}, Path("/home/ada"), system=system).text_of(of)


def test_systemd_understands_every_path_as_it_was_meant() -> None:
    meant = {
        f"unit{number}.service": service(f"/srv/{text}", f"/opt/{program}/missionctl", f"/opt/{text}:/bin")
        for number, (text, program) in enumerate(zip(NASTY, cycle(NASTY_FOR_PROGRAMS), strict=False))
    }
    for name, understood in understand({name: unit(of) for name, of in meant.items()}).items():
        of = meant[name]
        program, *arguments = understood.command
        assert program == str(of.program)
        assert [argument.replace("$$", "$") for argument in arguments] == ["--home", str(of.home), "up"]
        assert f"PATH={of.search_path}" in understood.environment
        assert understood.description == f"Mission Control: dispatcher of {of.home} (missionctl)"


def test_systemd_takes_every_setting() -> None:
    (understood,) = understand({"a.service": unit(service())}).values()
    facts = understood.facts
    assert (facts["KillMode"], facts["Restart"], facts["UMask"], facts["OOMPolicy"]) == (
        "process",
        "on-failure",
        "0077",
        "continue",
    )
    assert facts["OOMScoreAdjust"] == "100"


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("NOT TESTED: systemd-analyze is not installed here")
    return found


@pytest.mark.parametrize("text", NASTY_FOR_PROGRAMS)
@pytest.mark.parametrize("system", [False, True])
def test_systemd_analyze_finds_nothing_to_say(tmp_path: Path, analyze: str, text: str, *, system: bool) -> None:
    """With a program that is really there: systemd looks for it, so a path that is escaped wrongly is not found."""
    program = tmp_path / text / "missionctl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    content = unit(service(tmp_path / text, str(program)), system=system)
    assert verified(analyze, tmp_path, content, system=system) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("KillMode=process", "KillMode=proces"),
        ("WatchdogSec=60", "WatchdogSecs=60"),
        ('missionctl"', 'missionctls"'),
        ("/100%%h/", "/100%h/"),
        ("/$one/", "/$$one/"),
    ],
)
def test_systemd_analyze_finds_what_is_wrong(tmp_path: Path, analyze: str, right: str, wrong: str) -> None:
    program = tmp_path / "100%h" / "$one" / "missionctl"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    content = unit(service(program=str(program)))
    assert right in content
    assert verified(analyze, tmp_path, content) == (0, "")
    assert verified(analyze, tmp_path, content.replace(right, wrong)) != (0, "")


def verified(analyze: str, folder: Path, content: str, *, system: bool = False) -> tuple[int, str]:
    (folder / "a.service").write_text(content, encoding="utf-8")
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    done = subprocess.run(
        [analyze, "verify", "--man=no", *([] if system else ["--user"]), str(folder / "a.service")],
        env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(folder / "run"), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


# The same for any text, against the rules of systemd.syntax(7) said a second time


@given(ONE_LINE)
def test_a_word_is_unquoted_to_what_it_was(text: str) -> None:
    assert words_of(word(text)) == [text]


@given(st.lists(ONE_LINE, min_size=1, max_size=4))
def test_a_command_line_is_taken_apart_to_what_it_was(texts: list[str]) -> None:
    program, *arguments = words_of(command_line(tuple(texts)))
    assert [program, *(argument.replace("$$", "$") for argument in arguments)] == texts
    assert not any(re.search(r"(?<!\$)(\$\$)*\$(?!\$)", argument) for argument in arguments), "would be a variable"


def words_of(line: str) -> list[str]:
    """Double-quoted words with C-style escapes, then `%%`; anything else is a fault of ours."""
    words = re.findall(r'"((?:\\["\\]|[^"\\])*)"(?: |$)', line)
    assert sum(len(found) + 2 for found in words) + len(words) - 1 == len(line)
    assert all(re.fullmatch(r"(?:%%|[^%])*", found) for found in words)
    return [re.sub(r"\\(.)", r"\1", found).replace("%%", "%") for found in words]


# Names, and what is refused


@pytest.mark.parametrize("home", ["/a\nb", "/a\tb", "/a\x7fb", "/a\x1b[31m", "/a\udcff", "/a\u2028b"])
def test_what_no_unit_can_hold_is_refused(home: str) -> None:
    with pytest.raises(InvalidInput, match="Move it"):
        service(home)
    with pytest.raises(InvalidInput, match="The program"):
        service(program=f"{home}/missionctl")


@pytest.mark.parametrize("folder", ["it's", 'a "quoted" word', "back\\slash"])
def test_a_program_that_systemd_would_not_start_is_refused(folder: str) -> None:
    with pytest.raises(InvalidInput, match="Install it elsewhere"):
        unit(service(program=f"/opt/{folder}/missionctl"))


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "a@b", "a\n", "é", "x" * 101])
def test_a_name_that_is_not_safe_everywhere_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot name a service"):
        describe(home=Path("/m"), program=Path("/p"), environment={}, name=name)


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=200), st.data())
def test_every_folder_has_a_name_of_its_own_that_is_safe(folder: str, data: st.DataObject) -> None:
    other = data.draw(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=200))
    name = default_name(Path("/x", folder))
    assert describe(home=Path("/m"), program=Path("/p"), environment={}, name=name).name == name
    if other not in (folder, ".", "..") and folder not in (".", ".."):
        assert default_name(Path("/x", other)) != name


def test_the_examples_are_true() -> None:
    assert doctest.testmod(wanted) == doctest.TestResults(failed=0, attempted=1)


def test_programs_are_found_where_they_are_found_now_and_beside_ours() -> None:
    of = service(program="/opt/mc/bin/missionctl", path="relative:/home/ada/bin::/usr/bin:/home/ada/bin:/a\nb")
    assert of.search_path == "/home/ada/bin:/usr/bin:/opt/mc/bin:/usr/local/bin:/bin"


def test_a_service_of_the_machine_runs_as_the_owner_of_the_mission() -> None:
    of = describe(home=Path("/m"), program=Path("/p"), environment={}, name="a", user="ada")
    text = unit(of, system=True)
    assert "\nUser=ada\n" in text
    assert "\nWantedBy=multi-user.target\n" in text
    assert "systemctl --system edit a" in text
