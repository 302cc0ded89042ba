-- Differs because trigger bodies have no common syntax, and because Postgres has sequences.

CREATE SEQUENCE task_number;
CREATE SEQUENCE token_number;

-- A counter row would make all claims wait for one another; an index-only count is fast enough here.
CREATE VIEW status_count AS
SELECT known.status, (SELECT count(*) FROM task t WHERE t.status = known.status AND t.kind = 'task') AS tasks
  FROM (VALUES ('inbox'), ('in_progress'), ('review'), ('done'), ('blocked'), ('cancelled')) AS known (status);

-- Rows are locked in the order of their ids, so that two finishing transactions cannot deadlock.
CREATE FUNCTION task_successors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM task WHERE id IN (SELECT task_id FROM dependency WHERE after_id = NEW.id) ORDER BY id FOR UPDATE;
  UPDATE task SET unmet = unmet + CASE WHEN NEW.status = 'done' THEN -1 ELSE 1 END, updated_at = NEW.updated_at
   WHERE id IN (SELECT task_id FROM dependency WHERE after_id = NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER task_successors AFTER UPDATE OF status ON task FOR EACH ROW
WHEN ((NEW.status = 'done') <> (OLD.status = 'done')) EXECUTE FUNCTION task_successors();

CREATE FUNCTION dependency_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE task SET unmet = unmet + 1
     WHERE id = NEW.task_id AND (SELECT status FROM task WHERE id = NEW.after_id) <> 'done';
  ELSE
    UPDATE task SET unmet = unmet - 1
     WHERE id = OLD.task_id AND (SELECT status FROM task WHERE id = OLD.after_id) <> 'done';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER dependency_counted AFTER INSERT OR DELETE ON dependency FOR EACH ROW
EXECUTE FUNCTION dependency_counted();

CREATE FUNCTION assignment_filled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT status = 'inbox', status = 'inbox' AND unmet = 0, task.rank, greatest(not_before, retry_at)
    INTO NEW.in_inbox, NEW.claimable, NEW.rank, NEW.wake_at
    FROM task WHERE id = NEW.task_id;
  RETURN NEW;
END $$;
CREATE TRIGGER assignment_filled BEFORE INSERT ON assignment FOR EACH ROW EXECUTE FUNCTION assignment_filled();

CREATE FUNCTION assignment_follows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE assignment
     SET in_inbox = NEW.status = 'inbox',
         claimable = NEW.status = 'inbox' AND NEW.unmet = 0,
         rank = NEW.rank,
         wake_at = greatest(NEW.not_before, NEW.retry_at)
   WHERE task_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER assignment_follows AFTER UPDATE OF status, unmet, rank, not_before, retry_at ON task FOR EACH ROW
EXECUTE FUNCTION assignment_follows();
