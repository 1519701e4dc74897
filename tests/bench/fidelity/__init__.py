"""Searches with budgets in virtual time, see README.md."""
