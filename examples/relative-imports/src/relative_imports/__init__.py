"""The areas of a garden, as a table."""
