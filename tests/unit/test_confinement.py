"""What bounds an attempt, as far as it can be said without one."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from mission_control.config import Config
from mission_control.domain.attempt import Ending, Outcome
from mission_control.execution.confinement import limits
from mission_control.execution.confinement.confinement import is_confined
from mission_control.execution.confinement.isolation import Places, bubblewrapped
from mission_control.execution.confinement.usage import _seconds_of
from mission_control.settings_checks import Isolation

NOTHING = Config(home=Path("/mission"))
LIMITS = [name for field in fields(Config) if (name := field.name).startswith("max_") and field.default is None]
FAILED = Ending(Outcome.FAILED, exit_code=1, error="exit status 1")


def test_only_what_is_asked_for_confines_an_attempt():
    assert not is_confined(NOTHING)
    assert not is_confined(
        replace(NOTHING, readable_paths=("/srv",), cgroup="/sys/fs/cgroup", runner_slots={"shell": 1})
    )
    assert is_confined(replace(NOTHING, isolation=Isolation.LANDLOCK))


@pytest.mark.parametrize("name", LIMITS)
def test_each_limit_alone_confines_an_attempt(name):
    limit: dict[str, Any] = {name: 100}
    limited = replace(NOTHING, **limit)
    assert is_confined(limited)
    assert 100 in vars(limits.of(limited)).values()


@pytest.mark.parametrize("ended", [{"signal": 25}, {"exit_code": 128 + 25}])
def test_a_limit_is_named_only_where_it_is_set_and_known_to_be_the_cause(ended):
    ending = replace(FAILED, exit_code=None, **ended) if "signal" in ended else replace(FAILED, **ended)
    limited = limits.of(replace(NOTHING, max_file_bytes=1000, max_cpu_seconds=5))
    assert limited.cause_of(ending) == "file size limit of 1,000 bytes reached"
    assert limits.of(NOTHING).cause_of(ending) is None
    assert limited.cause_of(FAILED) is None


def test_the_cause_stands_before_what_the_program_made_of_it_and_never_beside_a_success():
    assert limits.with_cause(FAILED, "too much").error == "too much (exit status 1)"
    assert limits.with_cause(FAILED, None) == FAILED
    succeeded = Ending(Outcome.SUCCEEDED, exit_code=0)
    assert limits.with_cause(succeeded, "too much") == succeeded


@pytest.mark.parametrize(
    ("text", "seconds"), [("0:00.03", 0.03), ("12:34.50", 754.5), ("01:02:03", 3723), ("2-01:02:03", 176523)]
)
def test_times_of_ps_are_understood_as_each_system_writes_them(text, seconds):
    assert _seconds_of(text) == seconds


def test_no_word_of_a_command_becomes_an_option_of_bubblewrap():
    places = Places("/w", "/t", "/o", readable=("/r",), writable=())
    words = bubblewrapped(["--bind", "/", "/"], places, 7)
    assert words[words.index("--") + 1 :] == ["--bind", "/", "/"]
