"""What clients can do with an account, and what nobody can; with pip, uv and twine."""

import http.client
import json
import os
import sys
from pathlib import Path

import pytest
from conftest import NAME, PASSWORD, WRONG, Place, running, wheel
from private_index import add_account
from uv import find_uv_bin

FILE = "team_greeting-1.0-py3-none-any.whl"
NONE = (
    "ERROR: Could not find a version that satisfies the requirement team-greeting (from versions: none)\n"
    "ERROR: No matching distribution found for team-greeting\n"
)
# pypiserver as it is where nothing is set, but for accounts.
BARE = """
import pathlib, sys, pypiserver, waitress
app = pypiserver.app(roots=[pathlib.Path(sys.argv[1])], authenticate=[], password_file=".")
server = waitress.create_server(app, host="127.0.0.1", port=0)
print(f"http://127.0.0.1:{server.effective_port}/", flush=True)
server.run()
"""
INSTALLED = ["team_greeting-1.0.dist-info"]


# Accounts


@pytest.mark.parametrize("path", ["/simple/", "/simple/team-greeting/", "/packages/", f"/packages/{FILE}"])
def test_nothing_is_read_without_an_account(full: Place, path: str) -> None:
    assert full.ask(path, password=None) == (401, "401 Unauthorized: this index wants a name and a password\n")
    assert full.ask(path, password=WRONG) == (403, "403 Forbidden: the name or the password is wrong\n")
    assert full.ask(path)[0] == 200


def test_nothing_is_uploaded_without_an_account(full: Place) -> None:
    body = ":action=file_upload"
    assert full.ask("/", None, "POST", body) == (401, "401 Unauthorized: this index wants a name and a password\n")
    assert full.ask("/", WRONG, "POST", body) == (403, "403 Forbidden: the name or the password is wrong\n")
    assert full.ask("/", PASSWORD, "POST", body) == (400, "400 Bad Request: Missing 'content' file-field!\n")


def test_an_account_that_is_taken_away_is_out_at_once(place: Place) -> None:
    add_account(place.accounts, "other", PASSWORD)
    lines = place.accounts.read_text("utf-8").splitlines(keepends=True)
    place.accounts.write_text(lines[1], "utf-8")
    assert place.ask("/simple/")[0] == 403


def test_a_broken_file_of_accounts_lets_nobody_in(place: Place) -> None:
    with place.accounts.open("a", encoding="utf-8") as file:
        file.write("other:plain text\n")
    assert place.ask("/simple/")[0] == 403


def test_the_server_listens_on_this_computer_only() -> None:
    from private_index.__main__ import _parser

    assert _parser().parse_args(["serve", "packages"]).host == "127.0.0.1"


# Upload


def test_twine_uploads(place: Place, tmp_path: Path) -> None:
    assert place.twine(wheel(tmp_path))[0] == 0
    assert place.published == [FILE]


def test_uv_uploads(place: Place, tmp_path: Path) -> None:
    assert place.publish("--quiet", wheel(tmp_path)) == (0, "")
    assert place.published == [FILE]


def test_a_file_is_uploaded_once(place: Place, tmp_path: Path) -> None:
    first = wheel(tmp_path)
    place.twine(first)
    before = (place.packages / FILE).read_bytes()
    assert before == first.read_bytes()
    changed = wheel(tmp_path, code="changed = True\n")
    status, said = place.twine(changed)
    assert (status, "HTTPError: 400 Bad Request" in said) == (1, True)
    status, said = place.publish(changed)
    assert (status, "409 Conflict: Package" in said, "already exists!" in said) == (2, True, True)
    assert (place.packages / FILE).read_bytes() == before


def test_uv_skips_what_is_there(full: Place) -> None:
    status, said = full.publish("--check-url", full.with_account(), full.packages / FILE)
    assert (status, said.splitlines()[-1]) == (0, f"File {FILE} already exists, skipping")


def test_a_file_is_not_removed_by_an_account(full: Place) -> None:
    for name in ("team-greeting", "team_greeting"):
        body = f":action=remove_pkg&name={name}&version=1.0"
        told = "403 Forbidden: files stay; yours can be removed by who runs this server\n"
        assert full.ask("/", PASSWORD, "POST", body) == (403, told)
    assert full.published == [FILE]


def test_pypiserver_by_itself_lets_an_account_remove_a_file(tmp_path: Path) -> None:
    wheel(tmp_path)
    with running("-c", BARE, tmp_path) as port:
        body = ":action=remove_pkg&name=team_greeting&version=1.0"
        assert Place(tmp_path, tmp_path, port).ask("/", None, "POST", body) == (200, "")
    assert list(tmp_path.glob("*.whl")) == []


def test_a_wrong_password_uploads_nothing(full: Place, tmp_path: Path) -> None:
    built = wheel(tmp_path, version="2.0")
    status, said = full.twine(built, password=WRONG)
    assert (status, "HTTPError: 403 Forbidden" in said) == (1, True)
    status, said = full.publish(built, password=WRONG)
    assert (status, "403 Forbidden: the name or the password is wrong" in said) == (2, True)
    assert full.published == [FILE]


# Install


def test_pip_and_uv_install_with_the_account_in_netrc(full: Place) -> None:
    full.netrc()
    assert full.pip("--quiet", "--index-url", full.url, "team-greeting") == (0, "")
    assert full.installed == INSTALLED
    assert full.uv("--reinstall", "--default-index", full.url, "team-greeting") == (0, "")
    moved = {"NETRC": str((full.folder / ".netrc").rename(full.folder / "netrc"))}
    assert full.uv("--reinstall", "--default-index", full.url, "team-greeting", **moved) == (0, "")


def test_pip_and_uv_install_with_the_account_in_the_address(full: Place) -> None:
    assert full.pip("--quiet", "--index-url", full.with_account(), "team-greeting") == (0, "")
    assert full.installed == INSTALLED
    assert full.uv("--reinstall", "--default-index", full.with_account(), "team-greeting") == (0, "")


def test_pip_installs_with_the_account_in_variables_of_a_requirements_file(full: Place) -> None:
    wanted = full.folder / "requirements.txt"
    address = full.url.replace("http://", "http://${INDEX_NAME}:${INDEX_PASSWORD}@")
    wanted.write_text(f"--index-url {address}\nteam-greeting\n", "utf-8")
    account = {"INDEX_NAME": NAME, "INDEX_PASSWORD": PASSWORD}
    assert full.pip("--quiet", "--requirement", wanted, **account) == (0, "")
    assert full.installed == INSTALLED


def test_uv_installs_with_the_account_in_variables(full: Place) -> None:
    account = {"UV_INDEX_TEAM_USERNAME": NAME, "UV_INDEX_TEAM_PASSWORD": PASSWORD}
    assert full.uv("--default-index", f"team={full.url}", "team-greeting", **account) == (0, "")
    assert full.installed == INSTALLED


def test_pip_installs_with_the_account_in_a_keyring(full: Place) -> None:
    wallet = {"PYTHONPATH": str(Path(__file__).parent), "PYTHON_KEYRING_BACKEND": "wallet.Wallet"}
    wallet["WALLET"] = f"{NAME}:{PASSWORD}"
    options = ("--quiet", "--keyring-provider", "import", "--index-url")
    assert full.pip(*options, full.url, "team-greeting", **wallet) == (0, "")
    assert full.installed == INSTALLED
    # A name in the address is sent without a password, and pypiserver answers 403, not 401: pip asks no keyring.
    named = full.url.replace("http://", f"http://{NAME}@")
    assert full.pip(*options, named, "team-greeting", **wallet) == (1, NONE)


def test_pip_does_not_say_that_the_password_is_wrong(full: Place) -> None:
    assert full.pip("--quiet", "--index-url", full.with_account(WRONG), "team-greeting") == (1, NONE)
    assert full.pip("--quiet", "--index-url", full.url, "team-greeting") == (1, NONE)
    status, said = full.pip("--index-url", full.url, "team-greeting", PIP_NO_INPUT="0")
    assert (status, f"User for 127.0.0.1:{full.port}: " in said) == (2, True)
    status, said = full.pip("-vv", "--index-url", full.with_account(WRONG), "team-greeting")
    assert (status, "403 Client Error: Forbidden" in said) == (1, True)


def test_uv_says_that_the_password_is_wrong(full: Place) -> None:
    status, said = full.uv("--default-index", full.with_account(WRONG), "team-greeting")
    assert (status, "returned a 403 Forbidden error" in said) == (1, True)
    status, said = full.uv("--default-index", full.url, "team-greeting")
    assert (status, "lack of valid authentication credentials (401 Unauthorized)" in said) == (1, True)


# Names that it does not have


def test_an_unknown_name_is_not_found(full: Place) -> None:
    assert full.ask("/simple/unknown/") == (404, "404 Not Found: Not Found (unknown does not exist)\n")
    assert full.ask("/favicon.ico") == (404, "404 Not Found: there is nothing here\n")


def test_pypiserver_by_itself_sends_clients_to_pypi_for_an_unknown_name(tmp_path: Path) -> None:
    from pip._internal.models.index import PyPI

    with running("-c", BARE, tmp_path) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/simple/unknown/")
        answer = connection.getresponse()
        told = (answer.status, answer.headers["Location"])
        connection.close()
    assert told == (303, f"{PyPI.simple_url}/unknown/")


# Where a password shows


def test_a_command_line_shows_the_password_to_every_user(full: Place) -> None:
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("no /proc")
    show = "print(open('/proc/self/cmdline').read().split('\\0')[-2])"
    assert full.run(sys.executable, "-c", show, full.with_account()) == (0, full.with_account() + "\n")
    assert os.stat("/proc/self/cmdline").st_mode & 0o004


def test_pip_hides_the_password_in_what_it_writes(full: Place) -> None:
    report = full.folder / "report.json"
    direct = f"team-greeting @ {full.with_account(path=f'packages/{FILE}')}"
    index = ("--index-url", full.with_account())
    status, said = full.pip("-vv", "--dry-run", "--report", report, *index, "team-greeting")
    assert (status, f"http://{NAME}:****@" in said, PASSWORD in said) == (0, True, False)
    assert _address(report) == f"{full.upload}packages/{FILE}"
    assert full.pip("--quiet", "--report", report, *index, direct) == (0, "")
    assert _address(report) == f"{full.upload}packages/{FILE}"
    frozen = (sys.executable, "-m", "pip", "freeze", "--path", full.folder / "target")
    status, said = full.run(*frozen)
    address = f"team-greeting @ {full.upload}packages/{FILE}#sha256="
    assert (status, said.startswith(address), len(said.splitlines())) == (0, True, 1)


def test_pip_config_list_shows_the_password(full: Place) -> None:
    settings = full.folder / "pip.conf"
    settings.write_text(f"[global]\nindex-url = {full.with_account()}\n", "utf-8")
    _, said = full.run(sys.executable, "-m", "pip", "config", "list", PIP_CONFIG_FILE=str(settings))
    assert f"global.index-url='{full.with_account()}'" in said


def test_uv_writes_the_password_into_requirements_but_not_into_its_lock(full: Place) -> None:
    (full.folder / "requirements.in").write_text("team-greeting\n", "utf-8")
    compiled = (find_uv_bin(), "pip", "compile", "--emit-index-url", "requirements.in")
    status, said = full.run(*compiled, "--default-index", full.with_account())
    assert (status, said.count(PASSWORD)) == (0, 2)
    project = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["team-greeting"]\n'
    (full.folder / "pyproject.toml").write_text(project, "utf-8")
    status, said = full.run(find_uv_bin(), "lock", "--quiet", "--default-index", full.with_account())
    assert (status, said) == (0, "")
    lock = (full.folder / "uv.lock").read_text("utf-8")
    assert (FILE in lock, PASSWORD in lock) == (True, False)


def _address(report: Path) -> str:
    [entry] = json.loads(report.read_text("utf-8"))["install"]
    return entry["download_info"]["url"]
