-- The board: tasks, who may do them, what must come first, every try, every move.
-- BIG_KEY and ROW_ID stand for the dialect's own words (see dialect.py). SQLite keeps TIMESTAMPTZ as UTC ISO-8601 text.

CREATE TABLE setting (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE agent (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL DEFAULT '',
  runner TEXT NOT NULL,
  model TEXT,
  slots INTEGER NOT NULL CHECK (slots BETWEEN 1 AND 1000),
  schedule TEXT NOT NULL,
  host TEXT,
  review BOOLEAN NOT NULL DEFAULT FALSE,
  paused BOOLEAN NOT NULL DEFAULT FALSE,
  removed BOOLEAN NOT NULL DEFAULT FALSE,
  next_heartbeat_at TIMESTAMPTZ,
  last_heartbeat_at TIMESTAMPTZ,
  legacy_id TEXT UNIQUE,
  legacy TEXT,  -- what an import found beyond the fields above, as JSON
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
-- One query finds all agents whose heartbeat is due.
CREATE INDEX agent_next_heartbeat ON agent (next_heartbeat_at) WHERE NOT removed;

CREATE TABLE task (
  id BIG_KEY,
  title TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  status TEXT NOT NULL DEFAULT 'inbox'
    CHECK (status IN ('inbox', 'in_progress', 'review', 'done', 'blocked', 'cancelled')),
  priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('urgent', 'high', 'normal', 'low')),
  kind TEXT NOT NULL DEFAULT 'task' CHECK (kind IN ('task', 'reply')),
  command TEXT,
  max_attempts INTEGER NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
  timeout_seconds DOUBLE PRECISION NOT NULL CHECK (timeout_seconds > 0),
  review BOOLEAN NOT NULL DEFAULT FALSE,
  not_before TIMESTAMPTZ,  -- asked for by a person
  retry_at TIMESTAMPTZ,  -- set by the backoff
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0 AND failures <= max_attempts),
  token BIGINT NOT NULL DEFAULT 0,
  unmet INTEGER NOT NULL DEFAULT 0 CHECK (unmet >= 0),  -- predecessors not done; kept by triggers
  rank BIGINT NOT NULL,  -- place in the queue, see domain/task.py
  reason TEXT CHECK (status <> 'blocked' OR reason IS NOT NULL),
  key TEXT UNIQUE,
  legacy_id TEXT UNIQUE,
  legacy TEXT,
  cancel_requested_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX task_status ON task (status, id);
-- The status stands in front, or SQLite would rather walk through the whole inbox by task_status.
CREATE INDEX task_retry ON task (status, retry_at) WHERE retry_at IS NOT NULL;

-- Who may do a task. in_inbox, claimable, rank and wake_at repeat the task's own state, kept by triggers, so that one
-- index holds each agent's queue in order and a claim touches only what it takes.
CREATE TABLE assignment (
  task_id BIGINT NOT NULL REFERENCES task (id) ON DELETE CASCADE,
  agent TEXT NOT NULL REFERENCES agent (name),
  position INTEGER NOT NULL,
  in_inbox BOOLEAN NOT NULL DEFAULT FALSE,
  claimable BOOLEAN NOT NULL DEFAULT FALSE,  -- in the inbox and no predecessor unfinished
  rank BIGINT NOT NULL DEFAULT 0,
  wake_at TIMESTAMPTZ,  -- not before this; null once it has passed
  PRIMARY KEY (task_id, agent)
);
CREATE INDEX assignment_queue ON assignment (agent, rank, task_id) WHERE claimable AND wake_at IS NULL;
CREATE INDEX assignment_inbox ON assignment (agent, rank, task_id) WHERE in_inbox;
CREATE INDEX assignment_wake ON assignment (agent, wake_at) WHERE claimable AND wake_at IS NOT NULL;

CREATE TABLE dependency (
  task_id BIGINT NOT NULL REFERENCES task (id) ON DELETE CASCADE,
  after_id BIGINT NOT NULL REFERENCES task (id),
  PRIMARY KEY (task_id, after_id),
  CHECK (task_id <> after_id)
);
CREATE INDEX dependency_successors ON dependency (after_id, task_id);

CREATE TABLE attempt (
  task_id BIGINT NOT NULL REFERENCES task (id) ON DELETE CASCADE,
  number INTEGER NOT NULL CHECK (number >= 1),
  token BIGINT NOT NULL UNIQUE,
  agent TEXT NOT NULL REFERENCES agent (name),
  host TEXT NOT NULL,
  claimer_pid INTEGER NOT NULL,
  claimer_started TEXT NOT NULL,
  claimer_boot TEXT NOT NULL,
  pid INTEGER,
  pid_started TEXT,
  pid_boot TEXT,
  claimed_at TIMESTAMPTZ NOT NULL,
  started_at TIMESTAMPTZ CHECK ((started_at IS NULL) = (pid IS NULL)),
  lease_expires_at TIMESTAMPTZ NOT NULL,
  ended_at TIMESTAMPTZ,
  outcome TEXT
    CHECK (outcome IN ('succeeded', 'failed', 'timed_out', 'lost', 'released', 'cancelled'))
    CHECK ((outcome IS NULL) = (ended_at IS NULL)),
  exit_code INTEGER,
  signal INTEGER,
  error TEXT,
  queue_wait_seconds DOUBLE PRECISION,  -- from ready to claimed
  duration_seconds DOUBLE PRECISION,
  tokens_in BIGINT,
  tokens_out BIGINT,
  cost_usd DOUBLE PRECISION,
  PRIMARY KEY (task_id, number)
);
-- The database itself refuses a second live attempt.
CREATE UNIQUE INDEX attempt_one_live ON attempt (task_id) WHERE ended_at IS NULL;
CREATE INDEX attempt_live_agent ON attempt (agent) WHERE ended_at IS NULL;
CREATE INDEX attempt_live_host ON attempt (host) WHERE ended_at IS NULL;
CREATE INDEX attempt_ended ON attempt (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE comment (
  id ROW_ID,
  task_id BIGINT NOT NULL REFERENCES task (id) ON DELETE CASCADE,
  author TEXT NOT NULL,
  body TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'comment' CHECK (kind IN ('comment', 'question', 'answer', 'rejection')),
  legacy_id TEXT UNIQUE,
  legacy TEXT,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX comment_task ON comment (task_id, id);

-- Mentions as the old system kept them; one row each.
CREATE TABLE notification (
  id ROW_ID,
  agent TEXT NOT NULL REFERENCES agent (name),
  content TEXT NOT NULL,
  delivered_at TIMESTAMPTZ,
  legacy_id TEXT UNIQUE,
  legacy TEXT,
  created_at TIMESTAMPTZ NOT NULL
);

-- Append-only history: every move of every task, and what people did. Outlives what it speaks of.
CREATE TABLE activity (
  id ROW_ID,
  at TIMESTAMPTZ NOT NULL,
  kind TEXT NOT NULL,
  task_id BIGINT,
  attempt INTEGER,
  agent TEXT,
  actor TEXT NOT NULL,
  from_status TEXT,
  to_status TEXT,
  message TEXT NOT NULL DEFAULT '',
  legacy_id TEXT UNIQUE,
  legacy TEXT
);
CREATE INDEX activity_task ON activity (task_id, id);
CREATE INDEX activity_agent ON activity (agent, id);
