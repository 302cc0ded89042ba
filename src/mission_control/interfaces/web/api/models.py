"""The shapes of the API: of what is sent to it, and for its description; interfaces/shapes.py makes the answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from mission_control.domain.access import Scope
from mission_control.domain.attempt import Outcome
from mission_control.domain.task import Priority, Status

Instant = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
TaskId = Annotated[str, Field(pattern=r"^T-\d+$")]
Moment = Annotated[
    StrictStr, Field(description="RFC 3339, or a duration from now such as `10m`.", examples=["2026-02-06T10:00:00Z"])
]
Names = Annotated[list[StrictStr], Field(max_length=1000)]
Seconds = StrictFloat | StrictInt


class Given(BaseModel):
    """What is sent to us: nothing that we do not know, and no guessing of types."""

    model_config = ConfigDict(extra="forbid")


class TaskFields(Given):
    """What may be said of a task, when it is made and later."""

    title: StrictStr | None = None
    agents: Names | None = Field(None, description="Who does it; several: the first with a free slot.")
    description: StrictStr | None = None
    command: StrictStr | None = Field(None, description="What the shell runner executes.")
    priority: Priority | None = None
    max_attempts: StrictInt | None = Field(None, description="Then it is blocked.")
    timeout_seconds: Seconds | None = Field(None, description="Time limit of an attempt.")
    not_before: Moment | None = None
    review: StrictBool | None = Field(None, description="Success needs a person's approval.")


class NewTaskIn(TaskFields):
    """A task to be added; what is missing or null takes the mission's default."""

    title: StrictStr
    after: Names = Field([], description="Ids of tasks that must be done first.")
    key: StrictStr | None = Field(None, description="Adding again with the same key gives the same task.")


class NewTasksIn(Given):
    """Many tasks, all or none. `after` may also name keys of earlier ones of the list."""

    tasks: Annotated[list[NewTaskIn], Field(min_length=1, max_length=1_000)]


class TextIn(Given):
    """Words for the thread of a task."""

    text: StrictStr


class CommentIn(TextIn):
    """Words for the thread of a task, perhaps in the name of an agent."""

    author: StrictStr | None = Field(None, description="Who says it; needs the scope admin. Default: you.")


class RetryIn(Given):
    """When to try again."""

    after: Annotated[StrictStr, Field(description="Not sooner than this, e.g. `10m`.")] | None = None


class MoveIn(Given):
    """Where a person puts a task."""

    status: Status
    comment: StrictStr | None = Field(None, description="Needed to send work in review back to the inbox.")


class ManyIn(Given):
    """The same change for many tasks, all or none."""

    ids: Annotated[list[StrictStr], Field(min_length=1, max_length=1000)]
    change: Annotated[StrictStr, Field(pattern="^(approve|cancel|delete|edit|move|reject|retry)$")]
    status: Status | None = Field(None, description="For `move`.")
    text: StrictStr | None = Field(None, description="For `reject`, and `move` out of review.")
    after: StrictStr | None = Field(None, description="For `retry`: not sooner than this.")
    fields: TaskFields | None = Field(None, description="For `edit`.")


class AgentFields(Given):
    """What may be said of an agent."""

    role: StrictStr | None = None
    runner: StrictStr | None = None
    model: StrictStr | None = None
    slots: StrictInt | None = None
    schedule: StrictStr | None = Field(None, description="Of heartbeats, as cron writes it.")
    host: StrictStr | None = None
    review: StrictBool | None = None


class NewAgentIn(AgentFields):
    """An agent to join the squad."""

    name: StrictStr


class HeartbeatIn(Given):
    """Who is to be woken up; nobody named: those whose heartbeat is due."""

    agents: Names = []
    everybody: StrictBool = False
    dry_run: StrictBool = False


class NewTokenIn(Given):
    """A key for a program."""

    name: StrictStr
    scope: Scope
    expires: StrictStr | None = Field(None, description="After this long, e.g. `30d`. Null: never.")


# What is answered. Keys may be added, so these allow more.


class Shape(BaseModel):
    """One document of ours."""

    model_config = ConfigDict(extra="allow")


class Problem(Shape):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    faults: list[str] = []


class Attempt(Shape):
    """One try; `outcome` is null while it is live."""

    id: str
    task: TaskId
    number: int
    token: int
    agent: str
    host: str
    pid: int | None
    outcome: Outcome | None
    exit_code: int | None
    signal: int | None
    error: str | None
    claimed_at: Instant
    started_at: Instant | None
    ended_at: Instant | None
    queue_wait_seconds: float | None
    duration_seconds: float | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    log: str


class NextClaim(Shape):
    """Whose heartbeat looks at a task next."""

    agent: str
    at: Instant | None


class Task(Shape):
    """A task as lists give it."""

    id: TaskId
    title: str
    description: str
    status: Status
    priority: Priority
    agents: list[str]
    command: str | None
    after: list[TaskId]
    waiting_for: list[str]
    next_claim: NextClaim | None
    not_before: Instant | None
    retry_at: Instant | None
    max_attempts: int
    failures: int
    unmet: int
    timeout_seconds: float
    review: bool
    reason: str | None
    key: str | None
    legacy_id: str | None
    cancel_requested_at: Instant | None
    created_at: Instant
    updated_at: Instant


class TaskWithAttempts(Task):
    """A task with every try."""

    attempts: list[Attempt]


class Comment(Shape):
    """One entry of a thread."""

    id: int
    task: TaskId
    author: str
    kind: str
    body: str
    created_at: Instant


class Activity(Shape):
    """One line of history."""

    id: int
    at: Instant
    kind: str
    actor: str
    task: TaskId | None
    attempt: int | None
    agent: str | None
    from_status: Status | None
    to_status: Status | None
    message: str


class Subtask(Shape):
    """A task that an agent added while it was at work on another."""

    id: TaskId
    title: str
    status: Status


class Attachment(Shape):
    """A file that an attempt has handed in."""

    attempt: str
    name: str
    bytes: int
    sha256: str
    path: str
    created_at: Instant


class MadeBy(Shape):
    """The routine that made a task; `slot_at` null: by hand."""

    id: str
    title: str
    slot_at: Instant | None


class WholeTask(TaskWithAttempts):
    """Everything about a task."""

    routine: MadeBy | None
    thread: list[Comment]
    subtasks: list[Subtask]
    attachments: list[Attachment]
    activities: list[Activity]


class Output(Attempt):
    """A piece of what an attempt printed."""

    text: str
    offset: int
    end: int
    size: int
    skipped: int


class Agent(Shape):
    """A member of the squad."""

    name: str
    status: str
    live: int
    slots: int
    next_heartbeat_at: Instant | None
    last_heartbeat_at: Instant | None
    role: str
    runner: str
    model: str | None
    schedule: str
    host: str | None
    review: bool
    paused: bool
    legacy_id: str | None
    created_at: Instant
    updated_at: Instant


class MissionStatus(Shape):
    """The mission at one moment."""

    at: Instant
    healthy: bool
    paused: dict[str, Any] | None
    machines: list[dict[str, Any]]
    agents: list[Agent]
    live: list[Attempt]
    tasks: dict[Status, int]


class Stats(Shape):
    """Figures in total and per agent."""

    since: Instant | None
    until: Instant
    total: dict[str, Any]
    agents: dict[str, dict[str, Any]]


class Report(Shape):
    """What one heartbeat found and did."""

    agent: str
    result: str
    mentions: int
    started: list[Attempt]
    reaped: list[Attempt]
    waiting: int
    would_start: list[dict[str, Any]]
    duration_ms: float
    error: str | None


class LogLine(Shape):
    """One line of the logs."""

    at: str | None
    level: str | None
    event: str | None
    fields: dict[str, str]
    text: str


class Token(Shape):
    """A key of a program, without its secret."""

    name: str
    scope: Scope
    created_by: str
    created_at: Instant
    expires_at: Instant | None
    used_at: Instant | None


class NewToken(Token):
    """A key of a program with its secret, told this once."""

    token: str


class Deleted(Shape):
    """What was removed, or would be."""

    deleted: list[TaskId]
    dry_run: bool


class Paused(Shape):
    """Whether nobody starts anything; null: everybody does."""

    paused: dict[str, Any] | None
