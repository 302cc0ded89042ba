-- let columns =
--   r.id, r.title, r.description, r.command, r.agents, r.priority, r.max_attempts, r.timeout_seconds, r.review,
--   r.schedule, r.catch_up, r.overlap, r.paused, r.removed, r.next_at, r.planned_at, r.fault, r.created_at, r.updated_at

-- name: get
SELECT {columns} FROM routine r WHERE r.id = :id;

-- name: lock
-- Nobody else decides about its slots until this transaction ends.
SELECT {columns} FROM routine r WHERE r.id = :id /*FOR UPDATE*/;

-- name: lock_due
-- Nothing where somebody else is just at it, or has been.
SELECT {columns} FROM routine r
 WHERE r.id = :id AND (r.next_at <= :now OR r.planned_at > :now) /*FOR UPDATE SKIP LOCKED*/;

-- name: due
-- Those with a slot that has come, and those that were planned by a clock that has been set back since.
SELECT r.id FROM routine r WHERE r.next_at <= :now
 UNION
SELECT r.id FROM routine r WHERE r.planned_at > :now
 ORDER BY id;

-- name: list
SELECT {columns} FROM routine r WHERE NOT r.removed ORDER BY r.id;

-- name: next
SELECT {columns} FROM routine r WHERE r.next_at IS NOT NULL ORDER BY r.next_at, r.id LIMIT 1;

-- name: insert
INSERT INTO routine (title, description, command, agents, priority, max_attempts, timeout_seconds, review, schedule,
                     catch_up, overlap, next_at, planned_at, created_at, updated_at)
VALUES (:title, :description, :command, :agents, :priority, :max_attempts, :timeout_seconds, :review, :schedule,
        :catch_up, :overlap, :next_at, :planned_at, :now, :now)
RETURNING id;

-- name: update
UPDATE routine
   SET title = :title, description = :description, command = :command, agents = :agents, priority = :priority,
       max_attempts = :max_attempts, timeout_seconds = :timeout_seconds, review = :review, schedule = :schedule,
       catch_up = :catch_up, overlap = :overlap, paused = :paused, removed = :removed, next_at = :next_at,
       planned_at = :planned_at, fault = :fault, updated_at = :now
 WHERE id = :id;

-- name: plan
UPDATE routine SET next_at = :next_at, planned_at = :planned_at, fault = :fault WHERE id = :id;

-- name: slot
SELECT s.task_id FROM routine_slot s WHERE s.routine_id = :id AND s.slot_at = :slot_at;

-- name: take_slot
INSERT INTO routine_slot (routine_id, slot_at, task_id, made_at) VALUES (:id, :slot_at, :task_id, :made_at);

-- name: unfinished
-- The newest of its tasks that waits or runs, among the last hundred: older ones were overtaken long ago.
SELECT t.id, t.status
  FROM (SELECT s.task_id FROM routine_slot s
         WHERE s.routine_id = :id AND s.task_id IS NOT NULL
         ORDER BY s.task_id DESC
         LIMIT 100) AS latest
  JOIN task t ON t.id = latest.task_id
 WHERE t.status IN ('inbox', 'in_progress')
 ORDER BY t.id DESC
 LIMIT 1;

-- name: made
-- Its newest tasks, newest first; deleted ones are no longer known.
SELECT s.routine_id, s.slot_at, s.made_at, t.id, t.title, t.status
  FROM routine_slot s JOIN task t ON t.id = s.task_id
 WHERE s.routine_id = :id
 ORDER BY s.task_id DESC
 LIMIT :limit;

-- name: maker
-- Which routine made a task.
SELECT s.routine_id, r.title, s.slot_at
  FROM routine_slot s JOIN routine r ON r.id = s.routine_id
 WHERE s.task_id = :task_id;
