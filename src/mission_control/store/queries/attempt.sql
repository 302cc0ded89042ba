-- let columns =
--   m.task_id, m.number, m.token, m.agent, m.host, m.claimer_pid, m.claimer_started, m.claimer_boot,
--   m.pid, m.pid_started, m.pid_boot, m.claimed_at, m.started_at, m.lease_expires_at, m.ended_at, m.outcome,
--   m.exit_code, m.signal, m.error, m.queue_wait_seconds, m.duration_seconds, m.tokens_in, m.tokens_out, m.cost_usd,
--   m.answer, m.session, m.progress, m.progress_percent, m.progress_at, m.parting

-- name: claim
-- Attempts of a task are numbered without gaps, for none is ever removed alone; to count them costs a third of max().
INSERT INTO attempt (task_id, number, token, agent, host, claimer_pid, claimer_started, claimer_boot,
                     pid, pid_started, pid_boot, claimed_at, started_at, lease_expires_at, queue_wait_seconds)
VALUES (:task_id, (SELECT count(*) + 1 FROM attempt WHERE task_id = :task_id), :token, :agent,
        :host, :claimer_pid, :claimer_started, :claimer_boot,
        :pid, :pid_started, :pid_boot, :now, :started_at, :lease_expires_at, :queue_wait_seconds)
RETURNING number;

-- name: start
-- The check right before the runner starts. Saying it twice is harmless for the same executor, refused for another.
UPDATE attempt
   SET pid = :pid, pid_started = :pid_started, pid_boot = :pid_boot,
       started_at = coalesce(started_at, :now), lease_expires_at = :lease_expires_at
 WHERE task_id = :task_id AND number = :number AND token = :token AND ended_at IS NULL
   AND (started_at IS NULL OR (pid = :pid AND pid_started = :pid_started AND pid_boot = :pid_boot))
RETURNING (SELECT t.cancel_requested_at FROM task t WHERE t.id = :task_id) AS cancel_requested_at;

-- name: renew
-- No row back: the lease was lost. An agent that parted, but does not end, is ended as if it had been cancelled.
UPDATE attempt SET lease_expires_at = :lease_expires_at
 WHERE task_id = :task_id AND number = :number AND token = :token AND ended_at IS NULL
RETURNING coalesce((SELECT t.cancel_requested_at FROM task t WHERE t.id = :task_id),
                   CASE WHEN parting_at <= :parted_before THEN parting_at END) AS cancel_requested_at;

-- name: finish
-- Only the holder of the token ends an attempt, and only once.
UPDATE attempt
   SET ended_at = :now, outcome = :outcome, exit_code = :exit_code, signal = :signal, error = :error,
       duration_seconds = :duration_seconds, tokens_in = :tokens_in, tokens_out = :tokens_out, cost_usd = :cost_usd,
       answer = :answer, session = :session
 WHERE task_id = :task_id AND number = :number AND token = :token AND ended_at IS NULL
RETURNING agent, parting, parting_note;

-- name: get
SELECT {columns} FROM attempt m WHERE m.task_id = :task_id AND m.number = :number;

-- name: of_task
SELECT {columns} FROM attempt m WHERE m.task_id = :task_id ORDER BY m.number;

-- name: live_of_task
SELECT {columns} FROM attempt m WHERE m.task_id = :task_id AND m.ended_at IS NULL;

-- name: live
SELECT {columns} FROM attempt m WHERE m.ended_at IS NULL ORDER BY m.claimed_at, m.task_id;

-- name: live_counts
SELECT m.agent, m.host, count(*) AS live FROM attempt m WHERE m.ended_at IS NULL GROUP BY m.agent, m.host;

-- name: ended_since
SELECT m.agent, m.outcome, m.queue_wait_seconds, m.duration_seconds, m.tokens_in, m.tokens_out, m.cost_usd
  FROM attempt m
 WHERE m.ended_at IS NOT NULL AND m.ended_at >= :since AND (:agent IS NULL OR m.agent = :agent);

-- name: outcomes
-- How attempts have ended, over all time. Reads every attempt once, so only /metrics asks it.
SELECT outcome, count(*) AS attempts FROM attempt WHERE outcome IS NOT NULL GROUP BY outcome;
