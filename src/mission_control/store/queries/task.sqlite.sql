-- Differs because SQLite has one writer at a time and needs no lock for the graph.

-- name: lock_graph
SELECT 1 AS locked;
