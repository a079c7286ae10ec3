"""What both need has moved to a third module."""
