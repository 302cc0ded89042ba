-- Differs because two transactions could each add one half of a cycle.

-- name: lock_graph
SELECT 1 AS locked FROM (SELECT pg_advisory_xact_lock(1296651329)) AS held;
