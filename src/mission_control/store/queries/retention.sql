-- What is old enough to go. Nothing of a task that is not finished: a person may still have to look at it.

-- name: attempts
SELECT a.task_id, a.number
  FROM attempt a JOIN task t ON t.id = a.task_id
 WHERE a.host = :host AND a.ended_at IS NOT NULL AND a.files_removed_at IS NULL AND a.ended_at < :before
   AND t.status IN ('done', 'cancelled')
 ORDER BY a.ended_at, a.task_id, a.number
 LIMIT :limit;

-- name: files_removed
UPDATE attempt SET files_removed_at = :now WHERE task_id = :task_id AND number = :number;

-- name: known_task
SELECT 1 AS found FROM task WHERE id = :id;

-- name: count_activities
SELECT count(*) AS lines
  FROM activity l LEFT JOIN task t ON t.id = l.task_id
 WHERE l.at < :before AND l.id < (SELECT max(id) FROM activity)
   AND (t.id IS NULL OR t.status IN ('done', 'cancelled'));

-- name: remove_activities
-- Never the newest line: its number says how far readers have come, and must not be given out again.
DELETE FROM activity
 WHERE id IN (SELECT l.id
                FROM activity l LEFT JOIN task t ON t.id = l.task_id
               WHERE l.at < :before AND l.id < (SELECT max(id) FROM activity)
                 AND (t.id IS NULL OR t.status IN ('done', 'cancelled'))
               ORDER BY l.id
               LIMIT :limit)
RETURNING id;
