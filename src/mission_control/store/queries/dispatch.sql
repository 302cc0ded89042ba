-- What a resident process asks at every turn. Indexes alone: nothing here grows with agents or tasks that have nothing
-- to do now.

-- name: next_instant
-- When time alone gives something to do: a heartbeat is due, a wait is over, or a slot of a routine has come.
SELECT (SELECT min(g.next_heartbeat_at) FROM agent g
         WHERE NOT g.removed AND g.next_heartbeat_at > :now) AS heartbeat_at,
       (SELECT min(a.wake_at) FROM assignment a WHERE a.claimable AND a.wake_at > :now) AS wake_at,
       (SELECT min(r.next_at) FROM routine r WHERE r.next_at > :now) AS routine_at;

-- name: is_routine_due
-- Whether `routine.due` finds any.
SELECT 1 AS found
 WHERE EXISTS (SELECT 1 FROM routine r WHERE r.next_at <= :now)
    OR EXISTS (SELECT 1 FROM routine r WHERE r.planned_at > :now);

-- name: due
-- Agents who live here or anywhere and whose heartbeat is due, the longest waiting first.
SELECT g.name, g.schedule, g.next_heartbeat_at
  FROM agent g
 WHERE NOT g.removed AND g.next_heartbeat_at <= :now AND (g.host IS NULL OR g.host = :host)
 ORDER BY g.next_heartbeat_at, g.name;

-- name: some_wait_is_over
-- Whether the next two would change anything, which is rare.
SELECT 1 AS found
 WHERE EXISTS (SELECT 1 FROM assignment w WHERE w.claimable AND w.wake_at <= :now)
    OR EXISTS (SELECT 1 FROM task s WHERE s.status = 'inbox' AND s.retry_at > :latest_backoff);

-- name: wake_due
-- As task.wake_due, for all agents at once.
UPDATE assignment SET wake_at = NULL
 WHERE (task_id, agent) IN (SELECT w.task_id, w.agent FROM assignment w
                             WHERE w.claimable AND w.wake_at <= :now /*FOR UPDATE SKIP LOCKED*/);

-- name: able
-- Agents with something in their queue and a slot free. From agent to agent along the index of all queues, so that a
-- long queue costs no more than a short one.
WITH RECURSIVE wanted (agent) AS (
  SELECT (SELECT min(a.agent) FROM assignment a WHERE a.claimable AND a.wake_at IS NULL)
  UNION ALL
  SELECT (SELECT min(a.agent) FROM assignment a WHERE a.claimable AND a.wake_at IS NULL AND a.agent > wanted.agent)
    FROM wanted WHERE wanted.agent IS NOT NULL
)
SELECT found.name, found.slots, found.live
  FROM (SELECT g.name, g.slots, g.paused, g.removed, g.host,
               (SELECT count(*) FROM attempt l WHERE l.agent = g.name AND l.ended_at IS NULL) AS live
          FROM wanted CROSS JOIN agent g
         WHERE g.name = wanted.agent) AS found
 WHERE NOT found.paused AND NOT found.removed AND (found.host IS NULL OR found.host = :host)
   AND found.live < found.slots
   AND NOT EXISTS (SELECT 1 FROM setting s WHERE s.name = 'paused')
 ORDER BY found.name;

-- name: live_here
SELECT count(*) AS live FROM attempt l WHERE l.host = :host AND l.ended_at IS NULL;
