-- let columns =
--   k.id, k.kind, k.name, k.scope, k.created_by, k.created_at, k.expires_at, k.used_at, k.ended_at

-- name: insert
INSERT INTO access_key (kind, name, scope, hash, created_by, created_at, expires_at, parent_id)
VALUES (:kind, :name, :scope, :hash, :created_by, :created_at, :expires_at, :parent_id)
RETURNING id;

-- name: valid
-- The key with this hash, unless it or the token it came from is over.
SELECT {columns}
  FROM access_key k LEFT JOIN access_key p ON p.id = k.parent_id
 WHERE k.hash = :hash
   AND k.ended_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)
   AND p.ended_at IS NULL AND (p.expires_at IS NULL OR p.expires_at > :now);

-- name: use_link
-- Only one caller gets the row: a link works once.
UPDATE access_key SET ended_at = :now, used_at = :now
 WHERE hash = :hash AND kind = 'link' AND ended_at IS NULL AND expires_at > :now
RETURNING id;

-- name: note_use
UPDATE access_key SET used_at = :now WHERE id = :id;

-- name: tokens
SELECT {columns} FROM access_key k WHERE k.kind = 'token' AND k.ended_at IS NULL ORDER BY k.name;

-- name: end_token
UPDATE access_key SET ended_at = :now WHERE kind = 'token' AND name = :name AND ended_at IS NULL RETURNING id;

-- name: end_key
UPDATE access_key SET ended_at = :now WHERE hash = :hash AND ended_at IS NULL RETURNING id;

-- name: forget
-- Links and sessions that are over serve nobody. Tokens stay, for who made them is part of the history.
DELETE FROM access_key
 WHERE kind IN ('link', 'session') AND (ended_at < :before OR expires_at < :before);

-- name: answer
SELECT request, status, body FROM given_answer WHERE caller = :caller AND key = :key;

-- name: keep_answer
INSERT INTO given_answer (caller, key, request, status, body, created_at)
VALUES (:caller, :key, :request, :status, :body, :now);

-- name: forget_answers
DELETE FROM given_answer WHERE created_at < :before;
