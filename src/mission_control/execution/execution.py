"""What an executor is told: everything it needs for one attempt, as plain values that can be sent."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cache

from mission_control.board import Claim
from mission_control.domain.attempt import attempt_name
from mission_control.domain.task import task_name
from mission_control.store.attempts import Lease

RENEWALS_PER_LEASE = 3


@dataclass(frozen=True)
class Execution:
    """One attempt to be executed on this machine."""

    task_id: int
    number: int
    token: int
    agent: str
    runner: str
    model: str | None
    command: str | None
    timeout_seconds: float
    key: str = field(repr=False)  # the agent's own, see domain/key.py

    @property
    def lease(self) -> Lease:
        return Lease(self.task_id, self.number, self.token)

    @property
    def name(self) -> str:
        """The attempt's id, e.g. `T-12/2`."""
        return attempt_name(self.task_id, self.number)

    @property
    def task_name(self) -> str:
        return task_name(self.task_id)

    def to_bytes(self) -> bytes:
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Execution:
        return cls(**json.loads(content))


@dataclass(frozen=True)
class Order:
    """The next attempt for an executor that is done with its last. Its start is on the board already."""

    execution: Execution
    given_at: float  # monotonic seconds, which all processes of a machine share

    def to_bytes(self) -> bytes:
        return json.dumps({"execution": vars(self.execution), "given_at": self.given_at}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Order:
        fields = json.loads(content)
        return cls(Execution(**fields["execution"]), fields["given_at"])


def execution_of(claim: Claim) -> Execution:
    """What the executor of this claim has to know."""
    return Execution(
        task_id=claim.task.id,
        number=claim.lease.number,
        token=claim.lease.token,
        agent=claim.agent.name,
        runner=claim.agent.runner,
        model=claim.agent.model,
        command=claim.task.command,
        timeout_seconds=claim.task.timeout_seconds,
        key=claim.key,
    )


def mark(home: str, name: str) -> str:
    """`NAME=value` as it stands in the environment of every process of the attempt `name`.

    The same however the way to `home` is written: whoever recovers may have come by another link.
    """
    return f"MISSIONCTL_MARK={_real_path(home)}:{name}"


@cache
def _real_path(home: str) -> str:
    return os.path.realpath(home)
