-- Differs because a server looks after its own pages.

-- name: pages
SELECT NULL AS problem WHERE FALSE LIMIT :limit;

-- name: clock
SELECT clock_timestamp() AS now;
