-- name: get
SELECT value FROM setting WHERE name = :name;

-- name: put
INSERT INTO setting (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: any_channel
-- Here and not among the notices: every heartbeat asks it, and few need the rest.
SELECT 1 AS found FROM channel LIMIT 1;

-- name: delete
DELETE FROM setting WHERE name = :name RETURNING name;
