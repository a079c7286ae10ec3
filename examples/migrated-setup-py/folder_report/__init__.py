"""Say what fills a folder, one kind of file after the other."""

__version__ = "1.4.2"
