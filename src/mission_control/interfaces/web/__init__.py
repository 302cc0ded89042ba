"""The pages and the API, served by a process of its own beside the dispatcher (docs/decisions/0011)."""
