#!/usr/bin/env python3
"""An agent of one's own in a few lines: the prompt comes by stdin, each event is one JSON object a line.

Named in mission.toml by examples/runners/mission.toml; try it with: missionctl runner test own
"""

import json
import sys
import uuid


def tell(**event: object) -> None:
    print(json.dumps(event), flush=True)


def main() -> int:
    session = sys.argv[sys.argv.index("--resume") + 1] if "--resume" in sys.argv else str(uuid.uuid4())
    tell(session={"id": session})
    prompt = sys.stdin.read()
    tell(progress="reading the task")
    if not prompt.strip():
        tell(error="there is no task in the prompt")
        return 1
    # Here it would think: ask a model, use tools, write files into the folder in which it was started.
    words = len(prompt.split())
    with open("words.txt", "w", encoding="utf-8") as file:
        file.write(f"{words}\n")
    tell(answer={"text": f"The task has {words} words."}, usage={"in": words, "out": 5, "usd": 0.0})
    return 0


if __name__ == "__main__":
    sys.exit(main())
