-- Everything that triggers keep, counted anew. These look at every row and are for doctor alone.

-- name: status_counts
SELECT s.status, s.tasks AS kept,
       (SELECT count(*) FROM task t WHERE t.status = s.status AND t.kind = 'task') AS counted
  FROM status_count s
 ORDER BY s.status;

-- name: unmet
SELECT t.id, t.unmet AS kept, count(p.id) AS counted
  FROM task t
  LEFT JOIN dependency d ON d.task_id = t.id
  LEFT JOIN task p ON p.id = d.after_id AND p.status <> 'done'
 GROUP BY t.id, t.unmet
HAVING count(p.id) <> t.unmet
 ORDER BY t.id
 LIMIT :limit;

-- name: assignments
-- A wait that has passed is forgotten, so only one that is kept can be wrong.
SELECT a.task_id, a.agent
  FROM assignment a JOIN task t ON t.id = a.task_id
 WHERE a.in_inbox <> (t.status = 'inbox')
    OR a.claimable <> (t.status = 'inbox' AND t.unmet = 0)
    OR a.rank <> t.rank
    OR (a.wake_at IS NOT NULL AND t.not_before IS NULL AND t.retry_at IS NULL)
    OR a.wake_at <> CASE WHEN t.retry_at IS NULL OR t.not_before > t.retry_at THEN t.not_before ELSE t.retry_at END
 ORDER BY a.task_id, a.agent
 LIMIT :limit;

-- name: unassigned
SELECT t.id FROM task t
 WHERE t.status = 'inbox'
   AND NOT EXISTS (SELECT 1 FROM assignment a JOIN agent g ON g.name = a.agent
                    WHERE a.task_id = t.id AND NOT g.removed)
 ORDER BY t.id
 LIMIT :limit;

-- name: waiting_in_vain
-- What waits for a cancelled task waits until a person decides.
SELECT t.id, p.id AS after_id
  FROM task p
  JOIN dependency d ON d.after_id = p.id
  JOIN task t ON t.id = d.task_id
 WHERE p.status = 'cancelled' AND t.status = 'inbox'
 ORDER BY t.id
 LIMIT :limit;
