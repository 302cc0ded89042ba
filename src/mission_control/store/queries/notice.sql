-- let channel =
--   c.id, c.name, c.kind, c.url, c.secret, c.created_at, c.last_delivered_at, c.failing_since, c.last_error

-- name: channels
SELECT {channel}, (SELECT count(*) FROM notice n WHERE n.channel_id = c.id) AS waiting
  FROM channel c
 ORDER BY c.name;

-- name: channel
SELECT {channel}, 0 AS waiting FROM channel c WHERE c.id = :id;

-- name: topics
SELECT t.topic FROM channel_topic t WHERE t.channel_id = :channel_id;

-- name: add_channel
INSERT INTO channel (name, kind, url, secret, created_at)
VALUES (:name, :kind, :url, :secret, :created_at)
RETURNING id;

-- name: add_topic
INSERT INTO channel_topic (topic, channel_id) VALUES (:topic, :channel_id);

-- name: remove_channel
DELETE FROM channel WHERE name = :name RETURNING id;

-- name: enqueue
-- A row for each channel that wants to hear of it. The casts tell Postgres of what type a null is.
INSERT INTO notice (message_id, channel_id, topic, at, task_id, attempt, agent, title, text, due_at)
SELECT CAST(:message_id AS TEXT), w.channel_id, w.topic, :at,
       CAST(:task_id AS BIGINT), CAST(:attempt AS INTEGER), CAST(:agent AS TEXT),
       coalesce(CAST(:title AS TEXT), (SELECT t.title FROM task t WHERE t.id = :task_id), ''),
       CAST(:text AS TEXT), :at
  FROM channel_topic w
 WHERE w.topic = :topic;

-- name: is_any_due
SELECT 1 AS found FROM notice WHERE due_at <= :now OR due_at > :latest LIMIT 1;

-- name: next_due
-- The one that has waited longest and that nobody else is just taking. What is due beyond `latest` was put off before
-- the clock was set back.
SELECT n.message_id, n.channel_id, n.topic, n.at, n.task_id, n.attempt, n.agent, n.title, n.text, n.tries
  FROM notice n
 WHERE n.due_at <= :now OR n.due_at > :latest
 ORDER BY n.due_at
 LIMIT 1 /*FOR UPDATE SKIP LOCKED*/;

-- name: take
UPDATE notice SET tries = tries + 1, due_at = :until
 WHERE message_id = :message_id AND channel_id = :channel_id;

-- name: put_off
-- Only by whoever tried last.
UPDATE notice SET due_at = :due_at
 WHERE message_id = :message_id AND channel_id = :channel_id AND tries = :tries
RETURNING tries;

-- name: pause_channel
UPDATE notice SET due_at = :until WHERE channel_id = :channel_id AND due_at <= :now;

-- name: drop
-- What is delivered is delivered, whoever else is trying it meanwhile.
DELETE FROM notice WHERE message_id = :message_id AND channel_id = :channel_id RETURNING tries;

-- name: channel_works
UPDATE channel SET last_delivered_at = :now, failing_since = NULL, last_error = NULL WHERE id = :id;

-- name: channel_fails
UPDATE channel SET failing_since = coalesce(failing_since, :now), last_error = :error WHERE id = :id;

-- name: note_silence
-- A row back when this silence is new: none is noted yet, or an earlier one, which a heartbeat has ended since.
INSERT INTO silence (agent, since, seen_at) VALUES (:agent, :since, :now)
ON CONFLICT (agent) DO UPDATE SET since = excluded.since, seen_at = excluded.seen_at, told = FALSE
 WHERE silence.since <> excluded.since
RETURNING agent;

-- name: tell_silence
-- A row back for the one who tells it.
UPDATE silence SET told = TRUE
 WHERE agent = :agent AND since = :since AND seen_at <= :seen_before AND NOT told
RETURNING agent;
