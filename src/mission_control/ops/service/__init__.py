"""The dispatcher as a service of this machine: what is written for systemd or launchd, and how it gets there."""
