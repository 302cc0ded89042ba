-- What a copy of the database holds, and what must be so in one that takes another's place.

-- name: counts
SELECT (SELECT count(*) FROM agent WHERE NOT removed) AS agents,
       (SELECT count(*) FROM task) AS tasks,
       (SELECT count(*) FROM attempt) AS attempts,
       (SELECT count(*) FROM attempt WHERE ended_at IS NULL) AS live_attempts,
       (SELECT count(*) FROM comment) AS comments,
       (SELECT count(*) FROM activity) AS activities;

-- name: attempts
SELECT task_id, number FROM attempt;
