"""What attempts printed, over HTTP: in pieces that fit together, from the end, as a download; never another file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from support.web import Web


@pytest.fixture(scope="module")
def attempt(web: Web) -> str:
    """The address of an ended attempt that printed 1000 numbered lines with letters of several bytes."""
    task = web.mission.add('i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo "línea $i ✓"; done')
    web.mission.beat()
    return f"/api/v1/tasks/T-{task.id}/attempts/1"


@pytest.fixture
def printed(web: Web, attempt: str) -> Path:
    return web.mission.home / str(web.client.get(attempt).json()["log"])


def piece(web: Web, attempt: str, **query: Any) -> Any:
    answer = web.client.get(f"{attempt}/log", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_last_lines_come_first(web: Web, attempt: str, printed: Path):
    last = piece(web, attempt)
    assert last["text"].splitlines() == printed.read_text().splitlines()[-500:]
    assert last["end"] == last["size"] == printed.stat().st_size
    assert piece(web, attempt, tail=3)["text"] == "línea 998 ✓\nlínea 999 ✓\nlínea 1000 ✓\n"
    assert piece(web, attempt, tail=100_000)["text"] == printed.read_text()


def test_pieces_fit_together_and_break_no_letter(web: Web, attempt: str, printed: Path):
    text, offset = "", 0
    while (found := piece(web, attempt, offset=offset, limit=101))["text"]:
        text += found["text"]
        assert "\ufffd" not in found["text"]
        offset = found["end"]
    assert text == printed.read_text()
    assert offset == printed.stat().st_size


def test_a_download_is_all_of_it_or_the_range_that_was_asked_for(web: Web, attempt: str, printed: Path):
    whole = printed.read_bytes()
    answer = web.client.get(f"{attempt}/log/raw")
    assert (answer.status_code, answer.content) == (200, whole)
    assert answer.headers["content-disposition"].startswith('attachment; filename="T-')
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    ranges = {"bytes=0-9": whole[:10], "bytes=5-": whole[5:], "bytes=-7": whole[-7:], "bytes=10-999999999": whole[10:]}
    for wanted, content in ranges.items():
        answer = web.client.get(f"{attempt}/log/raw", headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, content), wanted
    for nonsense in ("bytes=999999999-", "bytes=5-2", "lines=1-2", "bytes=-", "bytes=0-1,3-4"):
        assert web.client.get(f"{attempt}/log/raw", headers={"Range": nonsense}).status_code == 416, nonsense


def test_a_hole_is_skipped_and_said(web: Web, attempt: str, printed: Path):
    kept = printed.read_bytes()
    try:
        with printed.open("r+b") as file:
            file.truncate(0)
            file.write(b"head\n")
            file.seek(50_000_000)
            file.write(b"tail\n")
        head = piece(web, attempt, offset=0, limit=5)
        rest = piece(web, attempt, offset=10_000)
        assert head["text"] == "head\n"
        assert rest["text"].lstrip("\0") == "tail\n"
        assert rest["skipped"] > 40_000_000
    finally:
        printed.write_bytes(kept)


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_link_in_the_place_of_an_output_is_not_followed(web: Web, attempt: str, printed: Path, place: str):
    """The attempt itself may have put it there, to read through us what it may not read."""
    secret = web.mission.home / "secret"
    secret.mkdir(exist_ok=True)
    (secret / "output.log").write_text("the secret of somebody else")
    linked, target = (printed, secret / "output.log") if place == "file" else (printed.parent, secret)
    aside = linked.with_name("aside")
    linked.rename(aside)
    try:
        linked.symlink_to(target)
        assert piece(web, attempt)["text"] == ""
        assert web.client.get(f"{attempt}/log/raw").status_code == 404
    finally:
        linked.unlink()
        aside.rename(linked)


def test_a_pipe_in_the_place_of_an_output_holds_nobody_up(web: Web, attempt: str, printed: Path):
    aside = printed.with_name("aside")
    printed.rename(aside)
    try:
        os.mkfifo(printed)
        assert web.client.get(f"{attempt}/log/raw", timeout=5).status_code == 404
    finally:
        printed.unlink()
        aside.rename(printed)


def test_ids_lead_to_attempts_and_nowhere_else(web: Web, attempt: str):
    task = attempt.split("/")[4]
    for path in (
        "/api/v1/tasks/..%2F..%2Fmission.toml/log",
        "/api/v1/tasks/T-1%2F..%2F..%2F../attempts/1/log",
        f"/api/v1/tasks/{task}/attempts/0/log/raw",
        f"/api/v1/tasks/{task}/attempts/99999999999/log/raw",
        f"/api/v1/tasks/{task}/attempts/2/log",
        "/static/..%2F..%2F..%2Fapp.py",
        "/static/../application.py",
    ):
        assert web.client.get(path).status_code in (404, 422), path
