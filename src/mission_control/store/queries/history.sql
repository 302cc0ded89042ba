-- name: append
INSERT INTO activity (at, kind, task_id, attempt, agent, actor, from_status, to_status, message, legacy_id, legacy)
VALUES (:at, :kind, :task_id, :attempt, :agent, :actor, :from_status, :to_status, :message, :legacy_id, :legacy);

-- name: of_task
SELECT id, at, kind, task_id, attempt, agent, actor, from_status, to_status, message
  FROM activity WHERE task_id = :task_id ORDER BY id;

-- name: since
-- What came after the row `after_id`, oldest first.
SELECT id, at, kind, task_id, attempt, agent, actor, from_status, to_status, message
  FROM activity
 WHERE id > :after_id
 ORDER BY id
 LIMIT :limit;

-- name: latest
-- The newest rows, newest first.
SELECT id, at, kind, task_id, attempt, agent, actor, from_status, to_status, message
  FROM activity
 ORDER BY id DESC
 LIMIT :limit;

-- name: since_of_agent
-- As `since`, by the agent's own index: its lines may be few among many.
SELECT id, at, kind, task_id, attempt, agent, actor, from_status, to_status, message
  FROM activity
 WHERE agent = :agent AND id > :after_id
 ORDER BY id
 LIMIT :limit;

-- name: latest_of_agent
SELECT id, at, kind, task_id, attempt, agent, actor, from_status, to_status, message
  FROM activity
 WHERE agent = :agent
 ORDER BY id DESC
 LIMIT :limit;
