-- Who is told outside of the mission, about what, and what is still to be told; and what retention has removed.

CREATE TABLE channel (
  id ROW_ID,
  name TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('webhook', 'apprise')),
  url TEXT NOT NULL,  -- may hold a password or a token, so it is shown to nobody; so is the secret
  secret TEXT CHECK ((kind = 'webhook') = (secret IS NOT NULL)),
  created_at TIMESTAMPTZ NOT NULL,
  last_delivered_at TIMESTAMPTZ,
  failing_since TIMESTAMPTZ,
  last_error TEXT CHECK ((failing_since IS NULL) = (last_error IS NULL))
);

CREATE TABLE channel_topic (
  topic TEXT NOT NULL CHECK (topic IN ('review', 'blocked', 'question', 'silent', 'standup')),
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  PRIMARY KEY (topic, channel_id)
);

-- The outbox: a row for each channel that is to be told, made in the transaction of what it tells. Gone when delivered.
CREATE TABLE notice (
  message_id TEXT NOT NULL,  -- the same for all channels and all tries, so that receivers can tell a repetition
  channel_id BIGINT NOT NULL REFERENCES channel (id) ON DELETE CASCADE,
  topic TEXT NOT NULL,
  at TIMESTAMPTZ NOT NULL,
  task_id BIGINT,
  attempt INTEGER,
  agent TEXT,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
  due_at TIMESTAMPTZ NOT NULL,  -- not before this; whoever delivers it puts it off first, and so keeps others away
  PRIMARY KEY (message_id, channel_id)
);
CREATE INDEX notice_due ON notice (due_at);
CREATE INDEX notice_channel ON notice (channel_id);

-- An agent without heartbeats: since when, when that was first seen, and whether it was told. One silence, one row.
CREATE TABLE silence (
  agent TEXT PRIMARY KEY REFERENCES agent (name),
  since TIMESTAMPTZ NOT NULL,
  seen_at TIMESTAMPTZ NOT NULL,
  told BOOLEAN NOT NULL DEFAULT FALSE
);

-- Retention: whose folder is gone is not looked for again.
ALTER TABLE attempt ADD COLUMN files_removed_at TIMESTAMPTZ;
CREATE INDEX attempt_files ON attempt (host, ended_at) WHERE ended_at IS NOT NULL AND files_removed_at IS NULL;
