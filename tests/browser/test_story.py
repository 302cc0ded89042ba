"""What a person does at the dashboard, from the first page on, with real agents at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from mission_control.domain.history import CommentKind
from mission_control.domain.task import Status
from mission_control.store import history
from support.browser import Visit
from support.eventually import eventually
from support.real_mission import AT_THE_GATE
from support.resident import Up
from support.web import Web

Open = Callable[..., Visit]


@pytest.fixture
def up(site: Web) -> Iterator[Up]:
    """The squad at work."""
    up = Up(site.mission)
    yield up
    up.close()


def card(page: Page, title: str, status: str) -> object:
    return page.locator(f"#column-{status} .card", has_text=title)


def status(site: Web, task: int) -> Status:
    return site.mission.opened.views.task(task).task.status


def test_somebody_new_adds_an_agent_and_a_task_reads_why_it_failed_mends_it_and_approves_it(
    site: Web, up: Up, visit: Open
) -> None:
    person = visit(site)
    page = person.page
    expect(page.get_by_text("No tasks yet")).to_be_visible()
    page.get_by_role("link", name="Add an agent").click()
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Role").fill("builds things")
    page.get_by_role("button", name="Add agent").click()
    page.get_by_role("heading", name="ada", level=1).wait_for()

    person.wait_until_live()
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Title").fill("Build the release")
    dialog.get_by_label("Agents").fill("ada")
    dialog.get_by_label("Command").fill("echo compiling; echo 'no such target' >&2; exit 3")
    dialog.get_by_label("Attempts").fill("1")
    dialog.get_by_text("A person reviews").click()
    dialog.get_by_role("button", name="Add task").click()
    dialog.wait_for(state="hidden")

    person.go("/")
    page.locator("#column-blocked .card", has_text="Build the release").get_by_role("link").click()
    expect(page.locator("#why")).to_contain_text("exit status 3")
    expect(page.locator(".log")).to_contain_text("no such target")

    page.get_by_role("link", name="Edit").click()
    page.locator("main").get_by_label("Command").fill("echo compiled; echo done")
    page.locator("main").get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#why")).to_contain_text("Waits for your approval")
    expect(page.locator(".log")).to_contain_text("compiled")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#why")).to_contain_text("Done")
    assert status(site, 1) is Status.DONE

    person.go("/stats")
    expect(page.locator("#tiles")).to_contain_text("50%")
    expect(page.locator("#throughput canvas")).to_be_visible()


def test_a_running_task_is_watched_live_and_found_done_without_a_reload(site: Web, up: Up, visit: Open) -> None:
    person = visit(site)
    page = person.page
    person.wait_until_live()
    begun = "printf '\\033[32mgreen\\033[0m light\\n'; echo '<b>not bold</b>'; "
    task = site.mission.add(begun + AT_THE_GATE + "echo the last line", to="ada")
    site.mission.opened.ring()
    page.locator("#column-in_progress .card").get_by_role("link").click()
    expect(page.locator("#why")).to_contain_text("Running since")
    expect(page.locator(".log .ansi-green-fg")).to_have_text("green")
    expect(page.locator(".log")).to_contain_text("<b>not bold</b>")
    page.locator("#say").fill("A thought that is not finished")
    page.locator("#history summary").click()

    site.mission.open_gate()
    expect(page.locator("#why")).to_contain_text("Done")
    expect(page.locator(".log")).to_contain_text("the last line")
    expect(page.locator("#say")).to_have_value("A thought that is not finished")
    expect(page.locator("#history ol")).to_be_visible()
    assert status(site, task.id) is Status.DONE

    page.locator("#log-find").fill("last")
    expect(page.locator("#log-found")).to_have_text("1/1")


def test_a_running_task_is_cancelled_and_nothing_of_it_lives(site: Web, up: Up, visit: Open) -> None:
    task = site.mission.add("sleep 600", to="ada")
    site.mission.opened.ring()
    eventually(lambda: site.mission.executing(task) is not None)
    person = visit(site)
    page = person.go(f"/t/{task.id}")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#why")).to_contain_text("Cancelled")
    assert [process for process in site.mission.processes() if "sleep" in process] == []


def test_work_is_sent_back_with_a_comment_and_a_question_is_answered(site: Web, visit: Open) -> None:
    mission = site.mission
    review = mission.add("true", to="ada", review=True)
    asks = mission.add("exit 1", to="ada")
    mission.beat()
    now = mission.opened.clock.now()
    body = "Which **tenant**?"
    history.add_comment(
        mission.opened.store, asks.id, author="ada", body=body, kind=CommentKind.QUESTION, created_at=now
    )
    person = visit(site)
    page = person.go("/inbox")
    expect(page.locator("#pages .badge")).to_have_text("2")
    page.get_by_role("button", name="Send back").click()
    page.get_by_label("What is missing?").fill("The tests, @ada")
    page.get_by_role("dialog").get_by_role("button", name="Send back").click()
    page.locator(f"#need-{review.id}").wait_for(state="detached")
    page.get_by_label(f"Answer to {asks.name}").fill("The first one")
    page.get_by_role("button", name="Answer").click()
    expect(page.get_by_text("Nothing needs you")).to_be_visible()

    assert {status(site, task.id) for task in (review, asks)} == {Status.INBOX}
    person.go(f"/t/{review.id}")
    expect(page.locator("#thread .mention")).to_have_text("@ada")
    person.wait_until_live()
    page.locator("#say").press_sequentially("Thanks @a")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_have_value("Thanks @ada ")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#thread li")).to_have_count(2)
    expect(page.locator("#say")).to_have_value("")
    person.go(f"/t/{asks.id}")
    expect(page.locator("#thread strong")).to_have_text("tenant")
    expect(page.locator("#thread")).to_contain_text("The first one")


def test_a_card_is_moved_by_drag_and_by_key_and_a_refused_one_goes_back(site: Web, visit: Open) -> None:
    mission = site.mission
    tasks = [mission.add("exit 1", to="ada") for _ in range(2)]
    mission.beat()
    mission.opened.squad.pause("ada", actor="tester")
    person = visit(site)
    person.may_be_refused()
    page = person.page
    drag(page, tasks[0].id, "done")
    expect(page.locator("#toasts")).to_contain_text("nobody can move it to done by hand")
    page.locator(f"#column-blocked #card-{tasks[0].id}").wait_for()
    drag(page, tasks[0].id, "inbox")
    page.locator(f"#column-inbox #card-{tasks[0].id}").wait_for()
    eventually(lambda: status(site, tasks[0].id) is Status.INBOX)

    page.locator(f"#card-{tasks[1].id} .title").focus()
    page.keyboard.press("m")
    page.keyboard.press("i")
    page.locator(f"#column-inbox #card-{tasks[1].id}").wait_for()
    assert status(site, tasks[1].id) is Status.INBOX

    page.locator(f"#card-{tasks[0].id} .title").focus()
    for key in "xjx":
        page.keyboard.press(key)
    expect(page.locator("#picked")).to_have_text("2")
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#bulk").get_by_role("button", name="Cancel").click()
    expect(page.locator("#column-inbox .none")).to_be_visible()
    assert {status(site, task.id) for task in tasks} == {Status.CANCELLED}


def drag(page: Page, task: int, target: str) -> None:
    """Slowly, as a hand does: Sortable looks where the pointer is only when it moves."""
    start = page.locator(f"#card-{task}").bounding_box()
    end = page.locator(f"#column-{target} .cards").bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 60, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 70, start["y"] + 50, steps=4)
    page.mouse.move(end["x"] + 100, end["y"] + 30, steps=8)
    page.locator(".sortable-chosen").first.wait_for()
    page.mouse.move(end["x"] + 104, end["y"] + 34, steps=3)
    page.locator(f"#column-{target} .sortable-ghost").wait_for()
    page.mouse.up()


def test_a_page_outlives_its_server_and_shows_what_happened_meanwhile(site: Web, visit: Open) -> None:
    mission = site.mission
    person = visit(site)
    page = person.page
    person.wait_until_live()
    person.may_be_refused()
    page.keyboard.press("n")
    page.get_by_role("dialog").get_by_label("Title").fill("Half a thought")
    site.end_server()
    page.locator("#live[data-state=lost]").wait_for()
    mission.add("true", to="ada")
    site.start_server(site.port)
    person.wait_until_live()
    page.locator("#column-inbox .card", has_text="A real task").wait_for()
    expect(page.get_by_role("dialog").get_by_label("Title")).to_have_value("Half a thought")


def test_live_updates_wait_while_they_are_paused(site: Web, visit: Open) -> None:
    person = visit(site)
    page = person.page
    person.wait_until_live()
    page.keyboard.press("p")
    site.mission.add("true", to="ada")
    site.mission.opened.ring()
    expect(page.locator("#live")).to_contain_text("paused, ")
    assert page.locator(".card").count() == 0
    page.locator("#live").click()
    page.locator("#column-inbox .card").wait_for()


def test_the_filter_is_in_the_address(site: Web, visit: Open) -> None:
    site.mission.add("true", to="ada")
    site.mission.add("true", to="bob")
    person = visit(site)
    page = person.page
    page.get_by_label("Agent", exact=True).select_option("bob")
    expect(page.locator(".card")).to_have_count(1)
    page.keyboard.press("Escape")
    page.get_by_label("Search in titles").fill("nothing like it")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    assert page.url.endswith("/?q=nothing+like+it&agent=bob")
    page.reload(wait_until="domcontentloaded")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
