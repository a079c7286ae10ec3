"""A package index with accounts: pypiserver with safe settings.

What the command `private-index` does is here too:

>>> from private_index import add_account, make_app
"""

from private_index.accounts import Refused, add_account, read_accounts
from private_index.server import make_app

__all__ = ["Refused", "add_account", "make_app", "read_accounts"]
