-- Every row as an export tells it, in the order in which the rows came.

-- name: agents
SELECT g.name, g.role, g.paused, g.removed, g.legacy_id, g.legacy,
       (SELECT min(l.id) FROM activity l WHERE l.agent = g.name) AS joined,
       (SELECT min(a.task_id) FROM attempt a WHERE a.agent = g.name AND a.ended_at IS NULL) AS current_task_id,
       EXISTS (SELECT 1 FROM attempt a WHERE a.agent = g.name) AS has_worked
  FROM agent g
 ORDER BY joined, g.name;

-- name: tasks
SELECT t.id, t.title, t.description, t.status, t.priority, t.command, t.failures, t.reason, t.legacy_id, t.legacy,
       t.created_at, t.updated_at,
       (SELECT string_agg(s.agent, ',' ORDER BY s.position) FROM assignment s WHERE s.task_id = t.id) AS agents,
       (SELECT string_agg(CAST(d.after_id AS TEXT), ',' ORDER BY d.after_id)
          FROM dependency d WHERE d.task_id = t.id) AS after,
       (SELECT max(a.started_at) FROM attempt a WHERE a.task_id = t.id) AS started_at,
       (SELECT a.error FROM attempt a WHERE a.task_id = t.id AND a.error IS NOT NULL
         ORDER BY a.number DESC LIMIT 1) AS last_error,
       (SELECT max(a.ended_at) FROM attempt a WHERE a.task_id = t.id AND a.error IS NOT NULL) AS failed_at
  FROM task t
 WHERE t.kind = 'task'
 ORDER BY t.id;

-- name: comments
SELECT c.id, c.task_id, c.author, c.body, c.kind, c.legacy_id, c.legacy, c.created_at
  FROM comment c JOIN task t ON t.id = c.task_id
 WHERE t.kind = 'task'
 ORDER BY c.id;

-- name: notifications
SELECT n.id, n.agent, n.content, n.delivered_at, n.legacy_id, n.legacy, n.created_at
  FROM notification n
 ORDER BY n.id;

-- name: activities
-- The newest `limit`, oldest first.
SELECT newest.id, newest.at, newest.kind, newest.task_id, newest.attempt, newest.agent, newest.message,
       newest.legacy_id, newest.legacy
  FROM (SELECT id, at, kind, task_id, attempt, agent, message, legacy_id, legacy
          FROM activity
         ORDER BY id DESC
         LIMIT :limit) AS newest
 ORDER BY newest.id;

-- name: newest
-- Grows with every change that an export would tell.
SELECT coalesce(max(id), 0) AS id FROM activity;
