"""Settings: who wins, what is refused, and that all faults are told at once."""

from __future__ import annotations

import os
from dataclasses import fields
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mission_control.config import RANGES, Config, Isolation, commented_defaults, find_home, load
from mission_control.errors import ConfigInvalid, NoMission


@pytest.fixture
def home(tmp_path):
    (tmp_path / "mission.toml").write_text("")
    return tmp_path


def faults(home, environment=None, flags=None):
    with pytest.raises(ConfigInvalid) as refusal:
        load(home, environment or {}, flags)
    assert all(fault in str(refusal.value) for fault in refusal.value.faults)
    return refusal.value.faults


def test_without_any_word_all_is_default(home):
    config = load(home, {})
    assert (config.slots, config.lease_seconds, config.max_attempts) == (3, 60, 3)
    assert config.host == os.uname().nodename


@pytest.mark.parametrize(
    ("flag", "environment", "file", "expected"),
    [
        (4, "5", "6", 4),
        (None, "5", "6", 5),
        (None, None, "6", 6),
        (None, "", "6", 6),
        (None, None, None, 3),
        (4, None, None, 4),
    ],
)
def test_a_flag_wins_over_the_environment_over_the_file_over_the_default(home, flag, environment, file, expected):
    (home / "mission.toml").write_text("" if file is None else f"slots = {file}")
    given_environment = {} if environment is None else {"MISSIONCTL_SLOTS": environment}
    assert load(home, given_environment, {"slots": flag}).slots == expected


def test_a_stronger_source_does_not_hide_the_fault_of_a_weaker_one(home):
    (home / "mission.toml").write_text("slots = 0")
    assert len(faults(home, flags={"slots": 4})) == 1


def test_all_faults_are_told_at_once_each_with_its_source(home):
    (home / "mission.toml").write_text('slots = 0\nslotz = 3\ntimezone = "Europe/Berlinn"\n[extra]\n')
    told = faults(home, {"MISSIONCTL_LEASE_SECONDS": "soon", "MISSIONCTL_POLL_SECONDS": "-1"}, {"max_attempts": 101})
    assert (
        sorted(fault.partition(" ")[0] for fault in told)
        == ["command", "environment", "environment"] + ["mission.toml:"] * 4
    )
    for name in ("slots", "slotz", "timezone", "extra", "lease_seconds", "poll_seconds", "max_attempts"):
        assert any(f" {name} " in fault for fault in told), name


def test_variables_that_are_no_settings_are_left_alone(home):
    assert load(home, {"MISSIONCTL_TASK": "T-12", "MISSIONCTL_HOME": "/", "SLOTS": "9"}).slots == 3


@pytest.mark.parametrize("name", RANGES)
def test_a_number_is_taken_up_to_its_bounds_and_refused_beyond(home, name):
    least, most = RANGES[name]
    for value in (least, most):
        assert getattr(load(home, {}, {name: value}), name) == value
    for value in (least - 0.001, most + 1):
        faults(home, flags={name: value})


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e309", "true", "ten", "1,5", "0x3", "-1", " ", "5s"])
def test_what_is_no_number_of_the_range_is_refused(home, name, text):
    assert len(faults(home, {f"MISSIONCTL_{name.upper()}": text})) == 1


@pytest.mark.parametrize(
    "value", ["true", "false", "nan", "inf", '"ten"', "[3]", "{}", "1e309", "9" * 400, "2026-02-06"]
)
def test_what_the_file_gives_for_a_number_must_be_one(home, value):
    (home / "mission.toml").write_text(f"slots = {value}")
    assert len(faults(home)) == 1


@pytest.mark.parametrize("name", ["slots", "machine_slots", "max_attempts", "max_output_bytes"])
def test_a_count_is_whole(home, name):
    faults(home, flags={name: 5000.5 if name == "max_output_bytes" else 2.5})
    assert isinstance(
        getattr(load(home, {f"MISSIONCTL_{name.upper()}": "1e3" if name == "max_output_bytes" else "2"}), name), int
    )


def test_durations_may_be_fractions(home):
    assert load(home, {"MISSIONCTL_LEASE_SECONDS": "0.25"}).lease_seconds == 0.25


@pytest.mark.parametrize(
    "content", [b"slots =", b"\xff\xfe", b"slots = 3\nslots = 4", b"a = " + b"9" * 5000, b"a = " + b"[" * 20_000]
)
def test_a_file_that_cannot_be_read_is_one_fault_that_names_it(home, content):
    (home / "mission.toml").write_bytes(content)
    (told,) = faults(home)
    assert told.startswith(str(home / "mission.toml"))


@given(content=st.text())
def test_no_content_of_the_file_is_a_fault_of_ours(tmp_path_factory, content):
    home = tmp_path_factory.mktemp("mission")
    (home / "mission.toml").write_bytes(content.encode("utf-8", "surrogatepass"))
    try:
        load(home, {})
    except ConfigInvalid as refusal:
        assert refusal.faults  # noqa: PT017  being taken is as right as being refused


@pytest.mark.parametrize("value", ["", "a\nb", "\x1b[31m"])
def test_text_is_of_one_line(home, value):
    faults(home, flags={"host": value})


def test_a_zone_is_one_that_is_known_here(home):
    assert load(home, {"MISSIONCTL_TIMEZONE": "UTC"}).zone is UTC
    assert str(load(home, {"MISSIONCTL_TIMEZONE": "Europe/Berlin"}).zone) == "Europe/Berlin"
    assert load(home, {}).zone is not None
    for name in ("Europe", "../../etc/passwd", "/etc/localtime", "nowhere"):
        faults(home, {"MISSIONCTL_TIMEZONE": name})


def test_names_to_pass_on_are_a_list_in_the_file_and_separated_by_commas_elsewhere(home):
    assert load(home, {"MISSIONCTL_PASS_ENVIRONMENT": "A, B,"}).pass_environment == ("A", "B")
    (home / "mission.toml").write_text('pass_environment = ["A", "B"]')
    assert load(home, {}).pass_environment == ("A", "B")
    (home / "mission.toml").write_text("pass_environment = [1]")
    faults(home)


def test_slots_of_runners_are_a_table_in_the_file_and_pairs_elsewhere(home):
    assert load(home, {"MISSIONCTL_RUNNER_SLOTS": "shell=4, claude=2"}).runner_slots == {"shell": 4, "claude": 2}
    for text in ("runner_slots = { shell = 4 }", "[runner_slots]\nshell = 4"):
        (home / "mission.toml").write_text(text)
        assert load(home, {}).runner_slots == {"shell": 4}
    for wrong in ("4", "{ shell = 0 }", "{ shell = true }", "{ shell = 1.5 }", '{ shell = "many" }', "[4]"):
        (home / "mission.toml").write_text(f"runner_slots = {wrong}")
        (told,) = faults(home)
        assert told.startswith("mission.toml: runner_slots ")
    (home / "mission.toml").write_text("")
    faults(home, {"MISSIONCTL_RUNNER_SLOTS": "shell"})


def test_an_isolation_is_one_that_exists(home):
    for isolation in Isolation:
        assert load(home, {"MISSIONCTL_ISOLATION": isolation}).isolation is isolation
    (told,) = faults(home, {"MISSIONCTL_ISOLATION": "none"})
    assert "process, landlock, bubblewrap" in told


@pytest.mark.parametrize("name", ["readable_paths", "writable_paths"])
def test_paths_are_whole(home, name):
    (home / "mission.toml").write_text(f'{name} = ["/srv/data", "~/notes"]')
    assert getattr(load(home, {}), name) == ("/srv/data", os.path.expanduser("~/notes"))
    for wrong in ("notes", "../notes", "~nobody-of-this-name/notes"):
        (told,) = faults(home, {f"MISSIONCTL_{name.upper()}": wrong})
        assert wrong in told


def test_settings_reach_the_launcher_process_as_they_are(home):
    told = {
        "MISSIONCTL_RUNNER_SLOTS": "shell=4",
        "MISSIONCTL_ISOLATION": "landlock",
        "MISSIONCTL_READABLE_PATHS": "/srv/a,/srv/b",
        "MISSIONCTL_MAX_MEMORY_BYTES": "5e7",
    }
    config = load(home, told)
    assert Config.from_bytes(config.to_bytes()) == config


def test_a_new_settings_file_shows_every_default_and_changes_none(home):
    before = load(home, {})
    shown = commented_defaults()
    (home / "mission.toml").write_text(shown)
    assert load(home, {}) == before
    uncommented = [line.removeprefix("# ") for line in shown.splitlines() if " = " in line]
    (home / "mission.toml").write_text("\n".join(line for line in uncommented if line.partition(" ")[0] in RANGES))
    assert load(home, {}) == before
    assert all(field.name in shown for field in fields(Config) if field.name in RANGES and field.default is not None)


def test_the_nearest_parent_with_settings_is_the_mission(home):
    inner = home / "runs" / "T-1"
    inner.mkdir(parents=True)
    assert find_home(None, {}, inner) == home


def test_a_flag_names_the_mission_before_the_environment_before_the_folder(home, tmp_path):
    flagged, named = tmp_path / "flagged", tmp_path / "named"
    for folder in (flagged, named):
        folder.mkdir()
        (folder / "mission.toml").write_text("")
    environment = {"MISSIONCTL_HOME": str(named)}
    assert find_home(str(flagged), environment, home) == flagged
    assert find_home(None, environment, home) == named


@pytest.mark.parametrize("named", ["elsewhere", "~nobody-of-this-name/x", "a\0b", "/dev/null"])
def test_a_folder_without_a_mission_is_refused_with_the_way_to_make_one(home, named):
    with pytest.raises(NoMission, match="missionctl init"):
        find_home(named, {}, home)


def test_outside_of_any_mission_the_way_to_make_one_is_told(tmp_path):
    with pytest.raises(NoMission, match="missionctl init"):
        find_home(None, {}, tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("web_address", "localhost", "must be an IP address"),
        ("web_origins", "https://mission.example.org/", "has 'https://mission.example.org/'"),
        ("web_origins", "mission.example.org", "has 'mission.example.org'"),
        ("web_origins", "https://*.example.org", "written like"),
        ("web_port", "0", "between 1 and 65535"),
        ("web", "maybe", "must be true or false"),
    ],
)
def test_who_may_reach_the_pages_is_said_exactly(home, name, value, words):
    (fault,) = faults(home, {f"MISSIONCTL_{name.upper()}": value})
    assert words in fault


def test_the_pages_are_for_this_machine_alone_unless_somebody_says_otherwise(home):
    config = load(home, {})
    assert (config.web, config.web_address, config.web_origins, config.web_open_metrics) == (
        True,
        "127.0.0.1",
        (),
        False,
    )
    told = load(home, {"MISSIONCTL_WEB_ORIGINS": "https://a.example,http://b.example:8080"})
    assert told.web_origins == ("https://a.example", "http://b.example:8080")
    assert Config.from_bytes(told.to_bytes()) == told
