-- Differs because two transactions may write at once here, also about what has no row yet to lock.

-- name: hold
SELECT pg_advisory_xact_lock(hashtextextended(:name, 1296651329)) AS held;
