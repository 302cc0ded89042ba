-- name: moves
-- Every coming and every move of a task in a period; of deleted ones, too. Reads the whole history, so once a day.
SELECT a.at, a.kind, a.task_id, a.agent, a.actor, a.to_status
  FROM activity a
  LEFT JOIN task t ON t.id = a.task_id
 WHERE a.at > :since AND a.at <= :until AND a.to_status IS NOT NULL AND coalesce(t.kind, 'task') = 'task'
 ORDER BY a.id;

-- name: ended
SELECT m.agent, m.outcome, m.queue_wait_seconds, m.duration_seconds, m.tokens_in, m.tokens_out, m.cost_usd
  FROM attempt m
 WHERE m.ended_at IS NOT NULL AND m.ended_at > :since AND m.ended_at <= :until;

-- name: begun_before
-- Whether there was a mission before that moment.
SELECT 1 AS found FROM activity a WHERE a.id = (SELECT min(id) FROM activity) AND a.at < :at;

-- name: record
-- No row back: the standup of that day has been made already.
INSERT INTO standup (day, made_at, content) VALUES (:day, :made_at, :content)
ON CONFLICT (day) DO NOTHING
RETURNING day;

-- name: get
SELECT s.content FROM standup s WHERE s.day = :day;

-- name: days
SELECT s.day FROM standup s ORDER BY s.day DESC LIMIT :limit;

-- name: unfiled
SELECT s.content FROM standup s WHERE s.filed_at IS NULL ORDER BY s.day;

-- name: file
UPDATE standup SET filed_at = :now WHERE day = :day AND filed_at IS NULL;
