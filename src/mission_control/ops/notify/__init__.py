"""Telling people outside of the mission."""
