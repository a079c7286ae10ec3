"""The areas as text."""
