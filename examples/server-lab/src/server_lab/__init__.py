"""Measure WSGI servers side by side: how fast, how much memory, and what they do when something fails."""
