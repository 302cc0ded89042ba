"""SOUL.md: who an agent is. Made when it joins; from then on it is people's."""

from __future__ import annotations

import os

from mission_control.folder import Folder, make_private_directory, open_private


def write_soul(folder: Folder, name: str, role: str, character: str = "") -> None:
    """A first SOUL.md, unless there is one."""
    path = folder.soul(name)
    make_private_directory(path.parent)
    try:
        descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        return
    lines = [f"# {name}", "", f"Role: {role}" if role else "Role: not said yet.", ""]
    lines += [character or "Say here who this agent is, how it works, and what it never does.", ""]
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
