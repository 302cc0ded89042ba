-- Differs because SQLite has no sequences, and because its pages are ours to look after.

-- name: numbers
SELECT (SELECT value FROM counter WHERE name = 'task') AS task,
       (SELECT value FROM counter WHERE name = 'token') AS token;

-- name: raise_task
UPDATE counter SET value = max(value, :value) WHERE name = 'task';

-- name: raise_token
UPDATE counter SET value = max(value, :value) WHERE name = 'token';

-- name: problems
SELECT integrity_check AS problem FROM pragma_integrity_check WHERE integrity_check <> 'ok'
 UNION ALL
SELECT 'row ' || rowid || ' of ' || "table" || ' names a row of ' || parent || ' that is not there'
  FROM pragma_foreign_key_check
 LIMIT :limit;

-- name: shared_snapshot
-- Nobody else reads the state of a transaction.
SELECT NULL AS snapshot;
