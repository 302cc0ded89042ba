"""Another release of the program, in an environment of its own."""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import venv
from pathlib import Path

import mission_control
from mission_control.store import schema

PACKAGE = Path(mission_control.__file__).parent


def empty_environment(place: Path) -> Path:
    """An environment without any package. Libraries are lent by that of the tests, so that no network is used.

    What is installed here comes before what is lent. Returns where packages go.
    """
    venv.create(place, with_pip=False)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return packages


def next_release(place: Path) -> Path:
    """The program of a release whose database has one table more. Returns its `missionctl`."""
    package = empty_environment(place) / "mission_control"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    number = schema.SCHEMA_NUMBER + 1
    (package / "store" / "migrations" / f"{number:04}_more.sql").write_text("CREATE TABLE more (id BIG_KEY);\n")
    code = (package / "store" / "schema.py").read_text()
    raised = re.sub(r"^SCHEMA_NUMBER = \d+", f"SCHEMA_NUMBER = {number}", code, flags=re.MULTILINE)
    (package / "store" / "schema.py").write_text(raised)
    program = place / "bin" / "missionctl"
    python = place / "bin" / Path(sys.executable).name
    program.write_text(f"#!{python}\nfrom mission_control.app import main\nmain()\n")
    program.chmod(0o755)
    return program
