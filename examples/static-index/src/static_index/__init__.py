"""A package index made of plain files, which any web server can serve.

Everything that `static-index` does on the command line is here too:

>>> from static_index import build, make_server
"""

from static_index.read import IndexedFile, Refused
from static_index.releases import Releases, read_releases
from static_index.server import make_server
from static_index.write import build

__all__ = ["IndexedFile", "Refused", "Releases", "build", "make_server", "read_releases"]
