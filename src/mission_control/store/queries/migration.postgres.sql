-- Differs because each database keeps its catalogue in its own way.

-- name: table
SELECT 1 AS found FROM pg_attribute WHERE attrelid = to_regclass('migration') AND attname = 'applied_at';

-- name: foreign
-- A database on a server may be shared; a table of the same name fails the migration as a whole.
SELECT 1 AS found WHERE FALSE;
