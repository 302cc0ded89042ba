-- Differs because a counter row would make every claim wait for all others.

-- name: next_task
SELECT nextval('task_number') AS value;

-- name: next_token
SELECT nextval('token_number') AS value;
