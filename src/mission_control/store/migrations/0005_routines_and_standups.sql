-- Routines make tasks by schedule, at most one for each slot; the standup of a day is made once and kept.

CREATE TABLE routine (
  id ROW_ID,
  title TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  command TEXT,
  agents TEXT NOT NULL,  -- names in order, separated by commas
  priority TEXT NOT NULL CHECK (priority IN ('urgent', 'high', 'normal', 'low')),
  max_attempts INTEGER CHECK (max_attempts BETWEEN 1 AND 100),  -- null, here and below: as the mission has it then
  timeout_seconds DOUBLE PRECISION CHECK (timeout_seconds > 0),
  review BOOLEAN NOT NULL DEFAULT FALSE,
  schedule TEXT NOT NULL,
  catch_up TEXT NOT NULL CHECK (catch_up IN ('skip', 'once', 'all')),
  overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'queue')),
  paused BOOLEAN NOT NULL DEFAULT FALSE,
  removed BOOLEAN NOT NULL DEFAULT FALSE,
  next_at TIMESTAMPTZ,  -- the first slot about which nothing is decided; null: there is none
  planned_at TIMESTAMPTZ,  -- when next_at was worked out; in the future once the clock was set back
  fault TEXT,  -- why the last slot made no task
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  CHECK (next_at IS NULL OR NOT (paused OR removed)),
  CHECK ((next_at IS NULL) = (planned_at IS NULL))
);
CREATE INDEX routine_next ON routine (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX routine_planned ON routine (planned_at) WHERE planned_at IS NOT NULL;

-- Outlives its task, so that a slot that comes again with a clock that is set back makes nothing again.
CREATE TABLE routine_slot (
  routine_id BIGINT NOT NULL REFERENCES routine (id),
  slot_at TIMESTAMPTZ,  -- null: a person wanted it at once
  task_id BIGINT UNIQUE REFERENCES task (id) ON DELETE SET NULL,
  made_at TIMESTAMPTZ NOT NULL,
  UNIQUE (routine_id, slot_at)
);
CREATE INDEX routine_slot_task ON routine_slot (routine_id, task_id);

CREATE TABLE standup (
  day TEXT PRIMARY KEY,  -- YYYY-MM-DD in the mission's time zone
  made_at TIMESTAMPTZ NOT NULL,
  content TEXT NOT NULL,  -- JSON: how things stood then, which nobody could find out later
  filed_at TIMESTAMPTZ  -- null: the report and the agents' notes are still to be written
);
CREATE INDEX standup_unfiled ON standup (day) WHERE filed_at IS NULL;
