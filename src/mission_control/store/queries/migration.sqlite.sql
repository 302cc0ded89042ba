-- Differs because each database keeps its catalogue in its own way.

-- name: table
SELECT 1 AS found FROM pragma_table_info('migration') WHERE name = 'applied_at';

-- name: foreign
-- A file belongs to one program: tables without ours among them are somebody else's.
SELECT 1 AS found FROM sqlite_schema LIMIT 1;
