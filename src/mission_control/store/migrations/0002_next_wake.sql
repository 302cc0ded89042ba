-- When the next wait ends, of all agents at once: a resident process sleeps until then.
CREATE INDEX assignment_next_wake ON assignment (wake_at) WHERE claimable AND wake_at IS NOT NULL;
