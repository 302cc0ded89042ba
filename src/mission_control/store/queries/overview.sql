-- let columns =
--   t.id, t.title, t.description, t.status, t.priority, t.kind, t.command, t.max_attempts, t.timeout_seconds,
--   t.review, t.not_before, t.retry_at, t.failures, t.token, t.unmet, t.rank, t.reason, t.key, t.legacy_id,
--   t.cancel_requested_at, t.created_at, t.updated_at, t.parent_id,
--   (SELECT string_agg(a.agent, ',' ORDER BY a.position) FROM assignment a WHERE a.task_id = t.id) AS agents,
--   (SELECT string_agg(CAST(d.after_id AS TEXT), ',' ORDER BY d.after_id)
--      FROM dependency d WHERE d.task_id = t.id) AS after
-- let wanted =
--   c.kind = 'task' AND c.status = :status
--   AND (:priority IS NULL OR c.priority = :priority)
--   AND (:search IS NULL OR lower(c.title || ' ' || c.description) LIKE :search ESCAPE '\')
--   AND (:agent IS NULL OR EXISTS (SELECT 1 FROM assignment s WHERE s.task_id = c.id AND s.agent = :agent))

-- name: column_in_turn
-- A column of the board in the order of the queue. The few ids are found first: only their rows are completed.
SELECT {columns} FROM task t
 WHERE t.id IN (SELECT c.id FROM task c WHERE {wanted} ORDER BY c.rank, c.id LIMIT :limit)
 ORDER BY t.rank, t.id;

-- name: column_latest
-- A column of the board, what came into it last first; among its newest 2,000, so that a large one stays fast.
SELECT {columns} FROM task t
 WHERE t.id IN (SELECT n.id FROM (SELECT c.id, c.updated_at FROM task c WHERE {wanted} ORDER BY c.id DESC LIMIT 2000) n
                 ORDER BY n.updated_at DESC, n.id DESC LIMIT :limit)
 ORDER BY t.updated_at DESC, t.id DESC;

-- name: count
-- How many tasks of a status a filter leaves; unfiltered counts are kept by triggers.
SELECT count(*) AS tasks FROM task c WHERE {wanted};

-- name: neighbours
-- The tasks before and after one, as a person leafs through the board.
SELECT (SELECT max(b.id) FROM task b WHERE b.id < :id AND b.kind = 'task') AS before,
       (SELECT min(a.id) FROM task a WHERE a.id > :id AND a.kind = 'task') AS after;

-- name: ended_between
-- What figures over time need of attempts that ended in a period, by the index of ends.
SELECT m.ended_at, m.agent, m.outcome, m.error, m.queue_wait_seconds, m.duration_seconds, m.tokens_in, m.tokens_out,
       m.cost_usd
  FROM attempt m
 WHERE m.ended_at IS NOT NULL AND m.ended_at >= :since AND m.ended_at < :until;

-- name: outcomes_by_agent
SELECT m.agent, m.outcome, count(*) AS attempts
  FROM attempt m
 WHERE m.ended_at IS NOT NULL AND m.ended_at >= :since
 GROUP BY m.agent, m.outcome;

-- name: bars
-- Attempts that touch a period, the newest first, with the titles of their tasks; each half by an index of its own.
SELECT m.task_id, m.number, m.agent, m.claimed_at, m.ended_at, m.outcome, t.title
  FROM attempt m JOIN task t ON t.id = m.task_id
 WHERE m.ended_at IS NULL AND (:agent IS NULL OR m.agent = :agent)
UNION ALL
SELECT m.task_id, m.number, m.agent, m.claimed_at, m.ended_at, m.outcome, t.title
  FROM attempt m JOIN task t ON t.id = m.task_id
 WHERE m.ended_at IS NOT NULL AND m.ended_at >= :since AND (:agent IS NULL OR m.agent = :agent)
 ORDER BY claimed_at DESC
 LIMIT :limit;

-- name: activities_before
-- A page of history, newest first, with the titles of the tasks that are still there.
SELECT h.id, h.at, h.kind, h.task_id, h.attempt, h.agent, h.actor, h.from_status, h.to_status, h.message, t.title
  FROM activity h LEFT JOIN task t ON t.id = h.task_id
 WHERE h.id < :before_id
   AND (:agent IS NULL OR h.agent = :agent OR h.actor = :agent)
   AND (:kind IS NULL OR h.kind = :kind)
 ORDER BY h.id DESC
 LIMIT :limit;

-- name: last_activity
SELECT max(id) AS id FROM activity;

-- name: open_questions
-- What agents asked and nobody answered: the newest question of each blocked task that has one.
SELECT q.id, q.task_id, q.author, q.body, q.kind, q.created_at
  FROM comment q JOIN task t ON t.id = q.task_id
 WHERE t.status = 'blocked' AND q.kind = 'question'
   AND q.id = (SELECT max(n.id) FROM comment n WHERE n.task_id = q.task_id AND n.kind IN ('question', 'answer'))
 ORDER BY q.id
 LIMIT :limit;
