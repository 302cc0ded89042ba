"""Launchers: where and how an executor is started."""
