"""A keyring that has one account, in place of that of a desktop."""

import os

from keyring.backend import KeyringBackend
from keyring.credentials import SimpleCredential


class Wallet(KeyringBackend):
    """What `keyring` finds through PYTHON_KEYRING_BACKEND."""

    priority = 1

    def get_password(self, service: str, username: str) -> str:
        """Give the password."""
        return os.environ["WALLET"].partition(":")[2]

    def get_credential(self, service: str, username: str | None) -> SimpleCredential:
        """Give the account."""
        name, _, password = os.environ["WALLET"].partition(":")
        return SimpleCredential(name, password)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep nothing."""
