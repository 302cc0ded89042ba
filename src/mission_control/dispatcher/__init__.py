"""The resident process: gives heartbeats when they are due, and at once when there is work."""
