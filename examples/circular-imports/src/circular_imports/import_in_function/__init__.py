"""One of the two imports waits until a function runs."""
