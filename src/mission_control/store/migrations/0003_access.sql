-- Keys of those who come over the network, and the answers that a repeated request gets again.

-- A secret has 256 bits from the system's source of chance; only its SHA-256 is kept.
CREATE TABLE access_key (
  id ROW_ID,
  kind TEXT NOT NULL CHECK (kind IN ('token', 'link', 'session')),
  name TEXT NOT NULL,  -- who acts with it
  scope TEXT NOT NULL CHECK (scope IN ('read', 'agent', 'admin')),
  hash TEXT NOT NULL UNIQUE,
  created_by TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ,  -- null: never
  used_at TIMESTAMPTZ,  -- to the minute
  ended_at TIMESTAMPTZ,  -- revoked, used up, logged out
  parent_id BIGINT REFERENCES access_key (id) ON DELETE CASCADE  -- a session of a token ends with the token
);
CREATE UNIQUE INDEX access_key_token_name ON access_key (name) WHERE kind = 'token' AND ended_at IS NULL;

CREATE TABLE given_answer (
  caller TEXT NOT NULL,
  key TEXT NOT NULL,
  request TEXT NOT NULL,  -- SHA-256 of what was asked
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (caller, key)
);
CREATE INDEX given_answer_created ON given_answer (created_at);
