"""What every suite can ask for: a clock, a store on both databases, a board and squad on top, the command."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from mission_control.board import Board
from mission_control.config import Config
from mission_control.squad import Squad
from mission_control.store import sqlite
from mission_control.store.schema import connect, migrate, open_store
from mission_control.store.store import Store
from support.clock import START, FakeClock
from support.command import Command
from support.factories import AgentFactory, TaskFactory
from support.real_mission import RealMission
from support.rival import NotedPatience, Rival

if TYPE_CHECKING:
    from support.postgres import PostgresServer  # needs psycopg, which the SQLite tests do without
    from support.web import Web

RUNNERS = ("shell",)

# No deadline: the machine may be busy. No database of examples: the checkout may belong to another user.
settings.register_profile("suite", deadline=None, database=None)
settings.load_profile("suite")


@pytest.fixture
def clock() -> FakeClock:
    """Stands at Friday 2026-02-06 10:00 UTC until it is advanced."""
    return FakeClock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The defaults, on a machine called `here`."""
    return Config(home=tmp_path, host="here", timezone="UTC")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests of this process; started by the first that needs it."""
    if os.environ.get("WITHOUT_POSTGRES"):
        pytest.skip("WITHOUT_POSTGRES is set")
    from support.postgres import PostgresServer

    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a database with our schema and nothing in it lies: a SQLite file, then a Postgres database."""
    if request.param == "sqlite":
        path = str(tmp_path / "mission.db")
        store = connect(path, create=True)
        migrate(store, now=START)
        store.close()
        yield path
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    yield server.pristine_database()


@pytest.fixture
def open_again(address: str) -> Iterator[Callable[[], Store]]:
    """Opens one more connection to the same database, as another process would; closed at the end."""
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(open_store(address))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_again: Callable[[], Store]) -> Store:
    """An open store; each test that asks for it runs on SQLite and on Postgres."""
    return open_again()


@pytest.fixture
def rival(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rival]:
    """Somebody else who writes to the same database at the same time."""
    rival = Rival(address)
    monkeypatch.setattr(sqlite, "_Patience", lambda: NotedPatience(rival))
    yield rival
    rival.end()


@pytest.fixture
def make_board(clock: FakeClock, config: Config) -> Callable[[Store], Board]:
    """Puts a board on a store. Its runner refuses nothing, and a backoff is always waited in full."""
    return lambda store: Board(store, clock, config, refuses=lambda _runner, _command: None, jitter=lambda: 1.0)


@pytest.fixture
def board(store: Store, make_board: Callable[[Store], Board]) -> Board:
    return make_board(store)


@pytest.fixture
def squad(store: Store, clock: FakeClock, config: Config) -> Squad:
    return Squad(store, clock, config, runners=RUNNERS)


@pytest.fixture
def agent(squad: Squad) -> AgentFactory:
    """Lets an agent join: `agent("ada", slots=1)`."""
    return AgentFactory(squad)


@pytest.fixture
def task(board: Board, squad: Squad) -> TaskFactory:
    """Puts a task on the board: `task("Write", to="ada", after=[first])`."""
    return TaskFactory(board, squad)


@pytest.fixture
def bare_missionctl(tmp_path: Path) -> Command:
    """The installed command where there is no mission yet."""
    return Command(tmp_path / "mission")


@pytest.fixture
def missionctl(bare_missionctl: Command) -> Command:
    """The installed command in a new, empty mission: `missionctl("add", "Write", expect=0).json`."""
    bare_missionctl("init", bare_missionctl.home)
    return bare_missionctl


@pytest.fixture
def make_mission(tmp_path: Path) -> Iterator[Callable[..., RealMission]]:
    """Makes the test's mission, whose tasks really run; settings by name. In the end nothing of it may live."""
    made: list[RealMission] = []

    def make(**settings: object) -> RealMission:
        made.append(RealMission(tmp_path / "mission", **settings))
        return made[-1]

    yield make
    for mission in made:
        mission.close()


@pytest.fixture
def mission(make_mission: Callable[..., RealMission]) -> RealMission:
    """A mission whose tasks really run, on SQLite."""
    return make_mission()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The real server of the pages and the API: one mission and one process for all tests of a file."""
    from support.web import mission_and_web  # imported here: only these tests need what the server needs

    web = mission_and_web(tmp_path_factory.mktemp("web"))
    yield web
    web.close()
    web.mission.close()
