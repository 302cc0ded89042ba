"""Installing and removing: what is ours is renewed, what is not stays, and no supervisor is simply believed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mission_control.config import Config
from mission_control.errors import Conflict, InvalidInput, NotFound, Unavailable
from mission_control.ops.service import files, installing
from mission_control.ops.service.installing import Deed, Look, Site
from mission_control.ops.service.launchd import Launchd
from mission_control.ops.service.notes import notes_on
from mission_control.ops.service.seal import Standing
from mission_control.ops.service.supervisor import ask
from mission_control.ops.service.systemd import Systemd
from mission_control.ops.service.wanted import describe
from support.eventually import eventually
from support.fake_program import FakePrograms

NOW = datetime(2026, 2, 6, 10, tzinfo=UTC)
RUNNING = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n"
FAILED = "LoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\n"


def systemctl(state: str = RUNNING, *, otherwise: str = "exit 0") -> str:
    """The body of a systemctl that answers questions so, and does `otherwise` for all else."""
    return f"""case "$*" in
*--property=Version*) echo 252 ;;
*" show "*) printf '{state}' ;;
*) {otherwise} ;;
esac"""


@pytest.fixture
def programs(tmp_path: Path) -> FakePrograms:
    return FakePrograms(tmp_path / "bin")


@pytest.fixture
def site(tmp_path: Path, programs: FakePrograms) -> Site:
    environment = programs.environment(HOME=str(tmp_path))
    return Site(Systemd(environment, tmp_path, system=False), environment, answer_seconds=20, work_seconds=20)


Looking = Callable[..., Look]


@pytest.fixture
def looking(site: Site, tmp_path: Path) -> Looking:
    """Looks at the service of a mission: `looking("my-mission", program="/opt/new")`."""

    def at(mission: str = "mission", *, program: str = "/opt/missionctl", name: str | None = None) -> Look:
        home = tmp_path / mission
        home.mkdir(exist_ok=True)
        service = describe(
            home=home,
            program=Path(program),
            environment=site.environment,
            name=installing.choose_name(site, home, name),
        )
        return installing.look(site, service)

    return at


def install(site: Site, seen: Look, *, force: bool = False) -> Deed:
    installing.check_installable(site, seen, force=force)
    return installing.install(site, seen, now=NOW)


def remove(site: Site, seen: Look, *, force: bool = False) -> Deed:
    installing.check_removable(seen, force=force)
    return installing.remove(site, seen, now=NOW)


def acts(programs: FakePrograms) -> list[str]:
    """The calls that were no questions."""
    return [call for call in programs.calls if " show " not in call]


def edit(path: Path) -> str:
    path.write_text(path.read_text().replace("RestartSec=10", "RestartSec=99"))
    return path.read_text()


# The supervisor


def test_installing_writes_the_file_and_starts_the_service(
    site: Site, looking: Looking, programs: FakePrograms
) -> None:
    programs.add("systemctl", systemctl())
    deed = install(site, looking())
    assert deed.changed
    assert not deed.has_failed
    assert deed.next_steps == ()
    path = looking().path
    assert path.read_text() == looking().wanted
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert acts(programs) == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now mission-control-mission.service",
    ]


def test_installing_again_changes_nothing_and_starts_what_was_stopped(
    site: Site, looking: Looking, programs: FakePrograms
) -> None:
    programs.add("systemctl", systemctl())
    install(site, looking())
    before = looking().path.stat()
    assert not install(site, looking()).changed
    assert looking().path.stat().st_mtime_ns == before.st_mtime_ns
    assert acts(programs)[-1] == "systemctl --user enable --now mission-control-mission.service"


def test_a_renewed_service_is_restarted(site: Site, looking: Looking, programs: FakePrograms) -> None:
    programs.add("systemctl", systemctl())
    install(site, looking())
    assert looking(program="/opt/newer").standing is Standing.OUTDATED
    assert install(site, looking(program="/opt/newer")).changed
    assert acts(programs)[-1] == "systemctl --user restart mission-control-mission.service"
    assert looking(program="/opt/newer").standing is Standing.SAME


@pytest.mark.parametrize(
    "body",
    ["echo 'Failed to connect to bus' >&2; exit 1", "exit 0", "kill -9 $$"],
    ids=["refuses", "says nothing", "dies"],
)
def test_where_no_supervisor_answers_the_file_is_written_and_the_commands_are_told(
    site: Site, looking: Looking, programs: FakePrograms, body: str
) -> None:
    programs.add("systemctl", body)
    deed = install(site, looking())
    assert looking().standing is Standing.SAME
    assert deed.state is None
    assert deed.next_steps == (
        "systemctl --user daemon-reload",
        "systemctl --user enable --now mission-control-mission.service",
    )
    assert programs.calls == ["systemctl --user show --property=Version --value"]


def test_where_there_is_no_systemctl_it_is_the_same(tmp_path: Path, looking: Looking, site: Site) -> None:
    without = Site(site.supervisor, {"PATH": str(tmp_path), "HOME": str(tmp_path)})
    deed = installing.install(without, looking(), now=NOW)
    assert deed.next_steps[0] == "systemctl --user daemon-reload"
    assert remove(without, looking()).next_steps[0] == "systemctl --user stop mission-control-mission.service"


def test_a_command_that_fails_is_told_with_what_is_left_to_do(
    site: Site, looking: Looking, programs: FakePrograms
) -> None:
    programs.add(
        "systemctl", systemctl(FAILED, otherwise='[ "$2" = daemon-reload ] || { echo "no such thing"; exit 3; }')
    )
    deed = install(site, looking())
    assert deed.has_failed
    assert (deed.said[-1].code, deed.said[-1].text) == (3, "no such thing")
    assert deed.next_steps == ("systemctl --user enable --now mission-control-mission.service",)


def test_a_systemctl_that_says_it_is_done_is_not_believed(site: Site, looking: Looking, programs: FakePrograms) -> None:
    programs.add("systemctl", systemctl(FAILED))
    deed = install(site, looking())
    assert all(said.is_good for said in deed.said)
    assert deed.has_failed
    assert deed.state is not None
    assert deed.state.words == "failed (failed), enabled"


@pytest.mark.parametrize("nonsense", ["", "all is well", "ActiveState"])
def test_an_answer_that_cannot_be_understood_is_no_success(
    site: Site, looking: Looking, programs: FakePrograms, nonsense: str
) -> None:
    programs.add("systemctl", systemctl(nonsense))
    assert install(site, looking()).has_failed


def test_a_systemctl_that_hangs_is_ended_with_what_it_started(tmp_path: Path, programs: FakePrograms) -> None:
    programs.add("systemctl", f"echo $$ > {tmp_path}/pid; sleep 600; echo late")
    said = ask(("systemctl",), programs.environment(), patience_seconds=1)
    assert said.code is None
    assert "did not answer within 1 s" in said.text
    group = int((tmp_path / "pid").read_text())
    eventually(lambda: not _lives(group))


def _lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


# Whose file it is


def test_what_a_person_has_changed_is_replaced_only_by_force_and_kept(
    site: Site, looking: Looking, programs: FakePrograms
) -> None:
    programs.add("systemctl", systemctl())
    install(site, looking())
    edited = edit(looking().path)
    assert looking().standing is Standing.EDITED
    for refused in (install, remove):
        with pytest.raises(Conflict, match="changed by a person"):
            refused(site, looking())
    assert looking().path.read_text() == edited
    deed = install(site, looking(), force=True)
    assert deed.kept is not None
    assert deed.kept.read_text() == edited
    assert deed.kept.parent == looking().service.home / "backups"
    assert looking().standing is Standing.SAME


def foreign_text(path: Path) -> None:
    path.write_text("[Service]\nExecStart=/bin/true\n")


def foreign_bytes(path: Path) -> None:
    path.write_bytes(b"\xff\xfe made by missionctl service: {}")


def link(path: Path) -> None:
    path.symlink_to("/dev/null")  # how systemd masks a unit


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [foreign_text, foreign_bytes, link, folder, pipe])
def test_what_is_not_ours_stays_whatever_is_said(
    site: Site, looking: Looking, programs: FakePrograms, make: Callable[[Path], None]
) -> None:
    programs.add("systemctl", systemctl())
    path = looking().path
    path.parent.mkdir(parents=True)
    make(path)
    before = path.lstat()
    for refused in (install, remove):
        with pytest.raises(Conflict, match="not of our making"):
            refused(site, looking(), force=True)
    assert (path.lstat().st_ino, path.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert programs.calls == []


def test_missions_whose_folders_have_one_name_never_overwrite_each_other(
    site: Site, looking: Looking, programs: FakePrograms, tmp_path: Path
) -> None:
    programs.add("systemctl", systemctl())
    for parent in ("one", "two"):
        (tmp_path / parent).mkdir()
    install(site, looking("one/mission"))
    for refused in (install, remove):
        with pytest.raises(Conflict, match=r"one/mission .*--name"):
            refused(site, looking("two/mission"), force=True)
    install(site, looking("two/mission", name="second.service"))
    assert looking("two/mission").path.name == "second.service", "found again without being named"
    assert looking("one/mission").standing is looking("two/mission").standing is Standing.SAME


def test_a_mission_gets_no_second_dispatcher_under_another_name(
    site: Site, looking: Looking, programs: FakePrograms
) -> None:
    programs.add("systemctl", systemctl())
    install(site, looking())
    with pytest.raises(Conflict, match="remove --name mission-control-mission"):
        install(site, looking(name="other"))


def test_a_file_that_comes_up_at_the_last_moment_is_not_overwritten(site: Site, looking: Looking) -> None:
    seen = looking()
    seen.path.parent.mkdir(parents=True)
    foreign_text(seen.path)
    with pytest.raises(Conflict, match="just come up"):
        files.put(seen.path, seen.wanted, mode=0o600, replace=False)
    assert seen.path.read_text().startswith("[Service]")
    assert [path.name for path in seen.path.parent.iterdir()] == [seen.path.name], "nothing is left behind"


# Removing


def test_removing_ends_the_service_before_its_file_goes(site: Site, looking: Looking, programs: FakePrograms) -> None:
    path = looking().path
    programs.add("systemctl", systemctl())
    install(site, looking())
    programs.add("systemctl", systemctl(otherwise=f'[ "$2" != disable ] || [ -e {path} ] || exit 9'))
    assert programs.calls
    assert remove(site, looking()).changed
    assert not path.exists()
    assert acts(programs) == [
        "systemctl --user disable --now mission-control-mission.service",
        "systemctl --user daemon-reload",
    ]
    with pytest.raises(NotFound):
        remove(site, looking())


def test_a_service_that_cannot_be_ended_keeps_its_file(site: Site, looking: Looking, programs: FakePrograms) -> None:
    programs.add("systemctl", systemctl())
    install(site, looking())
    programs.add("systemctl", systemctl(otherwise="echo access denied >&2; exit 4"))
    with pytest.raises(Unavailable, match="access denied"):
        remove(site, looking())
    assert looking().standing is Standing.SAME


def test_a_link_that_started_it_goes_with_it_and_others_stay(
    site: Site, looking: Looking, programs: FakePrograms
) -> None:
    programs.add("systemctl", "exit 1")
    install(site, looking())
    path = looking().path
    wants = path.parent / "default.target.wants"
    wants.mkdir()
    (wants / path.name).symlink_to(f"../{path.name}")
    (wants / "other.service").symlink_to("../other.service")
    remove(site, looking())
    assert [entry.name for entry in wants.iterdir()] == ["other.service"]


# What a person is told


@pytest.mark.parametrize(("answer", "ends_at_logout"), [("echo yes", False), ("echo no", True), ("exit 1", True)])
def test_it_is_said_when_the_service_ends_at_logout(
    site: Site, looking: Looking, programs: FakePrograms, answer: str, *, ends_at_logout: bool
) -> None:
    programs.add("loginctl", answer)
    config = Config(home=looking().service.home)
    notes = notes_on(site, looking().service, config, system=False)
    assert any("loginctl enable-linger" in note for note in notes) is ends_at_logout
    assert notes_on(site, looking().service, config, system=True) == []


def test_it_is_said_what_the_service_will_not_see(site: Site, looking: Looking, programs: FakePrograms) -> None:
    programs.add("loginctl", "echo yes")
    here = {**site.environment, "MISSIONCTL_DATABASE": "postgresql://secret", "MISSIONCTL_HOME": "/m"}
    config = Config(home=looking().service.home, pass_environment=("ANTHROPIC_API_KEY",))
    settings, variables = notes_on(Site(site.supervisor, here), looking().service, config, system=False)
    assert "MISSIONCTL_DATABASE" in settings
    assert "MISSIONCTL_HOME" not in settings
    assert "secret" not in settings
    assert "ANTHROPIC_API_KEY" in variables
    assert str(looking().service.home / "service.env") in variables


# launchd: what is asked of it; it cannot be run here


@pytest.fixture
def mac(tmp_path: Path, programs: FakePrograms) -> Site:
    return Site(Launchd(tmp_path, 501, system=False), programs.environment(HOME=str(tmp_path)))


def launchctl(tmp_path: Path, *, state: str = "running") -> str:
    """The body of a launchctl that remembers whether the service is loaded."""
    loaded = tmp_path / "loaded"
    return f"""case "$*" in
"print gui/501") echo domain ;;
print*) [ -e {loaded} ] && printf '\\tstate = {state}\\n' ;;
bootstrap*) touch {loaded} ;;
bootout*) rm {loaded} ;;
esac"""


def on_mac(site: Site, tmp_path: Path, program: str = "/opt/missionctl") -> Look:
    home = tmp_path / "mission"
    home.mkdir(exist_ok=True)
    name = installing.choose_name(site, home, None)
    return installing.look(site, describe(home=home, program=Path(program), environment=site.environment, name=name))


def test_launchd_is_given_the_file_and_renewed_and_freed_of_it(
    mac: Site, tmp_path: Path, programs: FakePrograms
) -> None:
    programs.add("launchctl", launchctl(tmp_path))
    path = tmp_path / "Library" / "LaunchAgents" / "mission-control-mission.plist"
    label = "gui/501/mission-control-mission"

    def acts() -> list[str]:
        return [call.removeprefix("launchctl ") for call in programs.calls if " print " not in call]

    assert not install(mac, on_mac(mac, tmp_path)).has_failed
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert acts() == [f"enable {label}", f"bootstrap gui/501 {path}"]
    assert not install(mac, on_mac(mac, tmp_path)).changed
    assert acts() == [f"kickstart {label}"]
    assert install(mac, on_mac(mac, tmp_path, "/opt/newer")).changed
    assert acts() == [f"bootout {label}", f"enable {label}", f"bootstrap gui/501 {path}"]
    remove(mac, on_mac(mac, tmp_path))
    assert acts() == [f"bootout {label}"]
    assert not path.exists()


def test_a_launchd_that_does_not_answer_leaves_the_commands_to_a_person(
    mac: Site, tmp_path: Path, programs: FakePrograms
) -> None:
    programs.add("launchctl", "exit 113")
    deed = install(mac, on_mac(mac, tmp_path))
    assert deed.next_steps[1].startswith("launchctl bootstrap gui/501 ")
    assert remove(mac, on_mac(mac, tmp_path)).next_steps == ("launchctl bootout gui/501/mission-control-mission",)


def test_a_service_that_launchd_has_loaded_and_that_does_not_run_has_failed(
    mac: Site, tmp_path: Path, programs: FakePrograms
) -> None:
    programs.add("launchctl", launchctl(tmp_path, state="spawn scheduled"))
    assert install(mac, on_mac(mac, tmp_path)).has_failed


def test_a_folder_that_no_service_can_hold_is_refused_before_anything_is_written(
    site: Site, looking: Looking, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput):
        looking("two\nlines")
    assert not site.supervisor.folder.exists()
