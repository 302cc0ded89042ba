-- Differs because trigger bodies have no common syntax, and because SQLite has no sequences.

CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('task', 0), ('token', 0);

-- count(*) GROUP BY takes 250 ms at a million tasks; this takes none.
CREATE TABLE status_count (status TEXT PRIMARY KEY, tasks INTEGER NOT NULL CHECK (tasks >= 0)) WITHOUT ROWID;
INSERT INTO status_count (status, tasks)
VALUES ('inbox', 0), ('in_progress', 0), ('review', 0), ('done', 0), ('blocked', 0), ('cancelled', 0);

CREATE TRIGGER task_counted AFTER INSERT ON task WHEN NEW.kind = 'task'
BEGIN
  UPDATE status_count SET tasks = tasks + 1 WHERE status = NEW.status;
END;

CREATE TRIGGER task_uncounted AFTER DELETE ON task WHEN OLD.kind = 'task'
BEGIN
  UPDATE status_count SET tasks = tasks - 1 WHERE status = OLD.status;
END;

CREATE TRIGGER task_recounted AFTER UPDATE OF status ON task WHEN NEW.kind = 'task' AND NEW.status <> OLD.status
BEGIN
  UPDATE status_count SET tasks = tasks - 1 WHERE status = OLD.status;
  UPDATE status_count SET tasks = tasks + 1 WHERE status = NEW.status;
END;

CREATE TRIGGER task_successors AFTER UPDATE OF status ON task
WHEN (NEW.status = 'done') <> (OLD.status = 'done')
BEGIN
  UPDATE task SET unmet = unmet + CASE WHEN NEW.status = 'done' THEN -1 ELSE 1 END, updated_at = NEW.updated_at
   WHERE id IN (SELECT task_id FROM dependency WHERE after_id = NEW.id);
END;

CREATE TRIGGER dependency_counted AFTER INSERT ON dependency
WHEN (SELECT status FROM task WHERE id = NEW.after_id) <> 'done'
BEGIN
  UPDATE task SET unmet = unmet + 1 WHERE id = NEW.task_id;
END;

CREATE TRIGGER dependency_uncounted AFTER DELETE ON dependency
WHEN (SELECT status FROM task WHERE id = OLD.after_id) <> 'done'
BEGIN
  UPDATE task SET unmet = unmet - 1 WHERE id = OLD.task_id;
END;

CREATE TRIGGER assignment_filled AFTER INSERT ON assignment
BEGIN
  UPDATE assignment
     SET (in_inbox, claimable, rank, wake_at) = (
           SELECT status = 'inbox', status = 'inbox' AND unmet = 0, rank,
                  max(coalesce(not_before, retry_at), coalesce(retry_at, not_before))
             FROM task WHERE id = NEW.task_id)
   WHERE task_id = NEW.task_id AND agent = NEW.agent;
END;

CREATE TRIGGER assignment_follows AFTER UPDATE OF status, unmet, rank, not_before, retry_at ON task
BEGIN
  UPDATE assignment
     SET in_inbox = NEW.status = 'inbox',
         claimable = NEW.status = 'inbox' AND NEW.unmet = 0,
         rank = NEW.rank,
         wake_at = max(coalesce(NEW.not_before, NEW.retry_at), coalesce(NEW.retry_at, NEW.not_before))
   WHERE task_id = NEW.id;
END;
