"""API keys that are exchanged while the service runs.

What the command `secret-rotation` does is here too:

>>> from secret_rotation import KeyFile, add_key, make_app, retire_key
"""

from secret_rotation.app import make_app
from secret_rotation.keys import Key, Refused, add_key, find, read_keys, retire_key
from secret_rotation.live import KeyFile

__all__ = ["Key", "KeyFile", "Refused", "add_key", "find", "make_app", "read_keys", "retire_key"]
