"""What the agent of a live attempt may do on the board. Each act shows the attempt's key and is one transaction.

Raises NotPermitted when the key is not valid (any more) or the deed is beyond what it is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

from mission_control import hand_in
from mission_control.board import Board
from mission_control.clock import Clock
from mission_control.config import Config
from mission_control.domain import limits, parting
from mission_control.domain.draft import NewTask
from mission_control.domain.history import CommentKind
from mission_control.domain.key import KeyHolder, read_key, without_keys
from mission_control.domain.report import Attachment, Memory, Speaker
from mission_control.domain.task import Task, task_name
from mission_control.errors import Conflict, InvalidInput, NotPermitted
from mission_control.folder import Folder
from mission_control.moves import Moves
from mission_control.store import reporting, settings, tasks
from mission_control.store.store import Store
from mission_control.threads import checked_comment, say


class Reporting:
    """What agents say from inside of their attempts."""

    def __init__(self, store: Store, clock: Clock, config: Config, board: Board) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._board = board
        self._moves = Moves(store, clock)
        self._folder = Folder(config.home)

    @cached_property
    def _secret(self) -> bytes:
        return settings.attempt_secret(self._store)

    def speaker(self, key: str) -> Speaker:
        """Whose key this is."""
        with self._store.snapshot():
            return self._proved(self._holder(key))

    def progress(self, key: str, text: str, percent: int | None = None) -> Speaker:
        """Say how far the work is; the last word stands in the status, all of them in the history."""
        line = limits.one_line(without_keys(text), "progress")
        if percent is not None:
            limits.whole_number(percent, "The percentage", 0, 100)
        with self._speaking(key) as (speaker, task):
            reporting.say_progress(self._store, speaker, line, percent, now=self._clock.now())
            message = line if percent is None else f"{line} ({percent} %)"
            self._note("progress", speaker, task, message)
        return speaker

    def comment(self, key: str, text: str, task_id: int | None = None) -> int:
        """Write into the thread of the agent's own task, or of the one above or below it; the id of the entry."""
        body = checked_comment(without_keys(text))
        with self._speaking(key) as (speaker, own):
            task = own if task_id in (None, own.id) else self._related(own, task_id)
            return self._say(speaker, task, body, CommentKind.COMMENT)

    def _related(self, own: Task, task_id: int | None) -> Task:
        below = [subtask.id for subtask in reporting.subtasks(self._store, own.id)]
        found = tasks.get(self._store, task_id) if task_id in (own.parent_id, *below) and task_id else None
        if found is None:
            raise NotPermitted(
                f"{task_name(task_id or 0)} is not yours. You may write into the thread of {own.name}, of the task "
                "that added it and of those that it added. To reach somebody, mention them there with @name."
            )
        return found

    def ask(self, key: str, question: str) -> int:
        """Ask a person. When the attempt has ended the task is blocked until somebody answers; the entry's id."""
        body = checked_comment(without_keys(question))
        with self._parting(key, parting.Kind.ASKED, body) as (speaker, task):
            return self._say(speaker, task, body, CommentKind.QUESTION)

    def hand_off(self, key: str, to: str, note: str) -> Task:
        """Let another agent go on. When the attempt has ended the task is in the inbox again, for that agent."""
        body = checked_comment(without_keys(note))
        with self._parting(key, parting.Kind.HANDED_OFF, body) as (speaker, task):
            if to == speaker.agent:
                raise InvalidInput(f"You are {to}. Name the agent who is to go on.")
            if reporting.hand_offs(self._store, task.id) > self._config.max_hand_offs:
                raise NotPermitted(
                    f"{task.name} has been handed off {self._config.max_hand_offs} times, which is the limit. "
                    "Ask a person instead."
                )
            self._say(speaker, task, f"@{to} {body}", CommentKind.COMMENT)
            return self._board.edit(task.id, {"agents": (to,)}, actor=speaker.agent)

    @contextmanager
    def _parting(self, key: str, kind: parting.Kind, text: str) -> Iterator[tuple[Speaker, Task]]:
        with self._speaking(key) as (speaker, task):
            if speaker.parting is parting.Kind.HANDED_OFF:
                raise Conflict(f"You have handed {task.name} off already. End your work now.")
            reporting.part(self._store, speaker, kind, parting.first_line(text), now=self._clock.now())
            self._note(kind, speaker, task, parting.first_line(text))
            yield speaker, task

    def add_subtask(self, key: str, new: NewTask) -> tuple[Task, bool]:
        """Put a task on the board whose parent is the agent's own, for whom it names, else for itself.

        With a key that is known: the task it made, and False.
        """
        with self._speaking(key) as (speaker, parent):
            self._check_limits(parent, new)
            wanted = _below(parent, new, speaker.agent)
            added, is_new = self._board.add(wanted, actor=speaker.agent)
            if is_new:
                self._note("subtask_added", speaker, parent, f"{added.name} {added.title}")
            return added, is_new

    def _check_limits(self, parent: Task, new: NewTask) -> None:
        """An agent may share its work, not have more of everything than it was given."""
        most, deepest = self._config.max_subtasks, self._config.max_subtask_depth
        if reporting.depth(self._store, parent.id, deepest) >= deepest:
            raise NotPermitted(f"{parent.name} is a subtask of level {deepest}, below which nobody may add more.")
        if len(reporting.subtasks(self._store, parent.id)) >= most:
            raise NotPermitted(f"{parent.name} has {most} subtasks, which is the limit.")
        own_time = timedelta(seconds=parent.timeout_seconds)
        if new.timeout is not None and new.timeout > own_time:
            raise NotPermitted(f"A subtask of {parent.name} may take {own_time.total_seconds():g} s, as it may itself.")
        if new.max_attempts is not None and new.max_attempts > parent.max_attempts:
            raise NotPermitted(f"A subtask of {parent.name} has {parent.max_attempts} attempts, as it has itself.")

    def attach(self, key: str, path: str, *, inside_workspace: bool = False) -> Attachment:
        """Hand in a file: it is copied into the attempt's folder. Where asked, only from the attempt's workspace.

        A copy that takes long is made before the board is asked to keep it.
        """
        speaker = self.speaker(key)
        place = self._folder.attachments(speaker.task_id, speaker.number)
        start = self._folder.workspace(speaker.task_id, speaker.number)
        within = start if inside_workspace else None
        with hand_in.copied(path, place, most=self._config.max_attachment_bytes, start=start, within=within) as copy:
            return self._keep(key, copy)

    def _keep(self, key: str, copy: hand_in.Copy) -> Attachment:
        with self._speaking(key) as (speaker, task):
            of_task = reporting.attachments(self._store, task.id)
            taken = {known.name for known in of_task if known.attempt == speaker.number}
            if len(taken) >= hand_in.MOST_FILES:
                raise NotPermitted(f"{speaker.name} has handed in {hand_in.MOST_FILES} files, which is the limit.")
            name = hand_in.free_name(copy.name, taken)
            kept = Attachment(task.id, speaker.number, name, copy.size, copy.sha256, self._clock.now())
            copy.keep_as(name)
            reporting.attach(self._store, kept)
            self._note("attached", speaker, task, f"{name}, {copy.size:,} bytes")
            return kept

    def remember(self, key: str, text: str) -> Memory:
        """Rewrite the agent's WORKING.md; what stood there is kept, also what somebody wrote by hand."""
        body = limits.long_text(without_keys(text), "memory", hand_in.MEMORY_BYTES)
        with self._speaking(key) as (speaker, task):
            path, now = self._folder.working(speaker.agent), self._clock.now()
            last = reporting.last_memory(self._store, speaker.agent)
            standing = hand_in.read_memory(path)
            if standing.strip() and (last is None or last.body != standing):
                reporting.remember(self._store, speaker.agent, standing, now=now)
            reporting.remember(self._store, speaker.agent, body, task_id=task.id, attempt=speaker.number, now=now)
            self._note("remembered", speaker, task, f"{len(body):,} characters in WORKING.md")
            # Before the commit: whoever is killed in between leaves a file that counts as written by hand.
            hand_in.write_memory(path, body)
            kept = reporting.last_memory(self._store, speaker.agent)
            assert kept is not None
            return kept

    # Shared by all of the above

    def _say(self, speaker: Speaker, task: Task, body: str, kind: CommentKind) -> int:
        number = speaker.number if task.id == speaker.task_id else None
        now = self._clock.now()
        return say(self._store, self._moves, task, body, kind=kind, actor=speaker.agent, now=now, attempt=number)

    def _note(self, kind: str, speaker: Speaker, task: Task, message: str) -> None:
        self._moves.note(kind, task, actor=speaker.agent, message=message, attempt=speaker.number)

    @contextmanager
    def _speaking(self, key: str) -> Iterator[tuple[Speaker, Task]]:
        """A transaction in which the attempt of this key stays live."""
        holder = self._holder(key)
        with self._store.transaction():
            task = tasks.lock(self._store, holder.task_id)
            speaker = self._proved(holder)
            assert task is not None
            yield speaker, task

    def _holder(self, key: str) -> KeyHolder:
        holder = read_key(self._secret, key)
        if holder is None:
            raise NotPermitted("The key in MISSIONCTL_KEY is not one of this mission. Nothing was changed.")
        return holder

    def _proved(self, holder: KeyHolder) -> Speaker:
        speaker = reporting.speaker(self._store, holder)
        if speaker is None:
            raise NotPermitted(
                f"Attempt T-{holder.task_id}/{holder.number} has ended, and its key with it. "
                "Nothing was changed; stop working on it."
            )
        return speaker


def _below(parent: Task, new: NewTask, agent: str) -> NewTask:
    """The subtask as it will be: where it says nothing as its parent is, never more urgent, and with no key in it."""
    return replace(
        new,
        title=without_keys(new.title),
        description=without_keys(new.description),
        command=new.command and without_keys(new.command),
        agents=new.agents or (agent,),
        priority=max(new.priority, parent.priority, key=lambda priority: priority.level),
        timeout=new.timeout or timedelta(seconds=parent.timeout_seconds),
        max_attempts=new.max_attempts or parent.max_attempts,
        review=new.review or parent.review,
        parent_id=parent.id,
    )
