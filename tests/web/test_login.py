"""Logging in: a link that works once, a token, the cookie; who fails too often waits."""

from __future__ import annotations

import re

from mission_control.domain.access import Scope
from mission_control.interfaces.web.login import MOST_FAILURES, WITHIN_SECONDS, Throttle, _inside, _secret_in
from support.web import Web, words_of


def test_a_link_logs_in_once_and_leads_inside(web: Web):
    link = web.login_link()
    with web.anonymous() as browser, web.anonymous() as late:
        first = browser.get(link + "&next=/healthz")
        assert (first.status_code, first.headers["location"]) == (303, "/healthz")
        assert browser.get("/api/v1/openapi.json").status_code == 200
        second = late.get(link)
        assert second.status_code == 403
        assert "not valid" in words_of(second.text)
        assert late.get("/api/v1/openapi.json").status_code == 401


def test_the_cookie_is_for_this_server_alone_and_no_script_reads_it(web: Web):
    with web.anonymous() as browser:
        cookie = browser.get(web.login_link()).headers["set-cookie"]
    name, *facts = (part.strip().lower() for part in cookie.split(";"))
    assert name.startswith(f"mission-control-{web.port}=mcs_")
    assert {"httponly", "samesite=strict", "path=/"} <= set(facts)
    assert not any(fact.startswith("domain") for fact in facts)


def test_a_token_or_a_pasted_link_logs_in_with_the_scope_it_has(web: Web):
    for secret in (web.token(Scope.READ), web.login_link()):
        with web.anonymous(Origin=web.base_url) as browser:
            answer = browser.post("/login", data={"secret": secret, "next": "/healthz"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/healthz")
            assert browser.get("/api/v1/openapi.json").status_code == 200


def test_a_session_ends_with_the_token_it_came_from(web: Web):
    access = web.mission.opened.access
    _, secret = access.add_token("lent", Scope.READ, actor="test")
    with web.anonymous(Origin=web.base_url) as browser:
        browser.post("/login", data={"secret": secret})
        assert browser.get("/api/v1/openapi.json").status_code == 200
        access.revoke("lent", actor="test")
        assert browser.get("/api/v1/openapi.json").status_code == 401


def test_logging_out_ends_the_session_not_only_the_cookie(web: Web):
    with web.log_in() as browser:
        (cookie,) = browser.cookies.jar
        assert browser.post("/logout").headers["location"] == "/login"
        with web.anonymous(Cookie=f"{cookie.name}={cookie.value}") as thief:
            assert thief.get("/api/v1/openapi.json").status_code == 401


def test_the_csrf_token_may_also_come_in_a_form(web: Web):
    with web.log_in() as browser:
        proof = browser.headers.pop("X-CSRF-Token")
        assert browser.post("/logout", data={"csrf_token": proof[:-1]}).status_code == 403
        assert browser.post("/logout", data={"csrf_token": proof}).status_code == 303


def test_a_person_without_a_key_is_led_to_the_log_in_and_back(web: Web):
    with web.anonymous(Accept="text/html,*/*") as browser:
        answer = browser.get("/tasks?status=blocked")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Ftasks%3Fstatus%3Dblocked")
        page = browser.get(answer.headers["location"])
        assert 'value="/tasks?status=blocked"' in page.text
        assert browser.get('/login?next=/"><script>').text.count("<script") == 0


def test_the_log_in_page_needs_nothing_that_is_not_there(web: Web):
    with web.anonymous() as browser:
        page = browser.get("/login").text
        wanted = re.findall(r'(?:href|src)="([^"]+)"', page)
        assert wanted
        assert {browser.get(path).status_code for path in wanted} == {200}


def test_nobody_is_led_to_another_server():
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "", None, "/a\nb"):
        assert _inside(elsewhere) == "/"
    assert _inside("/tasks?x=//y") == "/tasks?x=//y"


def test_a_pasted_link_is_as_good_as_its_secret():
    for text in ("mcl_x", "http://127.0.0.1:7777/login?link=mcl_x", "http://localhost:1/login?link=mcl_x&next=/"):
        assert _secret_in(text) == "mcl_x"


def test_who_fails_too_often_waits():
    seconds = [0.0]
    throttle = Throttle(lambda: seconds[0])
    for _ in range(MOST_FAILURES):
        assert throttle.seconds_left() == 0
        throttle.note_failure()
    assert throttle.seconds_left() == WITHIN_SECONDS
    seconds[0] = WITHIN_SECONDS - 0.5
    assert throttle.seconds_left() == 1
    seconds[0] = WITHIN_SECONDS
    assert throttle.seconds_left() == 0


def test_many_wrong_log_ins_are_refused_for_a_while_and_keys_work_on(web: Web):
    with web.anonymous(Origin=web.base_url) as browser:
        codes = [browser.post("/login", data={"secret": "mcl_wrong"}).status_code for _ in range(MOST_FAILURES + 1)]
        assert codes[-1] == 429
        assert set(codes) <= {403, 429}
    assert web.client.get("/api/v1/openapi.json").status_code == 200


def test_no_secret_stands_in_the_log_or_the_database(web: Web):
    secret = web.token()
    with web.anonymous(Authorization=f"Bearer {secret}") as program:
        program.get("/api/v1/openapi.json")
    kept = b"".join(path.read_bytes() for path in web.mission.home.rglob("*") if path.is_file())
    assert secret.encode() not in kept
