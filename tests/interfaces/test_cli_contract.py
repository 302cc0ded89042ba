"""What scripts rely on, for every command: with --json one document of the promised keys, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
import pytest

from mission_control.board import Claim
from mission_control.domain.access import Scope
from mission_control.domain.attempt import Attempt, Outcome
from mission_control.domain.task import Task
from mission_control.execution import process
from mission_control.routines import NewRoutine
from mission_control.squad import NewAgent
from support import promised_shapes as promised
from support.command import Answer, Command
from support.crontab import fake_crontab
from support.eventually import eventually
from support.every_command import every_command
from support.factories import PERSON, ending
from support.promised_shapes import differences
from support.real_mission import AT_THE_GATE, RealMission
from support.receiver import Receiver

LEGACY = Path(__file__).parents[2] / "examples" / "legacy"
ALWAYS = {0, 2}
YEARLY = "0_3_1_1_*"  # a schedule as one word
WITHOUT_A_MISSION = 5


@dataclass(frozen=True)
class Contract:
    """A call that works and what it gives; for every other exit code a call that ends with it.

    Calls may hold `{names}` of the stage. 2 and 5 are what every command ends with: those calls are the same for all.
    """

    call: str
    gives: Any
    ends: Mapping[int, str] = field(default_factory=dict)
    inside: bool = False  # the call that works comes from an agent at work; what ends with 6 from nobody


CONTRACTS: Mapping[str, Contract] = {
    "init": Contract("init {folder}", {"home": str, "agents": [str]}, {4: "init {home}"}),
    "demo": Contract("demo {folder}", promised.DEMO, {4: "demo {home}"}),
    "task add": Contract(
        "task add Title --to {agent} --command true", promised.TASK, {3: "task add Title --to nobody --command true"}
    ),
    "task list": Contract("task list", [promised.TASK_IN_LIST], {3: "task list --agent nobody"}),
    "task ready": Contract("task ready --agent {busy}", [promised.TASK_IN_LIST], {3: "task ready --agent nobody"}),
    "task show": Contract("task show {done}", promised.TASK_PAGE, {3: "task show T-999999"}),
    "task logs": Contract(
        "task logs {done}", {**promised.ENDED_ATTEMPT, "text": str}, {3: "task logs {inbox} --attempt 1"}
    ),
    "task edit": Contract(
        "task edit {inbox} --priority high",
        promised.TASK,
        {3: "task edit {inbox} --to nobody", 4: "task edit {failed_once} --max-attempts 1"},
    ),
    "task depend": Contract(
        "task depend {inbox} --on {inbox}",
        promised.TASK,
        {3: "task depend {inbox} --on T-999999", 4: "task depend {done} --on {inbox}"},
    ),
    "task retry": Contract("task retry {blocked}", promised.TASK, {3: "task retry T-999999", 4: "task retry {inbox}"}),
    "task cancel": Contract("task cancel {inbox}", promised.TASK, {3: "task cancel T-999999", 4: "task cancel {done}"}),
    "task approve": Contract(
        "task approve {review}", promised.TASK, {3: "task approve T-999999", 4: "task approve {inbox}"}
    ),
    "task reject": Contract(
        "task reject {review} why", promised.TASK, {3: "task reject T-999999 why", 4: "task reject {inbox} why"}
    ),
    "task answer": Contract(
        "task answer {blocked} yes", promised.TASK, {3: "task answer T-999999 yes", 4: "task answer {inbox} yes"}
    ),
    "task comment": Contract("task comment {inbox} text", promised.COMMENT, {3: "task comment T-999999 text"}),
    "task move": Contract(
        "task move {review} done", promised.TASK, {3: "task move T-999999 done", 4: "task move {inbox} done"}
    ),
    "task delete": Contract(
        "task delete {inbox} --yes",
        {"deleted": [promised.TASK_ID], "dry_run": bool},
        {3: "task delete T-999999 --yes", 4: "task delete {live} --yes"},
    ),
    "task wait": Contract(
        "task wait {done}",
        promised.TASK,
        {1: "task wait {blocked}", 3: "task wait T-999999", 124: "task wait {inbox} --timeout 100ms"},
    ),
    "agent add": Contract("agent add {new_name} --role tests", promised.AGENT, {4: "agent add {agent}"}),
    "agent list": Contract("agent list", [promised.AGENT]),
    "agent show": Contract("agent show {agent}", promised.AGENT, {3: "agent show nobody"}),
    "agent edit": Contract("agent edit {agent} --slots 2", promised.AGENT, {3: "agent edit nobody --slots 2"}),
    "agent pause": Contract(
        "agent pause {agent}",
        promised.AGENT,
        {3: "agent pause nobody", 124: "agent pause gil --drain --timeout 100ms"},
    ),
    "agent resume": Contract("agent resume {agent}", promised.AGENT, {3: "agent resume nobody"}),
    "agent remove": Contract(
        "agent remove {agent}", {"removed": [str]}, {3: "agent remove nobody", 4: "agent remove {busy}"}
    ),
    "routine add": Contract(
        "routine add Title --every {yearly} --to {agent} --command true",
        promised.ROUTINE,
        {3: "routine add Title --every {yearly} --to nobody --command true"},
    ),
    "routine list": Contract("routine list", [promised.ROUTINE]),
    "routine show": Contract("routine show {routine}", promised.ROUTINE_PAGE, {3: "routine show R-999999"}),
    "routine edit": Contract(
        "routine edit {routine} --title New", promised.ROUTINE, {3: "routine edit R-999999 --title New"}
    ),
    "routine pause": Contract("routine pause {routine}", promised.ROUTINE, {3: "routine pause R-999999"}),
    "routine resume": Contract("routine resume {routine}", promised.ROUTINE, {3: "routine resume R-999999"}),
    "routine remove": Contract(
        "routine remove {routine}", {"removed": [promised.ROUTINE_ID]}, {3: "routine remove R-999999"}
    ),
    "routine run": Contract("routine run {routine}", promised.TASK, {3: "routine run R-999999"}),
    "agent memory": Contract("agent memory {agent}", promised.MEMORY_NOW, {3: "agent memory {agent} --version 1"}),
    "heartbeat": Contract("heartbeat {busy} --wait", [promised.REPORT], {3: "heartbeat nobody"}),
    "run": Contract(
        "run {inbox}",
        promised.TASK,
        {1: "run --agent {agent} -- false", 3: "run {inbox} --agent nobody", 4: "run {done}"},
    ),
    "runner list": Contract("runner list", [promised.RUNNER]),
    "runner show": Contract("runner show claude", promised.RUNNER, {3: "runner show nobody"}),
    "runner test": Contract("runner test mock", promised.TRIAL, {3: "runner test nobody"}),
    "up": Contract("up --detach --home {elsewhere}", promised.UP, {4: "up --home {up}"}),
    "down": Contract("down --home {up}", promised.DOWN, {124: "down --drain --timeout 100ms"}),
    "web link": Contract("web link --home {up}", {"url": str}, {4: "web link"}),
    "web open": Contract("web open --home {up}", {"opened": bool, "url": (str, None)}, {4: "web open"}),
    "token add": Contract(
        "token add {new_name} --scope read --expires 30d",
        {**promised.TOKEN, "token": str},
        {4: "token add {token} --scope read"},
    ),
    "token list": Contract("token list", [promised.TOKEN]),
    "token revoke": Contract("token revoke {token}", {"revoked": [str]}, {3: "token revoke nobody"}),
    "pause": Contract("pause --home {elsewhere}", promised.PAUSE),
    "resume": Contract("resume --home {elsewhere}", promised.PAUSE),
    "inbox": Contract("inbox --as {mentioned}", [promised.CALL]),
    "status": Contract("status", promised.STATUS_PAGE),
    "top": Contract("top", promised.TOP),
    "stats": Contract("stats", promised.STATS, {3: "stats --agent nobody"}),
    "standup": Contract("standup", promised.STANDUP),
    "logs": Contract("logs", [promised.LOG_LINE], {3: "logs nobody"}),
    "events": Contract("events", [promised.ACTIVITY], {3: "events --agent nobody"}),
    "service show": Contract("service show", {**promised.SERVICE, "text": str}),
    "service install": Contract(
        "service install --no-start", promised.SERVICE_DEED, {4: "service install --no-start --name {foreign_service}"}
    ),
    "service remove": Contract(
        "service remove --dry-run --name {own_service}",
        promised.SERVICE_DEED,
        {3: "service remove --yes --name {new_name}", 4: "service remove --yes --name {foreign_service}"},
    ),
    "cron show": Contract("cron show", promised.CRON, {3: "cron show nobody"}),
    "cron install": Contract("cron install {agent} --yes", promised.CRON_CHANGE, {3: "cron install nobody --yes"}),
    "cron remove": Contract("cron remove --yes", promised.CRON_CHANGE, {3: "cron remove nobody --yes"}),
    "cron rollback": Contract(
        "cron rollback --to {settings} --dry-run", promised.CRON_CHANGE, {3: "cron rollback --to {folder} --yes"}
    ),
    "notify add": Contract(
        "notify add http://127.0.0.1:9/ --name {new_name}",
        {**promised.CHANNEL, "secret": (str, None)},
        {4: "notify add http://127.0.0.1:9/ --name {channel}"},
    ),
    "notify list": Contract("notify list --home {told}", [promised.CHANNEL]),
    "notify remove": Contract("notify remove {channel}", {"removed": [str]}, {3: "notify remove nobody"}),
    "notify test": Contract(
        "notify test {listening}",
        [{"name": str, "ok": bool, "error": (str, None)}],
        {1: "notify test {channel}", 3: "notify test nobody"},
    ),
    "prune": Contract("prune --attempts 1d --yes", {"folders": int, "files": int, "activities": int, "dry_run": bool}),
    "doctor": Contract("doctor", promised.DOCTOR, {7: "doctor --home {damaged}"}),
    "backup make": Contract("backup make {folder}", promised.BACKUP_MADE),
    "backup list": Contract("backup list", [promised.BACKUP]),
    "restore": Contract(
        "--home {empty} restore {backup} --dry-run",
        promised.RESTORED,
        {3: "restore --finish", 4: "restore {backup} --yes"},
    ),
    "export": Contract("export {folder}", promised.EXPORTED, {4: "export {legacy}"}),
    "import": Contract("import {legacy}", promised.IMPORT),
    "progress": Contract("progress half --percent 50", promised.ATTEMPT, {6: "progress half"}, inside=True),
    "ask": Contract("ask which?", promised.COMMENT, {6: "ask which?"}, inside=True),
    "hand-off": Contract("hand-off {agent} note", promised.TASK, {6: "hand-off {agent} note"}, inside=True),
    "attach": Contract("attach {settings}", [promised.ATTACHMENT], {6: "attach {settings}"}, inside=True),
    "remember": Contract("remember text", promised.MEMORY, {6: "remember text"}, inside=True),
    "prime": Contract("prime", {"text": str}),
    "mcp": Contract(
        "mcp",
        [{"name": str, "description": str, "parameters": dict}],
    ),
    "completion": Contract("completion bash", {"shell": str, "script": str}),
    "version": Contract("version", {"missionctl": str, "python": str, "sqlite": str}),
}
SHORTCUTS = {"add": "task add", "ls": "task list", "show": "task show", "ready": "task ready"} | {
    name: f"task {name}" for name in ("retry", "cancel")
}
CHANGES_OF_CRON = ("install", "remove", "rollback")
FROM_INSIDE = "tests/interfaces/test_cli_inside.py"
# Codes that need more than one call: who proves them.
PROVED_ELSEWHERE = {
    **{(f"task {verb}", 6): FROM_INSIDE for verb in ("add", "comment", "list", "show")},
    ("mcp", 6): "tests/interfaces/test_mcp.py",
    ("ask", 4): FROM_INSIDE,
    ("hand-off", 3): FROM_INSIDE,
    ("hand-off", 4): FROM_INSIDE,
    ("attach", 3): FROM_INSIDE,
    ("demo", 1): "tests/ops/test_demo.py",
    ("task delete", 1): "tests/interfaces/test_cli_terminal.py, for only a terminal can be asked",
    ("status", 7): "below",
    ("prune", 1): "tests/ops/test_retention.py, at a terminal",
    ("runner test", 1): "tests/interfaces/test_cli_runner.py, with runners that do not work",
    ("service install", 1): "tests/interfaces/test_cli_service.py, with a systemctl that fails",
    ("service remove", 1): "tests/interfaces/test_cli_service.py, for only a terminal can be asked",
    **{(f"cron {verb}", 1): "tests/interfaces/test_cli_cron.py, at a terminal" for verb in CHANGES_OF_CRON},
    **{
        (f"cron {verb}", 4): "tests/interfaces/test_cli_cron.py, edited by hand"
        for verb in ("show", "install", "remove")
    },
    ("cron rollback", 4): "tests/ops/test_crontab_program.py, changed meanwhile",
}
# Those that tell what they did although the time was over.
TELLS = {(124, "agent pause"), (124, "down")}
ENDS = [(name, code) for name, contract in CONTRACTS.items() for code in contract.ends]
# restore puts a mission where there is none; that it ends with 5 for a damaged backup is proved in test_backup.py.
NEEDS_A_MISSION = [
    " ".join(words)
    for words, command in every_command()
    if WITHOUT_A_MISSION in command.exits and words != ("restore",)
]


class Stage(Mapping[str, str]):
    """What the calls are about. All but `live` is new each time it is asked for: a task, an agent, a folder."""

    def __init__(self, home: Path) -> None:
        self.mission = RealMission(home)
        self.mission.command = Command(home, {"PATH": fake_crontab(home.parent / "cron").path, "BROWSER": "true %s"})
        self.live = self.mission.start(AT_THE_GATE, to="gil")
        self.damaged = _folder_with_a_damaged_database(home.parent / "damaged")
        self.newer = _folder_with_a_newer_database(home.parent / "newer")
        self.backup = self.mission.command("backup", "--json").json["path"]
        self.receiver = Receiver()
        self._made = 0
        self._others: list[Path] = []
        self._at_work: list[Claim] = []
        self._make: Mapping[str, Callable[[], object]] = {
            "home": lambda: home,
            "folder": lambda: home.parent / self._new_name(),
            "elsewhere": self._other_mission,
            "up": self._mission_that_is_up,
            "token": self._token,
            "legacy": lambda: LEGACY,
            "settings": lambda: home / "mission.toml",
            "channel": lambda: self._channel("http://127.0.0.1:9/"),  # where nobody listens
            "told": self._mission_with_a_channel,
            "listening": lambda: self._channel(self.receiver.url),
            "backup": lambda: self.backup,
            "empty": self._empty_folder,
            "damaged": lambda: self.damaged,
            "new_name": self._new_name,
            "agent": self._agent,
            "busy": self._agent_with_a_task,
            "live": lambda: f"T-{self.live.task_id}",
            "inbox": lambda: self._task("true").name,
            "done": lambda: self._tried("echo done"),
            "review": lambda: self._tried("true", review=True),
            "blocked": lambda: self._tried("false", expect=1),
            "own_service": self._own_service,
            "foreign_service": self._foreign_service,
            "yearly": lambda: YEARLY,
            "routine": self._routine,
            "mentioned": self._mentioned,
            "at_work": self._key_of_an_attempt,
            "failed_once": lambda: self._tried("false", max_attempts=3, expect=1),
        }

    def __getitem__(self, name: str) -> str:
        return str(self._make[name]())

    def __iter__(self) -> Iterator[str]:
        return iter(self._make)

    def __len__(self) -> int:
        return len(self._make)

    def __call__(self, call: str, *, expect: int = 0, inside: bool = False) -> Answer:
        """The call with --json, carried out in the mission; `inside`: by an agent at work."""
        words = [word.replace("_", " ") if word == YEARLY else word for word in call.format_map(self).split()]
        environment: dict[str, Any] = {"MISSIONCTL_KEY": self["at_work"]} if inside else {}
        return self.mission.command("--json", *words, expect=expect, **environment)

    def close(self) -> None:
        for home in self._others:
            Command(home)("down")
        self.mission.open_gate()
        self.mission.ended(self.live)
        for claim in self._at_work:
            self.mission.board.finish(claim.lease, ending(Outcome.CANCELLED))
        self.mission.close()
        self.receiver.close()

    def _new_name(self) -> str:
        self._made += 1
        return f"new{self._made}"

    def _other_mission(self) -> Path:
        """Another mission, for what would start or hold the tasks of this one."""
        home = self.mission.home.parent / self._new_name()
        Command(home)("init", home)
        self._others.append(home)
        return home

    def _mission_that_is_up(self) -> Path:
        home = self._other_mission()
        Command(home)("up", "--detach")
        return home

    def _empty_folder(self) -> Path:
        """Where nothing runs, so that a backup may be put there."""
        made = self.mission.home.parent / self._new_name()
        made.mkdir()
        return made

    def _agent(self) -> str:
        name = self._new_name()
        self.mission.opened.squad.add(NewAgent(name=name), actor=PERSON)
        return name

    def _agent_with_a_task(self) -> str:
        name = self._new_name()
        self._task("true", to=name)
        return name

    def _token(self) -> str:
        name = self._new_name()
        self.mission.opened.access.add_token(name, Scope.READ, actor=PERSON)
        return name

    def _routine(self) -> str:
        new = NewRoutine("Routine", YEARLY.replace("_", " "), (self._agent(),), command="true")
        return self.mission.opened.routines.add(new, actor=PERSON).name

    def _mentioned(self) -> str:
        name = self._new_name()
        self.mission.board.comment(self._task("true").id, f"@{name}, look", actor=PERSON)
        return name

    def _key_of_an_attempt(self) -> str:
        """Of one that is live as long as the stage."""
        task = self._task("true", to=self._new_name())
        claim = self.mission.board.claim_task(task.id, task.agents[0], claimer=process.own_identity())
        self.mission.board.start(claim.lease, process.own_identity())
        self._at_work.append(claim)
        return claim.key

    def _mission_with_a_channel(self) -> Path:
        home = self._other_mission()
        Command(home)("notify", "add", self.receiver.url)
        return home

    def _channel(self, url: str) -> str:
        """One that hears of nothing that these calls do."""
        return str(self.mission.command("notify", "add", url, "--on", "standup", "--json").json["name"])

    def _task(self, command: str, *, to: str = "ada", **fields: Any) -> Task:
        return self.mission.add(command, to=to, **fields)

    def _own_service(self) -> str:
        return str(self.mission.command("service", "install", "--no-start", "--json").json["name"])

    def _foreign_service(self) -> str:
        """The name of a service that somebody else has made."""
        shown = self.mission.command("service", "show", "--json", "--name", self._new_name()).json
        path = Path(shown["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of somebody else")
        return str(shown["name"])

    def _tried(self, command: str, *, expect: int = 0, **fields: Any) -> str:
        """A task after its first attempt."""
        task = self._task(command, **fields)
        self.mission.command("run", task.name, expect=expect)
        return task.name


def _folder_with_a_damaged_database(home: Path) -> Path:
    Command(home)("init", home)
    for file in home.glob("mission.db*"):  # the write-ahead log alone would bring everything back
        file.unlink()
    (home / "mission.db").write_bytes(b"no database at all" * 500)
    return home


def _folder_with_a_newer_database(home: Path) -> Path:
    Command(home)("init", home)
    connection = apsw.Connection(str(home / "mission.db"))
    connection.execute("INSERT INTO migration (number, name, applied_at) VALUES (9999, 'later', '2030-01-01')")
    connection.close()
    return home


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One mission for all calls of this file."""
    stage = Stage(tmp_path_factory.mktemp("contract") / "mission")
    yield stage
    stage.close()


def test_no_command_and_no_exit_code_of_its_help_is_without_a_contract() -> None:
    for words, command in every_command():
        name = " ".join(words)
        contract = CONTRACTS[SHORTCUTS.get(name, name)]
        elsewhere = {code for proved, code in PROVED_ELSEWHERE if proved == SHORTCUTS.get(name, name)}
        assert set(command.exits) - {WITHOUT_A_MISSION} == ALWAYS | set(contract.ends) | elsewhere, name
    assert {" ".join(words) for words, _ in every_command()} == {*CONTRACTS, *SHORTCUTS}


@pytest.mark.parametrize("name", CONTRACTS)
def test_with_json_standard_output_holds_one_document_of_the_promised_shape(stage: Stage, name: str) -> None:
    answer = stage(CONTRACTS[name].call, inside=CONTRACTS[name].inside)
    document = _only_document(answer)
    assert list(differences(document, CONTRACTS[name].gives)) == []
    assert document != [], "an empty list proves nothing"
    _assert_prose(answer.err)


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_shortcut_gives_what_its_noun_and_verb_give(stage: Stage, shortcut: str) -> None:
    contract = CONTRACTS[SHORTCUTS[shortcut]]
    answer = stage(contract.call.replace(SHORTCUTS[shortcut], shortcut, 1))
    assert list(differences(_only_document(answer), contract.gives)) == []


@pytest.mark.parametrize(("name", "code"), ENDS)
def test_every_exit_code_of_the_help_comes_with_a_document_or_a_reason(stage: Stage, name: str, code: int) -> None:
    contract = CONTRACTS[name]
    answer = stage(contract.ends[code], expect=code)
    _assert_prose(answer.err)
    if code in (1, 7) or (code, name) in TELLS:  # the command did its work; what it tells is not good
        assert list(differences(_only_document(answer), contract.gives)) == []
    else:
        assert answer.out == ""
        assert answer.err.startswith("missionctl: ")


@pytest.mark.parametrize("name", [*CONTRACTS, *SHORTCUTS])
def test_wrong_usage_ends_with_2_and_one_line(stage: Stage, name: str) -> None:
    answer = stage(f"{name} --no-such-option", expect=2)
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert "--no-such-option" in answer.err


def test_rows_that_cannot_be_taken_over_are_told_as_json_too(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "tasks.json").write_text('[{"id": "task-1"}, "no task"]')
    answer = stage(f"import {tmp_path}", expect=2)
    assert list(differences(_only_document(answer), promised.IMPORT_REFUSED)) == []
    _assert_prose(answer.err)


@pytest.mark.parametrize("name", NEEDS_A_MISSION)
def test_without_a_mission_that_can_be_used_every_command_ends_with_5(stage: Stage, name: str, tmp_path: Path) -> None:
    words = CONTRACTS[SHORTCUTS.get(name, name)].call.format_map(_AnyWord()).split()
    for home in (tmp_path, stage.damaged, stage.newer):
        is_told_what_is_wrong = name == "doctor" and home is not tmp_path
        before = _files(home)
        answer = Command(home)("--json", "--home", home, *words, expect=7 if is_told_what_is_wrong else 5)
        assert _files(home) == before
        if is_told_what_is_wrong:
            assert _only_document(answer)["healthy"] is False
        else:
            assert answer.out == ""
            assert answer.err.startswith("missionctl: ")


class _AnyWord(dict[str, str]):
    """Both a legal id and a legal name, for a call that must end before it asks what it is."""

    def __missing__(self, _: str) -> str:
        return "1"


# What is live


def test_the_outcome_is_null_while_an_attempt_is_live(stage: Stage) -> None:
    (shown,) = stage("show {live}").json["attempts"]
    # Others are live, too: those of agents at work.
    listed = next(a for t in stage("ls --attempts").json for a in t["attempts"] if a["id"] == shown["id"])
    running = next(attempt for attempt in stage("status").json["live"] if attempt["id"] == shown["id"])
    logged = stage("task logs {live}").json
    left = next(attempt for attempt in stage("down").json["live"] if attempt["id"] == shown["id"])
    for attempt in (shown, listed, running, logged, left):
        assert attempt["id"] == stage.live.name
        assert list(differences(attempt, promised.LIVE_ATTEMPT)) == []


def test_what_a_heartbeat_started_is_told_as_it_ended_or_as_it_lives(stage: Stage) -> None:
    (waited,) = stage("heartbeat {busy} --wait").json
    assert waited["result"] == "worked"
    (ended,) = waited["started"]
    assert list(differences(ended, promised.ENDED_ATTEMPT)) == []
    (would,) = stage("heartbeat {busy} --dry-run").json
    assert len(would["would_start"]) == 1
    assert list(differences(would, promised.REPORT)) == []
    (nothing,) = stage("heartbeat {agent}").json
    assert (nothing["result"], nothing["started"], nothing["reaped"]) == ("ok", [], [])


def test_several_tasks_or_agents_are_told_as_a_list(stage: Stage) -> None:
    both = stage("task cancel {inbox} {inbox}").json
    assert list(differences(both, [promised.TASK])) == []
    agents = stage("agent pause {agent} {agent}").json
    assert list(differences(agents, [promised.AGENT])) == []
    assert (len(both), len(agents)) == (2, 2)


def test_status_ends_with_7_until_a_heartbeat_has_recovered_what_was_killed(mission: RealMission) -> None:
    victim = mission.start(AT_THE_GATE)
    _kill(victim)
    status = eventually(lambda: mission.command("status", "--json", expect=7)).json
    assert list(differences(status, promised.STATUS_PAGE)) == []
    (report,) = mission.beat(wait=False)
    (reaped,) = report["reaped"]
    assert list(differences(reaped, promised.ENDED_ATTEMPT)) == []
    assert (reaped["id"], reaped["outcome"]) == (victim.name, "lost")
    mission.command("status", "--json")


def _kill(attempt: Attempt) -> None:
    assert attempt.executor is not None
    os.kill(attempt.executor.pid, signal.SIGKILL)


def _only_document(answer: Answer) -> Any:
    """The one document: nothing before it, nothing after it but the end of its line."""
    document, end = json.JSONDecoder().raw_decode(answer.out)
    assert answer.out[end:] == "\n"
    return document


def _assert_prose(text: str) -> None:
    """Words for people: nothing that a program could take for a second document."""
    for line in text.splitlines():
        assert line[:1] not in ("{", "["), line
        assert line.isprintable()


def _files(folder: Path) -> dict[str, bytes]:
    """All that is written below a folder. Reading a database may leave an empty log and an index of it."""
    found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if content and name != "mission.db-shm"}
