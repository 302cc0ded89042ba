-- let columns =
--   g.name, g.role, g.runner, g.model, g.slots, g.schedule, g.host, g.review, g.paused, g.removed,
--   g.next_heartbeat_at, g.last_heartbeat_at, g.legacy_id, g.created_at, g.updated_at

-- name: get
SELECT {columns} FROM agent g WHERE g.name = :name;

-- name: lock
-- Holds the agent, so that its slots are counted by one claim at a time.
SELECT {columns} FROM agent g WHERE g.name = :name /*FOR UPDATE*/;

-- name: share
-- Keeps the agent from being removed until this transaction ends.
SELECT {columns} FROM agent g WHERE g.name = :name /*FOR KEY SHARE*/;

-- name: by_legacy_id
SELECT {columns} FROM agent g WHERE g.legacy_id = :legacy_id;

-- name: list
SELECT {columns} FROM agent g WHERE NOT g.removed ORDER BY g.name;

-- name: count_ever
SELECT count(*) AS agents FROM agent;

-- name: due
SELECT g.name FROM agent g
 WHERE NOT g.removed AND g.next_heartbeat_at <= :now
 ORDER BY g.next_heartbeat_at, g.name;

-- name: insert
INSERT INTO agent (name, role, runner, model, slots, schedule, host, review, paused, next_heartbeat_at,
                   legacy_id, created_at, updated_at)
VALUES (:name, :role, :runner, :model, :slots, :schedule, :host, :review, :paused, :next_heartbeat_at,
        :legacy_id, :now, :now);

-- name: update
UPDATE agent
   SET role = :role, runner = :runner, model = :model, slots = :slots, schedule = :schedule, host = :host,
       review = :review, paused = :paused, removed = :removed, next_heartbeat_at = :next_heartbeat_at,
       updated_at = :now
 WHERE name = :name;

-- name: beat
-- Everything an idle heartbeat needs, in one indexed statement: marks the beat, says whether there is work.
UPDATE agent
   SET last_heartbeat_at = :now
 WHERE name = :name AND NOT removed
RETURNING schedule, next_heartbeat_at,
       paused OR EXISTS (SELECT 1 FROM setting s WHERE s.name = 'paused') AS paused,
       (SELECT count(*) FROM assignment a WHERE a.agent = :name AND a.in_inbox) AS waiting,
       EXISTS (SELECT 1 FROM assignment a
                WHERE a.agent = :name AND a.claimable AND a.wake_at IS NULL) AS has_ready,
       EXISTS (SELECT 1 FROM assignment a
                WHERE a.agent = :name AND a.claimable AND a.wake_at <= :now) AS has_waking,
       EXISTS (SELECT 1 FROM task t
                WHERE t.status = 'inbox' AND t.retry_at > :latest_backoff) AS has_stale_backoff,
       EXISTS (SELECT 1 FROM attempt l WHERE l.ended_at IS NULL) AS has_live,
       (SELECT count(*) FROM attempt l WHERE l.agent = :name AND l.ended_at IS NULL) < slots AS has_room;

-- name: mark_heartbeat
UPDATE agent SET last_heartbeat_at = :now WHERE name = :name;

-- name: schedule_next
UPDATE agent SET next_heartbeat_at = :next_heartbeat_at WHERE name = :name;

-- name: load
-- Live attempts of one agent and of one machine, and whether anybody may start anything.
SELECT EXISTS (SELECT 1 FROM setting WHERE name = 'paused') AS mission_paused,
       (SELECT count(*) FROM attempt l WHERE l.agent = :name AND l.ended_at IS NULL) AS of_agent,
       (SELECT count(*) FROM attempt l WHERE l.host = :host AND l.ended_at IS NULL) AS of_machine;

-- name: live_of_runner
-- From the few live attempts to their agents, however many agents there are.
SELECT count(*) AS live FROM attempt l JOIN agent g ON g.name = l.agent
 WHERE l.ended_at IS NULL AND g.runner = :runner;

-- name: open_tasks
-- Tasks that only this agent could still do.
SELECT t.id FROM assignment a JOIN task t ON t.id = a.task_id
 WHERE a.agent = :name AND t.status IN ('inbox', 'in_progress', 'review', 'blocked')
 ORDER BY t.id;
