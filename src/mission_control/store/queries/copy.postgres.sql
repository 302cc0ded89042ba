-- Differs because Postgres has sequences, which no transaction holds, and because a server looks after its own pages.

-- name: numbers
SELECT (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM task_number) AS task,
       (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM token_number) AS token;

-- name: raise_task
SELECT setval('task_number', greatest(last_value, :value)) AS value FROM task_number;

-- name: raise_token
SELECT setval('token_number', greatest(last_value, :value)) AS value FROM token_number;

-- name: problems
SELECT NULL AS problem WHERE FALSE LIMIT :limit;

-- name: shared_snapshot
-- Under this name another program reads the same state while this transaction is open.
SELECT pg_export_snapshot() AS snapshot;
