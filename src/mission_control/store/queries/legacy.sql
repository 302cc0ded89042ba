-- The JSON of each row of the old system, as it came.

-- name: agent
SELECT legacy FROM agent WHERE legacy_id = :legacy_id;

-- name: task
SELECT legacy FROM task WHERE legacy_id = :legacy_id;

-- name: comment
SELECT legacy FROM comment WHERE legacy_id = :legacy_id;

-- name: notification
SELECT legacy FROM notification WHERE legacy_id = :legacy_id;

-- name: activity
SELECT legacy FROM activity WHERE legacy_id = :legacy_id;

-- name: adopt_agent
UPDATE agent SET legacy_id = :legacy_id, legacy = :legacy WHERE name = :name;
