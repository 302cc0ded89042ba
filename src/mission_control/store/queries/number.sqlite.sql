-- Differs because SQLite has no sequences; a counter row costs nothing where only one may write anyway.

-- name: next_task
UPDATE counter SET value = value + 1 WHERE name = 'task' RETURNING value;

-- name: next_token
UPDATE counter SET value = value + 1 WHERE name = 'token' RETURNING value;
