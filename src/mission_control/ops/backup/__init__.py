"""Backups: made while everything runs, checked, kept in bounds, and put back, all of one or nothing."""
