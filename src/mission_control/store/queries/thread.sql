-- name: add
INSERT INTO comment (task_id, author, body, kind, legacy_id, legacy, created_at)
VALUES (:task_id, :author, :body, :kind, :legacy_id, :legacy, :created_at)
RETURNING id;

-- name: of_task
SELECT id, task_id, author, body, kind, created_at FROM comment WHERE task_id = :task_id ORDER BY id;

-- name: add_notification
INSERT INTO notification (agent, content, delivered_at, legacy_id, legacy, created_at)
VALUES (:agent, :content, :delivered_at, :legacy_id, :legacy, :created_at);

-- name: undelivered
SELECT id, agent, content, created_at FROM notification
 WHERE delivered_at IS NULL AND (:agent IS NULL OR agent = :agent)
 ORDER BY id;
