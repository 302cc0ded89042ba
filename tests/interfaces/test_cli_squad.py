"""Making a mission and its squad from the shell."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from support.command import Command

AGENT_KEYS = {
    "name", "status", "role", "runner", "model", "slots", "live", "schedule", "host", "review",
    "next_heartbeat_at", "last_heartbeat_at",
}  # fmt: skip
DEMO = ["dexter", "blossom", "samurai_jack", "johnny_bravo", "courage"]


def test_init_makes_a_private_mission_that_works_at_once(bare_missionctl: Command) -> None:
    made = bare_missionctl("init", bare_missionctl.home, "--json").json
    assert made == {"home": str(bare_missionctl.home), "agents": []}
    assert tomllib.loads((bare_missionctl.home / "mission.toml").read_text()) == {}
    for path in (bare_missionctl.home, *bare_missionctl.home.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    assert bare_missionctl("ls", "--json").json == []


def test_every_commented_default_is_a_legal_setting(missionctl: Command) -> None:
    settings = missionctl.home / "mission.toml"
    lines = [line.removeprefix("# ") for line in settings.read_text().splitlines()]
    chosen = [line for line in lines if " = " in line and not line.startswith("#")]
    assert len(chosen) >= 10
    settings.write_text("\n".join(chosen))
    missionctl("ls")


def test_a_second_init_changes_nothing(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    missionctl("init", missionctl.home, expect=4)
    assert [agent["name"] for agent in missionctl("agent", "list", "--json").json] == ["ada"]


def test_init_goes_where_home_says(bare_missionctl: Command, tmp_path: Path) -> None:
    bare_missionctl("--home", tmp_path / "there", "init")
    assert (tmp_path / "there" / "mission.toml").exists()
    bare_missionctl("init", MISSIONCTL_HOME=str(tmp_path / "elsewhere"))
    assert (tmp_path / "elsewhere" / "mission.toml").exists()
    bare_missionctl("--home", tmp_path / "a", "init", tmp_path / "b", expect=2)
    assert not (tmp_path / "b").exists()


def test_the_demo_squad_comes_staggered_and_with_souls(bare_missionctl: Command) -> None:
    made = bare_missionctl("init", bare_missionctl.home, "--squad", "demo", "--json").json
    assert made["agents"] == DEMO
    squad = {agent["name"]: agent for agent in bare_missionctl("agent", "list", "--json").json}
    minutes = [squad[name]["schedule"].split()[0] for name in DEMO]
    assert minutes == ["*/15", "2-59/15", "4-59/15", "6-59/15", "8-59/15"]
    for name in DEMO:
        soul = (bare_missionctl.home / "agents" / name / "SOUL.md").read_text()
        assert f"Role: {squad[name]['role']}" in soul


def test_an_agent_is_shown_as_it_was_added(missionctl: Command) -> None:
    words = ["--role", "writes tests", "--slots", "2", "--schedule", "*/5 * * * *", "--host", "mini", "--review"]
    agent = missionctl("agent", "add", "@ada", *words, "--model", "big", "--json").json
    assert set(agent) >= AGENT_KEYS
    given = {
        "name": "ada", "role": "writes tests", "slots": 2, "schedule": "*/5 * * * *", "host": "mini", "review": True,
        "model": "big", "runner": "shell", "status": "idle", "live": 0,
    }  # fmt: skip
    assert {name: agent[name] for name in given} == given
    assert missionctl("agent", "show", "@ada", "--json").json == agent
    assert missionctl("agent", "list", "--json").json == [agent]
    assert missionctl("agent", "list").out.splitlines()[1].startswith("ada\tidle\twrites tests\tshell\t0\t2\t")
    assert "name\tada\n" in missionctl("agent", "show", "ada").out


def test_a_soul_that_somebody_wrote_is_kept(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    soul = missionctl.home / "agents" / "ada" / "SOUL.md"
    soul.write_text("Mine.")
    missionctl("agent", "remove", "ada")
    missionctl("agent", "add", "ada")
    assert soul.read_text() == "Mine."


def test_edit_pause_and_resume_change_an_agent(missionctl: Command) -> None:
    missionctl("agent", "add", "ada", "--role", "tests")
    edited = missionctl("agent", "edit", "ada", "--slots", "7", "--review", "--json").json
    assert (edited["slots"], edited["review"], edited["role"]) == (7, True, "tests")
    assert missionctl("agent", "pause", "ada", "--json").json["status"] == "paused"
    missionctl("add", "X", "--to", "ada", "--command", "true")
    assert missionctl("show", "1", "--json").json["waiting_for"] == ["ada is paused"]
    assert missionctl("agent", "resume", "ada").out == "ada\n"
    assert missionctl("show", "1", "--json").json["waiting_for"] == []


def test_an_agent_with_work_is_not_removed(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    missionctl("agent", "add", "bob")
    missionctl("add", "X", "--to", "ada", "--command", "true")
    assert "T-1" in missionctl("agent", "remove", "bob", "ada", expect=4).err
    assert len(missionctl("agent", "list", "--json").json) == 2
    missionctl("cancel", "1")
    assert missionctl("agent", "remove", "ada", "--json").json == {"removed": ["ada"]}
    missionctl("agent", "show", "ada", expect=3)


@pytest.mark.parametrize("verb", ["show", "edit", "pause", "resume", "remove"])
def test_an_agent_that_is_not_there_ends_with_exit_3(missionctl: Command, verb: str) -> None:
    words = ["agent", verb, "eve", *(["--slots", "1"] if verb == "edit" else [])]
    assert missionctl(*words, expect=3).err.startswith("missionctl: There is no agent eve.")


def test_a_second_agent_of_one_name_is_refused(missionctl: Command) -> None:
    missionctl("agent", "add", "ada")
    assert "missionctl agent edit ada" in missionctl("agent", "add", "ada", expect=4).err
