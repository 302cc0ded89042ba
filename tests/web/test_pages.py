"""Every page without a browser: escaped, usable without scripts, with the numbers of the command."""

from __future__ import annotations

import csv
import io
import re
import shlex

import httpx
import pytest

from mission_control.domain.task import Status
from support.html import Inventory
from support.web import Web, words_of

PAGES = [
    "/",
    "/inbox",
    "/agents",
    "/agents/ada",
    "/activity",
    "/stats",
    "/health",
    "/standup",
    "/new",
    "/t/{task}",
    "/t/{task}/edit",
]
PAYLOAD = "<img src=x onerror=alert(1)>\"'</script><script>alert(2)</script>"


@pytest.fixture(scope="module")
def done(web: Web) -> str:
    """The id of a task that is done, with hostile text wherever a person or an agent can put some."""
    mission = web.mission
    task = mission.add(f"echo {shlex.quote(PAYLOAD)}; echo done", to="ada", description=PAYLOAD, review=True)
    mission.board.edit(task.id, {"title": PAYLOAD}, actor=PAYLOAD)
    mission.board.comment(task.id, PAYLOAD, actor=PAYLOAD)
    mission.opened.squad.edit("ada", {"role": PAYLOAD}, actor="tester")
    mission.beat()
    return task.name


def page(web: Web, path: str, expect: int = 200) -> str:
    answer = web.client.get(path)
    assert answer.status_code == expect, answer.text
    return answer.text


@pytest.mark.parametrize("path", PAGES)
def test_hostile_text_stays_text_on_every_page(web: Web, done: str, path: str) -> None:
    html = page(web, path.format(task=done))
    assert "<img" not in html
    assert "<script>" not in html
    assert html.count("<script") == html.count("<script src=")


@pytest.mark.parametrize("path", PAGES)
def test_no_page_needs_what_its_policy_forbids(web: Web, done: str, path: str) -> None:
    found = Inventory(page(web, path.format(task=done)))
    assert not [name for _, name in found.attributes if name == "style" or name.startswith("on")]
    assert not {"style", "iframe", "object", "base"} & found.tags
    assert all(re.match(r"/(?!/)|[?#]", link) for link in found.links), found.links


@pytest.mark.parametrize(
    "path", ["/t/99999", "/t/nothing", "/agents/nobody", "/t/999999999999999999999", "/stats/no.csv"]
)
def test_what_is_not_there_is_a_page_that_says_so(web: Web, path: str) -> None:
    answer = web.client.get(path)
    assert answer.status_code in (404, 422)
    assert "Mission Control" in answer.text
    assert "Traceback" not in answer.text


def test_a_form_works_without_scripts(web: Web, done: str) -> None:
    answer = web.client.post("/tasks", data={"title": "By form", "agents": "@ada", "command": "true", "timeout": "10m"})
    assert answer.status_code == 303
    assert "By form" in page(web, answer.headers["location"])
    said = web.client.post(f"{answer.headers['location']}/comment", data={"comment": "Hello"}, headers={"Referer": "x"})
    assert said.status_code == 303
    assert "Hello" in page(web, answer.headers["location"])


def test_an_edit_changes_what_differs_and_what_comes_before(web: Web, done: str) -> None:
    mission = web.mission
    first, then = mission.add("true"), mission.add("true")
    fields = {"title": "Edited", "agents": "ada", "command": "true", "priority": "low", "timeout": "10m"}
    path = f"/t/{then.name}/edit"
    assert web.client.post(path, data={**fields, "after": first.name}).status_code == 303
    edited = mission.opened.views.task(then.id).task
    assert (edited.title, edited.priority, edited.timeout_seconds, edited.after) == ("Edited", "low", 600, (first.id,))
    circle = {**fields, "title": "Not this", "after": then.name}
    answer = web.client.post(f"/t/{first.name}/edit", data=circle, headers={"Accept": "application/json"})
    assert answer.status_code == 409
    assert mission.opened.views.task(first.id).task.title == "A real task"
    assert web.client.post(path, data=fields).status_code == 303
    assert mission.opened.views.task(then.id).task.after == ()


def test_bad_input_is_refused_in_words_and_changes_nothing(web: Web, done: str) -> None:
    before = web.mission.opened.views.activities()
    for fields in ({"title": ""}, {"title": "x", "agents": "nobody"}, {"title": "x", "timeout": "soon"}):
        answer = web.client.post("/tasks", data=fields, headers={"Accept": "application/json"})
        assert answer.status_code in (404, 409, 422)
        assert answer.json()["detail"]
    assert web.mission.opened.views.activities() == before


def test_a_bulk_move_is_all_or_nothing(web: Web, done: str) -> None:
    mission = web.mission
    free = mission.add("true")
    answer = web.client.post(
        "/bulk", data={"event": "retry", "task": [free.name, done]}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 409
    assert mission.opened.views.task(free.id).task.status is Status.INBOX
    answer = web.client.post(
        "/bulk", data={"event": "cancel", "task": [free.name]}, headers={"Accept": "application/json"}
    )
    assert answer.json()["said"] == f"{free.name} is cancelled."


def test_the_metrics_are_those_of_the_command(web: Web, done: str) -> None:
    told = web.mission.command("stats", "--since", "7d", "--json").json
    (total,) = [row for row in table(web.client, "agents") if row["agent"] == "total"]
    assert int(total["ended"]) == told["total"]["executions"]
    assert float(total["success rate"]) == told["total"]["success_rate"]
    assert float(total["took p50"]) == told["total"]["duration_seconds"]["p50"]
    assert sum(int(row["succeeded"]) for row in table(web.client, "throughput")) == told["total"]["succeeded"]
    words = words_of(page(web, "/stats?window=7d"))
    assert f"Attempts ended {told['total']['executions']}" in words


def table(client: httpx.Client, name: str) -> list[dict[str, str]]:
    answer = client.get(f"/stats/{name}.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_prompt_and_the_answer_of_an_attempt_are_shown_where_they_are_there(web: Web, done: str) -> None:
    folder = web.mission.folder.attempt(int(done.removeprefix("T-")), 1)
    assert "Answer of attempt 1" not in page(web, f"/t/{done}")
    (folder / "answer.md").write_text("It is **finished**.")
    (folder / "prompt.md").write_text("You are ada. <b>")
    html = page(web, f"/t/{done}")
    assert "It is <strong>finished</strong>." in html
    assert "You are ada. &lt;b&gt;" in html
    (folder / "answer.md").unlink()
    (folder / "answer.md").symlink_to(web.mission.folder.settings)
    assert "Answer of attempt 1" not in page(web, f"/t/{done}")


def test_no_secret_stands_on_the_health_page(web: Web) -> None:
    secret = web.token()
    html = page(web, "/health")
    assert secret not in html
    assert "python" in words_of(html)


def test_a_board_of_many_tasks_stays_small(web: Web) -> None:
    with web.mission.board.together():
        for _ in range(300):
            web.mission.add("true", to="crowd")
    answer = web.client.get("/?agent=crowd")
    assert answer.text.count('<article class="card"') == 50
    assert "Show 50 more of 250" in words_of(answer.text)
    assert web.client.get("/?agent=crowd&more_inbox=100").text.count('<article class="card"') == 100


def test_the_standup_of_a_day_is_told_and_one_to_come_is_refused(web: Web, done: str) -> None:
    html = page(web, "/standup")
    assert "as things stand" in words_of(html) and 'id="standup"' in html
    past = words_of(page(web, "/standup?day=2026-02-06"))
    assert "Friday, 06 February 2026" in past
    for day in ("2999-01-01", "soon"):
        assert web.client.get("/standup", params={"day": day}).status_code in (400, 422)
