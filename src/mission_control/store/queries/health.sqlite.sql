-- Differs because only a file of our own can be looked at page by page.

-- name: pages
SELECT quick_check AS problem FROM pragma_quick_check WHERE quick_check <> 'ok' LIMIT :limit;

-- name: clock
-- There is no other clock than this machine's.
SELECT NULL AS now WHERE FALSE;
