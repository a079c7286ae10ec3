"""Which file an import takes, and which files hide a standard module."""

from module_search_path.lookup import hidden_by, locate

__all__ = ["hidden_by", "locate"]
