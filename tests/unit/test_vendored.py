"""What others wrote and we ship lies there as its manifest says: version, licence, every byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import mission_control

ROOT = Path(__file__).parents[2]
FOLDERS = [
    Path(mission_control.__file__).parent / "interfaces" / "web" / "static" / "vendor",
    ROOT / "tests" / "support" / "axe",
]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_vendored_files_are_those_of_the_manifest(folder: Path) -> None:
    packages = json.loads((folder / "manifest.json").read_text())
    named = {name: digest for package in packages for name, digest in package["files"].items()}
    there = {path.name for path in folder.iterdir()} - {"manifest.json"}

    assert there == set(named)
    for name, digest in named.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_vendored_package_brings_its_licence(folder: Path) -> None:
    for package in json.loads((folder / "manifest.json").read_text()):
        assert package["license"] and package["version"]
        assert any(name.endswith(".LICENSE") for name in package["files"]), package["package"]
