"""Who comes in: hosts, origins, keys, scopes, CSRF tokens; for every route there is, whoever adds one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.routing import BaseRoute, Mount, Route

from mission_control.domain.access import Scope
from mission_control.domain.attempt import Outcome
from mission_control.interfaces.web.application import application
from mission_control.interfaces.web.missions import OpenMissions
from mission_control.interfaces.web.permissions import SAFE_METHODS, asks_for_attempts_key, is_open, needed_scope
from mission_control.interfaces.web.places import places_of
from support.factories import ending, process
from support.web import Web

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def never_opened():
    raise AssertionError("routes are listed without a mission")


def paths_of(routes: list[BaseRoute], before: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount):
            yield f"{before}{route.path}/x"
            yield from paths_of(list(route.routes), before + route.path)
        else:
            assert isinstance(route, Route), "a kind of route that this walk does not see"
            yield before + route.path


def every_path() -> list[str]:
    """Of the application as it is served, with something in the place of each parameter."""
    gate = application(OpenMissions(never_opened), places_of("127.0.0.1", 7777))
    found = {path.replace("{", "").replace("}", "") for path in paths_of(list(gate.app.routes))}
    return sorted(found | {"/no/such/page"})


ROUTES = [(method, path) for path in every_path() for method in METHODS]
LOCKED = [(method, path) for method, path in ROUTES if not is_open(method, path, open_metrics=False)]
OF_PEOPLE_AND_PROGRAMS = [(method, path) for method, path in LOCKED if not asks_for_attempts_key(path)]


def test_the_walk_sees_the_routes():
    assert {"/login", "/logout", "/healthz", "/static/x"} <= {path for _, path in ROUTES}


def test_nothing_is_open_but_what_shows_nothing():
    assert {(method, path) for method, path in ROUTES if is_open(method, path, open_metrics=False)} == {
        ("GET", "/healthz"),
        ("HEAD", "/healthz"),
        ("GET", "/login"),
        ("HEAD", "/login"),
        ("POST", "/login"),
        ("GET", "/static/x"),
        ("HEAD", "/static/x"),
    }


def test_without_a_key_nothing_is_answered(web: Web):
    with web.anonymous(Origin=web.base_url) as nobody:
        for method, path in LOCKED:
            assert nobody.request(method, path).status_code == 401, (method, path)


def test_a_wrong_key_is_no_key(web: Web):
    wrong = ("Bearer mct_wrong", "Bearer", "Basic YTpi", f"Bearer {'x' * 5000}", "Bearer \x80\xff")
    for authorization in wrong:
        with web.anonymous(Origin=web.base_url) as nobody:
            headers: Any = {"Authorization": authorization.encode("latin-1")}
            assert nobody.get("/api/v1/openapi.json", headers=headers).status_code == 401, authorization


def test_a_session_is_no_bearer_and_a_token_is_no_cookie(web: Web):
    (cookie,) = web.client.cookies.jar
    with web.anonymous(Authorization=f"Bearer {cookie.value}") as stranger:
        assert stranger.get("/api/v1/openapi.json").status_code == 401
    with web.anonymous(Cookie=f"{cookie.name}={web.token()}") as stranger:
        assert stranger.get("/api/v1/openapi.json").status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", "127.0.0.1:{port}.", "[::1]"]
)
def test_a_foreign_host_is_answered_nothing_whatever_key_it_has(web: Web, host: str):
    for method, path in ROUTES:
        answer = web.client.request(method, path, headers={"Host": host.format(port=web.port)})
        assert answer.status_code == 421, (method, path)


def test_known_hosts_are_answered(web: Web):
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert web.client.get("/healthz", headers={"Host": f"{host}:{web.port}"}).status_code == (
            200 if host == "127.0.0.1" else 403  # the client's own origin is another
        )
        with web.anonymous(Host=f"{host}:{web.port}") as somebody:
            assert somebody.get("/healthz").status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
def test_a_foreign_origin_is_answered_nothing_whatever_key_it_has(web: Web, origin: str):
    with web.program() as program:
        for client in (web.client, program):
            for method, path in ROUTES:
                answer = client.request(method, path, headers={"Origin": origin.format(port=web.port)})
                assert answer.status_code == 403, (method, path)


def test_pages_of_others_may_link_here_and_nothing_else(web: Web):
    """Browsers say so also where they send no origin, as for an image; a port of this machine is `same-site`."""
    with web.log_in() as browser:
        del browser.headers["Origin"]
        for site in ("cross-site", "same-site"):
            for method, path in ROUTES:
                answer = browser.request(method, path, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"})
                assert answer.status_code == 403, (method, path)
            followed = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
            assert browser.get("/login", headers=followed).status_code == 200
            assert browser.post("/logout", headers=followed).status_code == 403


def test_a_browser_changes_nothing_without_the_token_of_its_page(web: Web):
    with web.log_in() as browser:
        for given in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": "\xff"}):
            browser.headers.pop("X-CSRF-Token", None)
            headers: Any = {name: value.encode("latin-1") for name, value in given.items()}
            for method, path in OF_PEOPLE_AND_PROGRAMS:
                if method not in SAFE_METHODS:
                    assert browser.request(method, path, headers=headers).status_code == 403, (method, path)


def test_a_change_of_a_browser_names_its_origin(web: Web):
    with web.log_in() as browser:
        del browser.headers["Origin"]
        for method, path in ROUTES:
            if method not in SAFE_METHODS:
                assert browser.request(method, path).status_code == 403, (method, path)


@pytest.mark.parametrize("scope", [Scope.READ, Scope.AGENT])
def test_a_smaller_scope_is_refused_whatever_needs_a_larger_one(web: Web, scope: Scope):
    with web.program(scope) as program:
        refused = [route for route in OF_PEOPLE_AND_PROGRAMS if not scope.includes(needed_scope(*route))]
        assert refused
        for method, path in refused:
            answer = program.request(method, path)
            assert answer.status_code == 403, (method, path)
            assert "scope" in answer.text or method == "HEAD"


def test_a_revoked_token_is_refused_at_once(web: Web):
    access = web.mission.opened.access
    _, secret = access.add_token("for-a-while", Scope.READ, actor="test")
    with web.anonymous(Authorization=f"Bearer {secret}") as program:
        assert program.get("/api/v1/openapi.json").status_code == 200
        access.revoke("for-a-while", actor="test")
        assert program.get("/api/v1/openapi.json").status_code == 401


def test_every_answer_keeps_browsers_careful(web: Web):
    for path in ("/login", "/healthz", "/no/such/page", "/static/login.css"):
        headers = web.client.get(path).headers
        assert "'unsafe" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_a_body_beyond_all_measure_is_refused(web: Web):
    with web.program() as program:
        assert program.post("/logout", content=b"x" * 4_000_001).status_code == 413

    def endless() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with web.log_in() as browser:
        del browser.headers["X-CSRF-Token"]
        try:
            assert browser.post("/logout", content=endless(), headers=form).status_code == 413
        except httpx.WriteError:
            pass  # the server hung up before all was sent


def test_the_key_of_an_attempt_opens_the_tools_and_nothing_else(web: Web):
    task = web.mission.add("true")
    claim = web.mission.board.claim_task(task.id, "ada", claimer=process())
    web.mission.board.start(claim.lease, process())
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepts = {"Accept": "application/json, text/event-stream"}
    with web.anonymous(Authorization=f"Bearer {claim.key}") as agent:
        told = agent.post("/mcp/", json=asked, headers=accepts)
        assert "hand_off" in {tool["name"] for tool in told.json()["result"]["tools"]}, told.text
        assert agent.get("/api/v1/tasks").status_code == agent.get("/").status_code == 401
        web.mission.board.finish(claim.lease, ending(Outcome.CANCELLED))
        assert agent.post("/mcp/", json=asked, headers=accepts).status_code == 401
    with web.program(Scope.ADMIN) as program:
        assert program.post("/mcp/", json=asked, headers=accepts).status_code == 401
    assert claim.key not in web.complaints()
