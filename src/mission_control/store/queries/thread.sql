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

-- name: mention
INSERT INTO mention (comment_id, name) VALUES (:comment_id, :name)
ON CONFLICT (comment_id, name) DO NOTHING;

-- name: mentions_of
-- Where this name was called and nobody has answered, newest first.
SELECT c.id, c.task_id, c.author, c.body, c.kind, c.created_at
  FROM mention n JOIN comment c ON c.id = n.comment_id
 WHERE n.name = :name AND n.delivered_at IS NULL
 ORDER BY n.id DESC
 LIMIT :limit;

-- name: of_kind
-- The newest entry of one kind in a thread.
SELECT id, task_id, author, body, kind, created_at FROM comment
 WHERE task_id = :task_id AND kind = :kind ORDER BY id DESC LIMIT 1;
