"""What `[runners.NAME]` in mission.toml may say: how the program of a runner is driven, or a runner of one's own.

```toml
[runners.claude]                        # one that this program knows
program = "~/bin/claude"                # default: looked up on PATH
arguments = ["--max-turns", "30"]       # added to the command line
model = "opus"                          # for agents that name none
environment = { ANTHROPIC_BASE_URL = "http://127.0.0.1:8099" }
pass_environment = ["MY_KEY"]           # besides those that the runner passes by itself

[runners.reviewer]                      # one of your own
command = ["my-agent", "--model", "{model}"]
output = "json"                         # a line an event; default: text, of which all is the answer
answer = "result.text"                  # where the events have it
```
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
PLACES = ("prompt_file", "model", "session", "workspace", "state", "task", "agent")  # in words of a command
FIELDS = ("answer", "session", "tokens_in", "tokens_out", "cost_usd", "progress", "error")  # of JSON events
_PLACE = re.compile(r"\{([a-z_]*)\}")


def checked(raw: Any) -> dict[str, dict[str, Any]]:
    """The settings of all runners, by name; in the environment they are one JSON text. ValueError: what is wrong."""
    if isinstance(raw, str):
        raw = _from_json(raw)
    if not isinstance(raw, Mapping):
        raise ValueError("must be a table, e.g. [runners.claude]")
    return {name: _checked_runner(name, settings) for name, settings in raw.items()}


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError("must be a JSON object by the names of runners") from None


def _checked_runner(name: str, raw: Any) -> dict[str, Any]:
    if not NAME.match(name):
        raise ValueError(f"has {name!r}; a runner's name has a-z, 0-9, _ and -")
    if not isinstance(raw, Mapping):
        raise ValueError(f"has {name} = {raw!r}; write [runners.{name}]")
    settings = {key: _checked_setting(f"{name}.{key}", key, value) for key, value in raw.items()}
    _check_together(name, settings)
    return settings


def _checked_setting(where: str, key: str, value: Any) -> Any:
    kind = _KINDS.get(key)
    if kind is None:
        raise ValueError(f"has {where}, which is not a setting of a runner; known are {', '.join(sorted(_KINDS))}")
    try:
        return kind(value)
    except ValueError as fault:
        raise ValueError(f"has {where}, which {fault}") from None


def _check_together(name: str, settings: Mapping[str, Any]) -> None:
    words = [*settings.get("command", ()), *settings.get("resume", ())]
    unknown = {place for word in words for place in _PLACE.findall(word)} - set(PLACES)
    if unknown:
        raise ValueError(f"has {name}.command with {{{unknown.pop()}}}; known are {', '.join(PLACES)}")
    if settings.get("prompt") == "file" and not any("{prompt_file}" in word for word in settings.get("command", ())):
        raise ValueError(f"has {name}.prompt = 'file', so {name}.command must name {{prompt_file}}")
    named = [key for key in FIELDS if key in settings]
    if named and settings.get("output") != "json":
        raise ValueError(f"has {name}.{named[0]}, which needs {name}.output = 'json'")
    if settings.get("output") == "json" and "answer" not in settings:
        raise ValueError(f"has {name}.output = 'json', so {name}.answer must say where the answer stands")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or any(character < " " for character in value):
        raise ValueError("must be a text of one line")
    return value


def _path(value: Any) -> str:
    return os.path.expanduser(_text(value))


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _words(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) and "\0" not in word for word in value):
        raise ValueError('must be a list of words, e.g. ["my-agent", "--quiet"]')
    return list(value)


def _command(value: Any) -> list[str]:
    words = _words(value)
    if not words or not words[0]:
        raise ValueError("names no program")
    if "{" in words[0]:
        raise ValueError("must begin with the name of a program")
    return words


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(text, str) and "\0" not in text for text in value.values()):
        raise ValueError('must be a table of texts, e.g. { NAME = "value" }')
    return dict(value)


def _one_of(*choices: str) -> Callable[[Any], str]:
    def choose(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return choose


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "program": _path,
    "arguments": _words,
    "model": _text,
    "environment": _texts,
    "pass_environment": _words,
    "empty_answer": _truth,  # an answer without a word is a success, too
    "url": _text,  # of a service that is asked instead of a program started
    # Of a runner of one's own.
    "command": _command,
    "resume": _words,  # added to go on with {session}
    "prompt": _one_of("stdin", "file"),
    "output": _one_of("text", "json"),
    **dict.fromkeys(FIELDS, _text),
}
