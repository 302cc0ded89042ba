-- name: create_table
CREATE TABLE migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL);

-- name: newest
SELECT coalesce(max(number), 0) AS number FROM migration;

-- name: record
INSERT INTO migration (number, name, applied_at) VALUES (:number, :name, :now);
