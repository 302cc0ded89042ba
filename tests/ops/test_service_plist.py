"""The property list for launchd, parsed back: launchd itself cannot be run here."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from mission_control.ops.service.launchd import Launchd
from mission_control.ops.service.seal import Standing, read_seal, standing_of
from mission_control.ops.service.wanted import Service, describe

NASTY = ["plain", "two words", "<&>\"'", "a--b", "--> <!--", "100% $HOME \\n", "ünïcødé 火"]


def service(home: str, user: str | None = None) -> Service:
    return describe(
        home=Path(home), program=Path(home, "missionctl"), environment={"PATH": "/x y:/bin"}, name="a", user=user
    )


def plist(of: Service, *, system: bool = False) -> str:
    return Launchd(Path("/Users/ada"), 501, system=system).text_of(of)


@pytest.mark.parametrize("text", NASTY)
def test_every_path_is_read_back_as_it_was(text: str) -> None:
    home = f"/srv/{text}"
    facts = plistlib.loads(plist(service(home)).encode())
    assert facts["Label"] == "a"
    assert facts["ProgramArguments"] == [f"{home}/missionctl", "--home", home, "up"]
    assert facts["WorkingDirectory"] == home
    assert facts["StandardOutPath"] == facts["StandardErrorPath"] == f"{home}/logs/service.log"
    assert facts["EnvironmentVariables"] == {"PATH": f"/x y:/bin:{home}:/usr/local/bin:/usr/bin"}


def test_what_runs_lives_through_a_restart_and_a_clean_end_is_an_end() -> None:
    facts = plistlib.loads(plist(service("/m")).encode())
    assert facts["AbandonProcessGroup"] is True
    assert facts["KeepAlive"] == {"SuccessfulExit": False}
    assert facts["RunAtLoad"] is True
    assert facts["Umask"] == 0o077
    assert "UserName" not in facts


def test_a_service_of_the_machine_runs_as_the_owner_of_the_mission() -> None:
    assert plistlib.loads(plist(service("/m", user="ada"), system=True).encode())["UserName"] == "ada"


@pytest.mark.parametrize("text", NASTY)
def test_the_seal_tells_ours_from_what_was_changed(text: str) -> None:
    home = Path("/srv", text)
    wanted = plist(service(str(home)))
    seal = read_seal(wanted)
    assert seal is not None
    assert seal.mission == str(home)
    assert standing_of(wanted, wanted, home) is Standing.SAME
    assert standing_of(wanted.replace("<true/>", "<false/>"), wanted, home) is Standing.EDITED
    assert standing_of(wanted, wanted + " ", home) is Standing.OUTDATED
    assert standing_of(wanted, wanted, home / "other") is Standing.OTHER_MISSION
    assert standing_of("", wanted, home) is Standing.FOREIGN
    assert standing_of(None, wanted, home) is Standing.MISSING


@pytest.mark.parametrize("says", ["{}", "{", "{]}", '{"mission": "/m"}', "[" * 10_000 + "{}"])
def test_a_seal_that_we_never_wrote_is_none(says: str) -> None:
    assert read_seal(f"# made by missionctl service: {says}\n") is None
