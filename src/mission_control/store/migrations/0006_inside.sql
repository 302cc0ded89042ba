-- What an agent at work may say and leave behind: progress, questions, subtasks, files, its memory.

ALTER TABLE task ADD COLUMN parent_id BIGINT REFERENCES task (id) ON DELETE SET NULL;  -- whose attempt added it
CREATE INDEX task_parent ON task (parent_id) WHERE parent_id IS NOT NULL;

ALTER TABLE attempt ADD COLUMN progress TEXT;  -- the last that was said
ALTER TABLE attempt ADD COLUMN progress_percent INTEGER CHECK (progress_percent BETWEEN 0 AND 100);
ALTER TABLE attempt ADD COLUMN progress_at TIMESTAMPTZ;
-- How its agent itself lets the attempt end: see domain/parting.py.
ALTER TABLE attempt ADD COLUMN parting TEXT CHECK (parting IN ('asked', 'answered', 'handed_off'));
ALTER TABLE attempt ADD COLUMN parting_note TEXT;
ALTER TABLE attempt ADD COLUMN parting_at TIMESTAMPTZ;

-- Somebody named with @ in a thread; an agent, or a person.
CREATE TABLE mention (
  id ROW_ID,
  comment_id BIGINT NOT NULL REFERENCES comment (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  delivered_at TIMESTAMPTZ,
  UNIQUE (comment_id, name)
);
CREATE INDEX mention_undelivered ON mention (name, id) WHERE delivered_at IS NULL;

-- Files that an attempt hands in; their content lies in its folder.
CREATE TABLE attachment (
  id ROW_ID,
  task_id BIGINT NOT NULL,
  attempt INTEGER NOT NULL,
  name TEXT NOT NULL,
  bytes BIGINT NOT NULL CHECK (bytes >= 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  created_at TIMESTAMPTZ NOT NULL,
  UNIQUE (task_id, attempt, name),
  FOREIGN KEY (task_id, attempt) REFERENCES attempt (task_id, number) ON DELETE CASCADE
);

-- Every version of an agent's WORKING.md. Outlives the attempt that wrote it; no attempt: written by hand.
CREATE TABLE memory (
  id ROW_ID,
  agent TEXT NOT NULL REFERENCES agent (name),
  task_id BIGINT,
  attempt INTEGER,
  body TEXT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX memory_agent ON memory (agent, id);
