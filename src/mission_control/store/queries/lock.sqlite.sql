-- Differs because SQLite has one writer at a time and needs no lock of its own for anything.

-- name: hold
SELECT :name AS held;
