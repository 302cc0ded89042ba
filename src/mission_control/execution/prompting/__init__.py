"""The prompt of an attempt: who the agent is, what it remembers, the task and its story, how to report.

`gather` asks the board, `write` reads the agent's files, fills the template and keeps the exact text as prompt.md in
the attempt's folder. What is cut when it gets too long, and in which order, stands in fitting.py.
"""

from __future__ import annotations

from mission_control.execution.prompting.gathering import Material, gather
from mission_control.execution.prompting.writing import NAME, write

__all__ = ["NAME", "Material", "gather", "write"]
