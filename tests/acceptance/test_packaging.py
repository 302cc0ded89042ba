"""What is shipped: the wheel and the source archive hold everything, and run where nothing of the checkout is."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mission_control import __version__
from support.command import Command
from support.release import PACKAGE, empty_environment

ROOT = Path(__file__).parents[2]
BUILD = "import sys, hatchling.build as backend; print(getattr(backend, 'build_' + sys.argv[1])(sys.argv[2]))"


def build(what: str, source: Path, into: Path) -> Path:
    """The archive that an installer would have built from this source; no network, no environment of its own."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, what, into], cwd=source, capture_output=True, text=True, check=True
    )
    return into / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", ROOT, tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def wheel(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source archive, as an installer does it; the checkout is not needed."""
    place = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as packed:
        packed.extractall(place, filter="data")
    (source,) = place.iterdir()
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def package_files() -> Iterator[str]:
    """Every file that the package has in the checkout: code, SQL, pages, `py.typed`."""
    for path in PACKAGE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(PACKAGE.parent))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        assert packed.testzip() is None
        inside = {name for name in packed.namelist() if ".dist-info/" not in name}
        told = packed.read(f"mission_control_agents-{__version__}.dist-info/METADATA").decode()
    assert inside == set(package_files())
    assert any(name.endswith(".sql") for name in inside)
    assert f"\nVersion: {__version__}\n" in told and "\nRequires-Python: >=3.11\n" in told


def test_the_source_archive_holds_what_is_needed_to_test_and_to_understand_it(archive: Path) -> None:
    with tarfile.open(archive) as packed:
        inside = {name.partition("/")[2] for name in packed.getnames()}
    for needed in ("LICENSE", "CHANGELOG.md", "bin/test", "requirements-dev.lock", "tests/conftest.py", "docs/cron.md"):
        assert needed in inside, needed


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the wheel; its libraries are lent, so that no network is used."""
    place = tmp_path_factory.mktemp("environment")
    empty_environment(place)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", wheel], check=True)
    return place


def test_the_installed_wheel_makes_a_mission_executes_and_shows_the_demo(installed: Path, tmp_path: Path) -> None:
    """Also what is read from files: SQL, migrations; and what starts itself again: launcher, executor, dispatcher."""
    python = [str(installed / "bin" / "python"), "-c", "import mission_control; print(mission_control.__file__)"]
    where = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert where.startswith(str(installed))
    missionctl = Command(tmp_path / "mission", program=installed / "bin" / "missionctl")
    assert missionctl("version", "--json").json["missionctl"] == __version__
    missionctl("init", missionctl.home, "--squad", "demo")
    missionctl("add", "Shipped", "--to", "dexter", "--command", "echo shipped")
    missionctl("heartbeat", "dexter", "--wait")
    assert missionctl("logs", "T-1").out == "shipped\n"
    missionctl("up", "--detach")
    missionctl("add", "At once", "--to", "dexter", "--command", "echo at once")
    missionctl("task", "wait", "T-2", "--timeout", "30s")
    missionctl("down")
    missionctl("doctor")
    assert missionctl("demo", tmp_path / "demo", "--json").json["as_announced"] is True
