"""The installed command, run as its users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPTS = Path(sysconfig.get_path("scripts"))
COMMAND = SCRIPTS / "missionctl"


@dataclass(frozen=True)
class Answer:
    """What one command said."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Command:
    """`missionctl` in one mission, with an environment that holds nothing of the tests' own."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    program: Path = COMMAND

    def __call__(
        self, *arguments: object, expect: int = 0, stdin: str | bytes = "", timeout: float = 60, **environment: str
    ) -> Answer:
        """Run the command to its end; its exit code must be `expect`. Keywords are added to its environment."""
        words = tuple(str(argument) for argument in arguments)
        done = subprocess.run(
            [self.program, *words],
            cwd=self._folder(),
            env={**self._environment(), **environment},
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        answer = Answer(words, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert answer.code == expect, f"missionctl {' '.join(words)} ended {answer.code}\n{answer.out}{answer.err}"
        assert "Traceback" not in answer.err, answer.err
        return answer

    def start(self, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        """Run the command beside the test, its output on pipes. Whoever starts it ends it."""
        return subprocess.Popen(
            [self.program, *(str(argument) for argument in arguments)],
            cwd=self._folder(),
            env={**self._environment(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _folder(self) -> Path:
        """Inside the mission once it is made, so that the command finds it as it does for people."""
        return self.home if self.home.is_dir() else self.home.parent

    def _environment(self) -> dict[str, str]:
        passed = {name: os.environ[name] for name in ("TMPDIR", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
        return {
            **passed,
            "PATH": f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.home.parent),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **self.environment,
        }
