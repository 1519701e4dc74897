"""Search benchmark: see README.md beside this file."""
