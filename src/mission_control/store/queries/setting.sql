-- name: get
SELECT value FROM setting WHERE name = :name;

-- name: put
INSERT INTO setting (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: delete
DELETE FROM setting WHERE name = :name RETURNING name;
