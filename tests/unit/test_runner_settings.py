"""What `[runners.NAME]` may say, and what is said about what it may not."""

from __future__ import annotations

import pytest

from mission_control.config import Config, load
from mission_control.errors import ConfigInvalid
from mission_control.execution import runners
from mission_control.execution.runners.custom import filled
from mission_control.runner_settings import checked

OWN = {"command": ["my-agent", "{model}"]}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"claude": {"colour": "red"}}, "claude.colour, which is not a setting"),
        ({"claude": "opus"}, r"write \[runners.claude\]"),
        ({"a b": OWN}, "a runner's name"),
        ({"own": {"command": []}}, "own.command, which names no program"),
        ({"own": {"command": ["{model}"]}}, "must begin with the name of a program"),
        ({"own": {"command": "my-agent {model}"}}, "must be a list of words"),
        ({"own": {"command": ["my-agent", "{title}"]}}, "{title}; known are prompt_file, model"),
        ({"own": {**OWN, "prompt": "file"}}, "must name {prompt_file}"),
        ({"own": {**OWN, "prompt": "argument"}}, "one of stdin, file"),
        ({"own": {**OWN, "output": "json"}}, "own.answer must say where"),
        ({"own": {**OWN, "answer": "result"}}, "needs own.output = 'json'"),
        ({"claude": {"environment": {"A": 1}}}, "must be a table of texts"),
        ({"claude": {"empty_answer": "yes"}}, "must be true or false"),
        ("[", "must be a JSON object"),
        (["claude"], "must be a table"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place(raw, said):
    with pytest.raises(ValueError, match=said):
        checked(raw)


def test_faults_of_runners_are_told_with_their_source(tmp_path):
    (tmp_path / "mission.toml").write_text("[runners.own]\ncommand = []\n")
    with pytest.raises(ConfigInvalid, match=r"mission\.toml: runners has own\.command"):
        load(tmp_path, {})


def test_a_mission_has_the_runners_of_its_settings_besides_ours(tmp_path):
    (tmp_path / "mission.toml").write_text('[runners.own]\ncommand = ["my-agent"]\npass_environment = ["MY_KEY"]\n')
    config = Config.from_bytes(load(tmp_path, {}).to_bytes())  # as launcher processes and drivers get it
    assert runners.names(config.runners) == (*runners.RUNNERS, "own")
    own = runners.find("own", config.runners)
    assert own is not None and own.thinks and "MY_KEY" in own.passes
    assert runners.refuses("own", None, config.runners) is None
    assert runners.refuses("own", None) == "this program has no runner 'own'"


def test_a_setting_for_a_runner_that_is_neither_ours_nor_has_a_command_makes_none():
    assert runners.names({"ghost": {"model": "x"}}) == tuple(runners.RUNNERS)


@pytest.mark.parametrize(
    ("words", "model", "argv"),
    [
        (["a", "--model", "{model}", "-q"], "opus", ["a", "--model", "opus", "-q"]),
        (["a", "--model", "{model}", "-q"], "", ["a", "-q"]),
        (["a", "--model={model}"], "", ["a"]),
        (["a", "{model}"], "--evil; rm -rf", ["a", "--evil; rm -rf"]),
        (["a", "x{model}y", "{}"], "1", ["a", "x1y", "{}"]),
    ],
)
def test_places_are_filled_inside_their_words(words, model, argv):
    assert filled(words, {"model": model}) == argv
