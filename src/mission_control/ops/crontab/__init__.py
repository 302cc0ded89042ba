"""Heartbeats given by cron(8): one marked block in the user's crontab, and nothing else of it."""
