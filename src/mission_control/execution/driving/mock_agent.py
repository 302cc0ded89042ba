"""The program behind the runner `mock`: carries out the steps of a script. See execution/runners/mock.py.

`mock_agent SCRIPT STATE SESSION`, with the prompt on standard input, as a real agent gets it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mission_control.clock import SystemClock

_STEP = "mock:"


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    script, state, session = Path(arguments[0]), Path(arguments[1]), arguments[2]
    prompt = sys.stdin.read()
    _tell("started", session=session)
    steps = _steps(script.read_text(encoding="utf-8"))
    position = state / f"{session.replace('/', '-')}.position"
    done = int(position.read_text()) if position.exists() else 0
    answer = f"Done, offline and without a model. The prompt had {len(prompt.split())} words."
    for number, (verb, rest) in enumerate(steps[done:], done + 1):
        match verb:
            case "say":
                answer = rest
            case "fail":
                _tell("failed", error=rest or "it was told to fail")
                return 1
            case "crash":
                return int(rest or 1)
            case "limit" | "ask":
                position.write_text(str(number))
                _give_up(verb, rest)
                return 1
            case _:
                if not _do(verb, rest):
                    return 1
    _tell("done", answer=answer)
    return 0


def _steps(script: str) -> list[tuple[str, str]]:
    lines = (line.strip() for line in script.splitlines())
    found = (line.removeprefix(_STEP).strip().partition(" ") for line in lines if line.startswith(_STEP))
    return [(verb, rest.strip()) for verb, _, rest in found]


def _give_up(verb: str, rest: str) -> None:
    if verb == "ask":
        _tell("asks", question=rest or "What now?")
    else:
        _tell("limited", until=SystemClock().now().timestamp() + float(rest or 1))


def _do(verb: str, rest: str) -> bool:
    """One step that ends nothing, unless it is refused."""
    match verb:
        case "think":
            time.sleep(float(rest or 1))
        case "print":
            print(rest, flush=True)  # noqa: T201  its output is what it is for
        case "progress":
            _tell("progress", text=rest)
        case "write":
            name, _, text = rest.partition(" ")
            Path(name).write_text(f"{text}\n", encoding="utf-8")
        case "tokens":
            tokens_in, tokens_out, *usd = rest.split()
            _tell("usage", usd=float(usd[0]) if usd else 0.0, **{"in": int(tokens_in), "out": int(tokens_out)})
        case "run":
            if status := subprocess.run(["/bin/sh", "-c", "--", rest], check=False).returncode:
                _tell("failed", error=f"`{rest}` ended with exit status {status}")
                return False
        case "hang":
            _hang()
        case _:
            _tell("failed", error=f"its script has a step that it does not know: {verb}")
            return False
    return True


def _hang() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("hanging", flush=True)  # noqa: T201  its output is what it is for
    while True:
        signal.pause()


def _tell(event: str, **fields: object) -> None:
    os.write(1, f"{json.dumps({'type': event, **fields})}\n".encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
