"""What the API does, beyond what its description promises: the same as the command, in the same shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from mission_control.domain.access import Scope
from support import promised_shapes as promised
from support.eventually import eventually
from support.promised_shapes import differences
from support.real_mission import AT_THE_GATE
from support.web import Web

PROBLEM = {"type": str, "title": str, "status": int, "detail": str}


def said(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int) -> str:
    """Why, in the words for whoever asked."""
    problem = said(answer, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert list(differences(problem, PROBLEM)) == []
    assert problem["status"] == status
    return str(problem["detail"])


def add(web: Web, title: str = "Write", **fields: Any) -> Any:
    return said(web.client.post("/api/v1/tasks", json={"title": title, **fields}), 201)


@pytest.fixture(scope="module")
def ada(web: Web) -> str:
    """An agent; tasks for her are executed when she gets a heartbeat."""
    said(web.client.post("/api/v1/agents", json={"name": "ada", "slots": 8, "role": "writes"}), 201)
    return "ada"


def tried(web: Web, command: str, **fields: Any) -> str:
    """The id of a task after its first attempt."""
    task: str = add(web, command=command, agents=["ada"], max_attempts=1, **fields)["id"]
    web.mission.beat("ada")
    return task


def test_what_it_shows_has_the_shapes_of_the_command(web: Web, ada: str):
    done = tried(web, "echo said")
    add(web, agents=[ada], command="true")
    shapes: Mapping[str, Any] = {
        "/api/v1/tasks": [promised.TASK_IN_LIST],
        "/api/v1/tasks?all=true&attempts=true": [promised.TASK],
        "/api/v1/tasks/ready": [promised.TASK_IN_LIST],
        f"/api/v1/tasks/{done}": promised.TASK_PAGE,
        f"/api/v1/tasks/{done}/attempts": [promised.ENDED_ATTEMPT],
        f"/api/v1/tasks/{done}/attempts/1": promised.ENDED_ATTEMPT,
        f"/api/v1/tasks/{done}/log": {**promised.ENDED_ATTEMPT, "text": str},
        "/api/v1/agents": [promised.AGENT],
        f"/api/v1/agents/{ada}": promised.AGENT,
        "/api/v1/status": promised.STATUS_PAGE,
        "/api/v1/stats": promised.STATS,
        "/api/v1/activities": [promised.ACTIVITY],
        "/api/v1/logs": [promised.LOG_LINE],
        "/api/v1/tokens": [promised.TOKEN],
        "/api/v1/version": {"missionctl": str, "python": str, "sqlite": str},
        "/api/v1/doctor": promised.DOCTOR,
    }
    for path, shape in shapes.items():
        document = said(web.client.get(path))
        assert list(differences(document, shape)) == [], path
        assert document != [], "an empty list proves nothing"


def test_every_get_of_the_command_says_the_same(web: Web, ada: str):
    done = tried(web, "echo said")
    for words, path in {
        ("task", "show", done): f"/api/v1/tasks/{done}",
        ("task", "list", "--limit", "500"): "/api/v1/tasks?limit=500",
        ("agent", "list"): "/api/v1/agents",
        ("token", "list"): "/api/v1/tokens",
    }.items():
        assert said(web.client.get(path)) == web.mission.command(*words, "--json").json, path


def test_a_task_comes_to_the_board_with_all_that_was_said_of_it(web: Web, ada: str):
    first = add(web, "First")
    fields = {
        "agents": [ada],
        "command": "make test",
        "description": "More",
        "priority": "high",
        "max_attempts": 5,
        "timeout_seconds": 90.5,
        "not_before": "2030-01-01T00:00:00Z",
        "review": True,
        "key": "all-of-it",
    }
    task = add(web, "All of it", after=[first["id"]], **fields)
    assert {name: task[name] for name in fields} == {**fields, "not_before": "2030-01-01T00:00:00.000000Z"}
    assert task["after"] == [first["id"]]
    again = said(web.client.post("/api/v1/tasks", json={"title": "All of it", "key": "all-of-it"}), 200)
    assert again["id"] == task["id"]


def test_many_tasks_come_all_or_none_and_may_wait_for_one_another(web: Web):
    chain = {"tasks": [{"title": "First", "key": "b1"}, {"title": "Second", "after": ["b1"]}]}
    first, second = said(web.client.post("/api/v1/tasks/batch", json=chain), 201)
    assert second["after"] == [first["id"]]
    newest = said(web.client.get("/api/v1/tasks?all=true&limit=1"))
    chain["tasks"].append({"title": "Third", "after": ["T-999999"]})
    refused(web.client.post("/api/v1/tasks/batch", json=chain), 404)
    assert said(web.client.get("/api/v1/tasks?all=true&limit=1")) == newest


def test_pages_follow_one_another_without_gap_or_repetition(web: Web):
    for number in range(7):
        add(web, f"Page {number}", priority=("low", "urgent")[number % 2])
    for query in ("search=Page", "search=Page&all=true", "search=Page&status=inbox"):
        whole = [task["id"] for task in said(web.client.get(f"/api/v1/tasks?{query}"))]
        assert len(whole) == 7
        found, url = [], f"/api/v1/tasks?{query}&limit=3"
        while url:
            answer = web.client.get(url)
            found += [task["id"] for task in said(answer)]
            url = answer.links.get("next", {}).get("url", "")
        assert found == whole, query
    for cursor in ("x", "1", "1.", f"{2**70}.1", ".", "1.1.1"):
        refused(web.client.get("/api/v1/tasks", params={"cursor": cursor}), 422)


def test_who_has_it_already_is_not_sent_it_again(web: Web):
    task = add(web)
    path = f"/api/v1/tasks/{task['id']}"
    tag = web.client.get(path).headers["etag"]
    assert web.client.get(path, headers={"If-None-Match": tag}).status_code == 304
    said(web.client.patch(path, json={"priority": "high"}))
    assert web.client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_change_of_what_has_changed_meanwhile_is_refused(web: Web):
    path = f"/api/v1/tasks/{add(web)['id']}"
    tag = web.client.get(path).headers["etag"]
    said(web.client.patch(path, json={"priority": "high"}, headers={"If-Match": tag}))
    before = said(web.client.get(path))
    for change in (
        web.client.patch(path, json={"title": "Late"}, headers={"If-Match": tag}),
        web.client.delete(path, headers={"If-Match": tag}),
    ):
        assert "changed since" in refused(change, 412)
    assert said(web.client.get(path)) == before


def test_a_change_with_an_idempotency_key_is_made_once(web: Web):
    key = {"Idempotency-Key": "once-1"}
    first = web.client.post("/api/v1/tasks", json={"title": "Once"}, headers=key)
    again = web.client.post("/api/v1/tasks", json={"title": "Once"}, headers=key)
    assert (first.status_code, first.content) == (again.status_code, again.content) == (201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert "another request" in refused(web.client.post("/api/v1/tasks", json={"title": "Other"}, headers=key), 409)
    assert len(said(web.client.get("/api/v1/tasks?search=Once"))) == 1
    with web.program() as other:  # keys of different callers have nothing to do with each other
        assert said(other.post("/api/v1/tasks", json={"title": "Once"}, headers=key), 201)["id"] != first.json()["id"]


def test_what_was_refused_may_be_asked_again_with_the_same_key(web: Web):
    task = add(web)["id"]
    key = {"Idempotency-Key": "after-all"}
    refused(web.client.post(f"/api/v1/tasks/{task}/retry", headers=key), 409)
    said(web.client.post(f"/api/v1/tasks/{task}/cancel"))
    assert said(web.client.post(f"/api/v1/tasks/{task}/retry", headers=key))["status"] == "inbox"


def test_a_persons_moves(web: Web, ada: str):
    blocked = tried(web, "false")
    assert said(web.client.post(f"/api/v1/tasks/{blocked}/answer", json={"text": "Use the other"}))["status"] == "inbox"
    review = tried(web, "true", review=True)
    back = said(web.client.post(f"/api/v1/tasks/{review}/reject", json={"text": "Not yet"}))
    assert (back["status"], back["reason"]) == ("inbox", "Not yet")
    web.mission.beat(ada)
    assert said(web.client.post(f"/api/v1/tasks/{review}/move", json={"status": "done"}))["status"] == "done"
    later = said(web.client.post(f"/api/v1/tasks/{review}/retry", json={"after": "10m"}))
    assert later["not_before"] is not None
    assert "inbox" in refused(web.client.post(f"/api/v1/tasks/{review}/approve"), 409)
    assert [c["kind"] for c in said(web.client.get(f"/api/v1/tasks/{review}/comments"))] == ["rejection"]


def test_a_running_task_that_is_cancelled_ends_at_once(web: Web, ada: str):
    """Its executor is told, and does not have to find out when it renews its lease."""
    attempt = web.mission.start(AT_THE_GATE, to=ada)
    document = said(web.client.post(f"/api/v1/tasks/T-{attempt.task_id}/cancel"))
    assert document["status"] == "in_progress" and document["cancel_requested_at"]
    eventually(lambda: said(web.client.get(f"/api/v1/tasks/T-{attempt.task_id}"))["status"] == "cancelled")


def test_many_are_changed_all_or_none(web: Web):
    ids = [add(web, f"Bulk {number}")["id"] for number in range(3)]
    edited = said(
        web.client.post("/api/v1/bulk", json={"ids": ids, "change": "edit", "fields": {"priority": "urgent"}})
    )
    assert {task["priority"] for task in edited} == {"urgent"}
    refused(web.client.post("/api/v1/bulk", json={"ids": [*ids, "T-999999"], "change": "cancel"}), 404)
    assert {said(web.client.get(f"/api/v1/tasks/{task}"))["status"] for task in ids} == {"inbox"}
    refused(web.client.post("/api/v1/bulk", json={"ids": ids, "change": "move"}), 422)
    assert said(web.client.post("/api/v1/bulk", json={"ids": ids, "change": "delete"}))["deleted"] == ids


def test_dependencies_come_and_go_and_never_in_a_ring(web: Web):
    first, second = add(web)["id"], add(web)["id"]
    assert said(web.client.put(f"/api/v1/tasks/{second}/after/{first}"))["after"] == [first]
    assert "waits for" in refused(web.client.put(f"/api/v1/tasks/{first}/after/{second}"), 409)
    assert said(web.client.delete(f"/api/v1/tasks/{second}/after/{first}"))["after"] == []


def test_the_squad_is_changed_as_by_the_command(web: Web):
    said(web.client.post("/api/v1/agents", json={"name": "cleo"}), 201)
    refused(web.client.post("/api/v1/agents", json={"name": "cleo"}), 409)
    assert said(web.client.patch("/api/v1/agents/cleo", json={"slots": 7}))["slots"] == 7
    assert said(web.client.post("/api/v1/agents/cleo/pause"))["status"] == "paused"
    assert said(web.client.post("/api/v1/agents/@cleo/resume"))["status"] == "idle"
    assert web.mission.folder.soul("cleo").exists()
    assert said(web.client.delete("/api/v1/agents/cleo")) == {"removed": ["cleo"]}
    refused(web.client.get("/api/v1/agents/cleo"), 404)


def test_the_mission_is_paused_and_goes_on(web: Web):
    assert list(differences(said(web.client.post("/api/v1/pause")), promised.PAUSE)) == []
    assert said(web.client.get("/api/v1/status"))["paused"] is not None
    assert said(web.client.post("/api/v1/resume")) == {"paused": None}


def test_a_heartbeat_is_given_by_a_process_of_its_own(web: Web, ada: str):
    task = add(web, command="echo woken", agents=[ada])["id"]
    (rehearsed,) = said(web.client.post("/api/v1/heartbeats", json={"agents": [ada], "dry_run": True}))
    assert task in [would["id"] for would in rehearsed["would_start"]]
    (report,) = said(web.client.post("/api/v1/heartbeats", json={"agents": [ada]}))
    assert task in [attempt["task"] for attempt in report["started"]]
    eventually(lambda: said(web.client.get(f"/api/v1/tasks/{task}"))["status"] == "done")
    assert "nobody" in refused(web.client.post("/api/v1/heartbeats", json={"agents": ["nobody"]}), 404)
    refused(web.client.post("/api/v1/heartbeats", json={"agents": ["--all"]}), 422)


def test_a_token_is_told_once_and_works_until_it_is_revoked(web: Web):
    made = said(web.client.post("/api/v1/tokens", json={"name": "ci", "scope": "read", "expires": "1d"}), 201)
    assert all(made["token"] not in str(shown) for shown in said(web.client.get("/api/v1/tokens")))
    with web.anonymous(Authorization=f"Bearer {made['token']}") as program:
        said(program.get("/api/v1/tasks"))
        said(web.client.delete("/api/v1/tokens/ci"))
        refused(program.get("/api/v1/tasks"), 401)


def test_an_agent_may_add_and_say_and_no_more(web: Web):
    with web.program(Scope.AGENT) as agent:
        task = said(agent.post("/api/v1/tasks", json={"title": "A subtask"}), 201)["id"]
        own = said(agent.post(f"/api/v1/tasks/{task}/comments", json={"text": "Begun"}), 201)
        assert own["author"].startswith("agent-")
        refused(agent.post(f"/api/v1/tasks/{task}/comments", json={"text": "Hello", "author": "ada"}), 409)
        for method, path in (("DELETE", ""), ("PATCH", ""), ("POST", "/retry"), ("POST", "/approve")):
            assert "scope admin" in refused(agent.request(method, f"/api/v1/tasks/{task}{path}", json={}), 403)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"title": ""}, "empty"),
        ({"title": "x" * 501}, "501 characters"),
        ({"title": 5}, "title"),
        ({"title": "x", "color": "red"}, "color"),
        ({"title": "x", "priority": "immediately"}, "priority"),
        ({"title": "x", "timeout_seconds": 1e300}, "timeout_seconds"),
        ({"title": "x", "max_attempts": 0}, "max-attempts"),
        ({"title": "x", "not_before": "soon"}, "soon"),
        ({"title": "x", "agents": ["Not A Name"]}, "agent name"),
        ({"title": "\ud800"}, "title"),
    ],
)
def test_bad_input_is_refused_with_its_reason_and_changes_nothing(web: Web, body: Any, word: str):
    before = said(web.client.get("/api/v1/activities?limit=1"))
    content = json.dumps(body).encode()
    answer = web.client.post("/api/v1/tasks", content=content, headers={"Content-Type": "application/json"})
    assert word in refused(answer, 422)
    assert said(web.client.get("/api/v1/activities?limit=1")) == before


def test_only_json_is_taken(web: Web):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"Content-Type": kind}
        refused(web.client.post("/api/v1/tasks", content=b'{"title": "x"}', headers=headers), 422)


def test_metrics_tell_the_board_in_few_series(web: Web, ada: str):
    tried(web, "true")
    web.client.get("/metrics")  # counted once it is answered
    text = web.client.get("/metrics").text
    assert 'missionctl_tasks{status="done"}' in text
    assert float(text.partition('missionctl_attempts_total{outcome="succeeded"} ')[2].partition("\n")[0]) >= 1
    assert 'missionctl_http_requests_total{answer="2xx",method="GET"}' in text
    web.client.request("BREW", "/api/v1/tasks")
    assert "BREW" not in web.client.get("/metrics").text
    assert len(text.splitlines()) < 100


def test_health_tells_nothing_of_the_mission(web: Web):
    with web.anonymous() as somebody:
        assert said(somebody.get("/healthz")) == {"status": "ok"}
