"""How attempts are executed: launchers (where), executors (one per attempt), runners (which program)."""
