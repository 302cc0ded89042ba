-- name: speaker
-- The attempt that a key speaks for, as long as it is live with that token.
SELECT m.agent, m.parting FROM attempt m
 WHERE m.task_id = :task_id AND m.number = :number AND m.token = :token AND m.ended_at IS NULL;

-- name: say_progress
UPDATE attempt SET progress = :text, progress_percent = :percent, progress_at = :now
 WHERE task_id = :task_id AND number = :number;

-- name: part
UPDATE attempt SET parting = :parting, parting_note = :note, parting_at = :now
 WHERE task_id = :task_id AND number = :number;

-- name: answer_live
-- The agent that asked has not ended its attempt yet. No row back: nobody at work has asked.
UPDATE attempt SET parting = 'answered'
 WHERE task_id = :task_id AND ended_at IS NULL AND parting = 'asked'
RETURNING number;

-- name: correct_outcome
-- What the runner ended with is not how the attempt ended: its agent had parted from it.
UPDATE attempt SET outcome = :outcome, error = :error WHERE task_id = :task_id AND number = :number;

-- name: hand_offs
SELECT count(*) AS hand_offs FROM attempt WHERE task_id = :task_id AND parting = 'handed_off';

-- name: depth
-- How many tasks stand above this one; counting ends beyond `most`.
WITH RECURSIVE above (id, level) AS (
  SELECT t.parent_id, 1 FROM task t WHERE t.id = :task_id AND t.parent_id IS NOT NULL
  UNION ALL
  SELECT t.parent_id, above.level + 1
    FROM above JOIN task t ON t.id = above.id
   WHERE t.parent_id IS NOT NULL AND above.level <= :most
)
SELECT count(*) AS depth FROM above;

-- name: subtasks
SELECT t.id, t.title, t.status FROM task t WHERE t.parent_id = :task_id ORDER BY t.id;

-- name: attach
INSERT INTO attachment (task_id, attempt, name, bytes, sha256, created_at)
VALUES (:task_id, :attempt, :name, :bytes, :digest, :now);

-- name: attachments
SELECT task_id, attempt, name, bytes, sha256, created_at FROM attachment WHERE task_id = :task_id ORDER BY id;

-- name: remember
INSERT INTO memory (agent, task_id, attempt, body, created_at)
VALUES (:agent, :task_id, :attempt, :body, :now);

-- name: last_memory
SELECT id, agent, task_id, attempt, body, created_at FROM memory WHERE agent = :agent ORDER BY id DESC LIMIT 1;

-- name: memories
-- Newest first.
SELECT id, agent, task_id, attempt, body, created_at FROM memory WHERE agent = :agent ORDER BY id DESC LIMIT :limit;
