-- let columns =
--   t.id, t.title, t.description, t.status, t.priority, t.kind, t.command, t.max_attempts, t.timeout_seconds,
--   t.review, t.not_before, t.retry_at, t.failures, t.token, t.unmet, t.rank, t.reason, t.key, t.legacy_id,
--   t.cancel_requested_at, t.created_at, t.updated_at, t.parent_id,
--   (SELECT string_agg(a.agent, ',' ORDER BY a.position) FROM assignment a WHERE a.task_id = t.id) AS agents,
--   (SELECT string_agg(CAST(d.after_id AS TEXT), ',' ORDER BY d.after_id)
--      FROM dependency d WHERE d.task_id = t.id) AS after

-- name: get
SELECT {columns} FROM task t WHERE t.id = :id;

-- name: lock
-- Nobody else moves the task until this transaction ends.
SELECT {columns} FROM task t WHERE t.id = :id /*FOR UPDATE OF t*/;

-- name: by_key
SELECT {columns} FROM task t WHERE t.key = :key;

-- name: by_legacy_id
SELECT {columns} FROM task t WHERE t.legacy_id = :legacy_id;

-- name: ready
-- The queue of one agent, first first. CROSS JOIN keeps SQLite from starting at the other end. The task's own
-- columns are asked again: Postgres reads them anew once it has the lock, and a clock that was set back lets a
-- wait return that had passed.
SELECT {columns}
  FROM assignment q CROSS JOIN task t
 WHERE q.agent = :agent AND q.claimable AND q.wake_at IS NULL
   AND t.id = q.task_id AND t.status = 'inbox' AND t.unmet = 0
   AND (t.not_before IS NULL OR t.not_before <= :now) AND (t.retry_at IS NULL OR t.retry_at <= :now)
 ORDER BY q.rank, q.task_id
 LIMIT :limit /*FOR UPDATE OF t, q SKIP LOCKED*/;

-- name: queued
-- What `ready` finds, without locks; for looking without changing.
SELECT {columns}
  FROM assignment q CROSS JOIN task t
 WHERE q.agent = :agent AND q.claimable AND q.wake_at IS NULL
   AND t.id = q.task_id AND t.status = 'inbox' AND t.unmet = 0
   AND (t.not_before IS NULL OR t.not_before <= :now) AND (t.retry_at IS NULL OR t.retry_at <= :now)
 ORDER BY q.rank, q.task_id
 LIMIT :limit;

-- name: waking
-- What `ready` would also find once `wake_due` has run; for looking without changing.
SELECT {columns}
  FROM assignment q CROSS JOIN task t
 WHERE q.agent = :agent AND q.claimable AND q.wake_at <= :now
   AND t.id = q.task_id AND t.status = 'inbox' AND t.unmet = 0
 ORDER BY q.rank, q.task_id
 LIMIT :limit;

-- name: some_wait_is_over
-- Whether the two that follow would change anything, which is rare.
SELECT 1 AS found
 WHERE EXISTS (SELECT 1 FROM assignment w WHERE w.agent = :agent AND w.claimable AND w.wake_at <= :now)
    OR EXISTS (SELECT 1 FROM task s WHERE s.status = 'inbox' AND s.retry_at > :latest_backoff);

-- name: wake_due
-- Waits that have passed put their tasks into the queue. Nobody waits for a lock here, so nobody deadlocks.
UPDATE assignment SET wake_at = NULL
 WHERE agent = :agent
   AND task_id IN (SELECT w.task_id FROM assignment w
                    WHERE w.agent = :agent AND w.claimable AND w.wake_at <= :now /*FOR UPDATE SKIP LOCKED*/);

-- name: forgive_stale_backoffs
-- A backoff further off than the longest one was written before the clock was set back.
UPDATE task SET retry_at = NULL
 WHERE id IN (SELECT s.id FROM task s
               WHERE s.status = 'inbox' AND s.retry_at > :latest_backoff /*FOR UPDATE SKIP LOCKED*/);

-- name: forgivable
-- What `ready` would also find once `forgive_stale_backoffs` has run. Starts at task_retry, where there is hardly any.
SELECT {columns}
  FROM task t CROSS JOIN assignment q
 WHERE t.status = 'inbox' AND t.retry_at > :latest_backoff AND t.unmet = 0
   AND (t.not_before IS NULL OR t.not_before <= :now)
   AND q.task_id = t.id AND q.agent = :agent
 ORDER BY q.rank, q.task_id
 LIMIT :limit;

-- name: insert
INSERT INTO task (id, title, description, status, priority, kind, command, max_attempts, timeout_seconds, review,
                  not_before, failures, rank, reason, key, legacy_id, legacy, created_at, updated_at,
                  parent_id)
VALUES (:id, :title, :description, :status, :priority, :kind, :command, :max_attempts, :timeout_seconds, :review,
        :not_before, :failures, :rank, :reason, :key, :legacy_id, :legacy, :created_at, :updated_at,
        :parent_id);

-- name: move
-- The one place where a status changes; guarded by the status it was read with.
UPDATE task
   SET status = :status, failures = :failures, retry_at = :retry_at, not_before = :not_before, reason = :reason,
       token = :token, cancel_requested_at = :cancel_requested_at, updated_at = :now
 WHERE id = :id AND status = :from_status;

-- name: edit
UPDATE task
   SET title = :title, description = :description, priority = :priority, command = :command,
       max_attempts = :max_attempts, timeout_seconds = :timeout_seconds, review = :review,
       not_before = :not_before, retry_at = :retry_at, rank = :rank, updated_at = :now
 WHERE id = :id;

-- name: request_cancel
UPDATE task SET cancel_requested_at = coalesce(cancel_requested_at, :now), updated_at = :now WHERE id = :id;

-- name: delete
DELETE FROM task WHERE id = :id;

-- name: assign
INSERT INTO assignment (task_id, agent, position) VALUES (:task_id, :agent, :position);

-- name: unassign_all
DELETE FROM assignment WHERE task_id = :task_id;

-- name: add_dependency
INSERT INTO dependency (task_id, after_id) VALUES (:task_id, :after_id)
ON CONFLICT (task_id, after_id) DO NOTHING;

-- name: remove_dependency
DELETE FROM dependency WHERE task_id = :task_id AND after_id = :after_id RETURNING task_id;

-- name: waits_for
-- Whether `from_id` waits, over any number of steps, for `to_id`.
WITH RECURSIVE ancestors (id) AS (
  SELECT d.after_id FROM dependency d WHERE d.task_id = :from_id
  UNION
  SELECT d.after_id FROM dependency d JOIN ancestors s ON d.task_id = s.id
)
SELECT 1 AS found FROM ancestors WHERE id = :to_id;

-- name: predecessors
SELECT t.id, t.status FROM dependency d JOIN task t ON t.id = d.after_id WHERE d.task_id = :id ORDER BY t.id;

-- name: successors
SELECT d.task_id AS id FROM dependency d WHERE d.after_id = :id ORDER BY d.task_id;

-- name: list
-- Newest first within the page that follows `before_id`.
SELECT {columns} FROM task t
 WHERE t.kind = 'task' AND t.id < :before_id
   AND (:status IS NULL OR t.status = :status)
   AND (:search IS NULL OR lower(t.title || ' ' || t.description) LIKE :search ESCAPE '\')
   AND (:agent IS NULL OR EXISTS (SELECT 1 FROM assignment s WHERE s.task_id = t.id AND s.agent = :agent))
 ORDER BY t.id DESC
 LIMIT :limit;

-- name: list_open
-- What is not finished, in the order in which it would be taken, within the page that follows a place in it.
SELECT {columns} FROM task t
 WHERE t.kind = 'task' AND t.status IN ('inbox', 'in_progress', 'review', 'blocked')
   AND (:search IS NULL OR lower(t.title || ' ' || t.description) LIKE :search ESCAPE '\')
   AND (:agent IS NULL OR EXISTS (SELECT 1 FROM assignment s WHERE s.task_id = t.id AND s.agent = :agent))
   AND (t.rank, t.id) > (:after_rank, :after_id)
 ORDER BY t.rank, t.id
 LIMIT :limit;

-- name: queue
-- Inbox tasks of one agent in the order of the queue, ready or not.
SELECT {columns}
  FROM assignment q CROSS JOIN task t
 WHERE q.agent = :agent AND q.in_inbox AND t.id = q.task_id
 ORDER BY q.rank, q.task_id
 LIMIT :limit;

-- name: counts
SELECT status, tasks FROM status_count;

-- name: count_waiting
SELECT count(*) AS tasks FROM assignment q WHERE q.agent = :agent AND q.in_inbox;

-- name: counts_by_agent
-- Tasks per agent and status. Reads every task once (1.5 s for a million), so only figures ask it.
SELECT a.agent, t.status, count(*) AS tasks
  FROM task t JOIN assignment a ON a.task_id = t.id
 WHERE t.kind = 'task' AND (:agent IS NULL OR a.agent = :agent)
 GROUP BY a.agent, t.status;
