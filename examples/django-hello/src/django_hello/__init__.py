"""A small site in Django: it greets a guest."""
