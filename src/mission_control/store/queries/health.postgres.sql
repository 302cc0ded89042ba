-- Differs because a server looks after its own pages.

-- name: pages
SELECT NULL AS problem WHERE FALSE LIMIT :limit;
