"""The server: pypiserver with safe settings."""

import logging
from collections.abc import Callable
from pathlib import Path

import pypiserver
from pypiserver.bottle_wrapper import Bottle, HTTPError, request

from private_index.accounts import Refused, is_right, read_accounts

log = logging.getLogger(__name__)
SAID = {
    401: "this index wants a name and a password",
    403: "the name or the password is wrong",
    404: "there is nothing here",
}


# --8<-- [start:app]
def make_app(packages: Path, accounts: Path) -> Bottle:
    """Return the index as a WSGI application.

    Args:
        packages: the folder of the files; uploads go there.
        accounts: the file of the accounts.

    Raises:
        Refused: the folder is not there, or there is no account.
    """
    if not packages.is_dir():
        raise Refused(f"{packages}: no such folder; make it: mkdir {packages}")
    read_accounts(accounts)
    app = pypiserver.app(
        roots=[packages.resolve()],
        authenticate=["download", "list", "update"],  # by itself, pypiserver asks for a password at uploads only
        auther=_checker(accounts),
        disable_fallback=True,  # by itself, pypiserver sends clients to PyPI for names that it does not have
        overwrite=False,
        welcome_msg="A package index; see /simple/",
    )
    app.add_hook("before_request", _keep_what_is_published)
    for status in (400, 401, 403, 404, 409):
        app.error(status)(_in_words)
    return app


def _checker(accounts: Path) -> Callable[[str, str], bool]:
    """Return what pypiserver asks about each request; it reads the file anew, so that a change counts at once."""

    def is_allowed(name: str, password: str) -> bool:
        try:
            return is_right(read_accounts(accounts), name, password)
        except (Refused, OSError) as fault:
            log.error("nobody is let in: %s", fault)
            return False

    return is_allowed


# --8<-- [end:app]


def _keep_what_is_published() -> None:
    """Refuse to remove a file, which pypiserver lets every account do: removed and uploaded again is overwritten."""
    if request.method == "POST" and request.forms.get(":action") == "remove_pkg":
        raise HTTPError(403, "files stay; yours can be removed by who runs this server")


def _in_words(error: HTTPError) -> str:
    """Say a fault in one line of text, which uv and twine show as it is; pypiserver sends a page of HTML."""
    error.content_type = "text/plain; charset=utf-8"
    return f"{error.status_line}: {str(error.body or SAID[error.status_code]).strip()}\n"
