"""What the pages about forms and input say of browsers, messages and limits, tried with Chromium and with Flask.

The tables are read from the page, and so are the applications and the attacks.
"""

import functools
import http.server
import json
import os
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from guide import ROOT
from guide.page import parse
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from support.system import missing
from support.workshop import Workshop
from test_browser import ARGUMENTS, NO_CHROMIUM, chromium

FORMS = ROOT / "docs/web/forms-sessions-input.md"
INPUT = ROOT / "docs/web/input-that-attacks.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in FORMS.read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| ---")
]
TRAVELS = {row[0]: row[1:] for row in ROWS if len(row) == 3 and row[0] != "SameSite"}
MESSAGES = [row[0] for row in ROWS if len(row) == 2 and row[0] != "Message"]
KEY = "a key of these tests"
LIMIT = 60  # seconds for a program
# Names of the pages that lead to this computer; no other name leads anywhere.
NAMES = "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
# Serves the application of a module; /set changes its configuration, where an empty value is None.
SERVE = """
import importlib, sys
from flask import request
from werkzeug.serving import make_server
app = importlib.import_module(sys.argv[1]).app
app.add_url_rule("/set", "set", lambda: app.config.update({k: v or None for k, v in request.args.items()}) or "")
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.port, flush=True)
server.serve_forever()
"""
# Runs each of several codes as a program of its own; they are pairs of a name and a code, in JSON.
EACH = """
import json, sys, time
now = time.time
for name, code in json.loads(sys.argv[1]):
    print(name, end=": ")
    exec(code, {})
    time.time = now
"""
# What the messages of the page come from, as the page has it; SEND prints the answer to the last request.
CLIENT = """
import re
from guarded import app
app.config.update(WTF_CSRF_TIME_LIMIT=3600)
url, headers = "http://localhost", {}
def token(client):
    return re.search('csrf_token" value="(.+?)"', client.get("/login", base_url=url).text)[1]
browser = app.test_client()
"""
LATER = """
import time
field, now = token(browser), time.time
time.time = lambda: now() + 60 * %d
"""
REFERRER = "url = 'https://localhost'; field = token(browser)"
CAUSES = {
    "The CSRF token has expired.": LATER % 61,
    "The CSRF token is invalid.": "field = token(browser)[:-1]",
    "The CSRF tokens do not match.": """
field = token(browser)
with browser.session_transaction() as session:
    session.clear()
token(browser)
""",
    "The referrer header is missing.": REFERRER,
    "The referrer does not match the host.": REFERRER + "; headers = {'Referer': 'https://club.example/login'}",
}
SEND = """
answer = browser.post("/login", data={"member": "7", "csrf_token": field}, base_url=url, headers=headers)
print(answer.status_code, re.sub("<.*?>", "", answer.text).split("\\n")[-2] if answer.status_code == 400 else "")
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the pages' programs are started as on Linux and macOS")


def write(page: Path, folder: Path, **which: int) -> None:
    """Write the files that a page writes: the last of each name, or the one that is asked for by its place.

    Args:
        page: the page.
        folder: where to.
        which: by the stem of a file, the place of one of its versions, from 0.
    """
    versions: dict[str, list[str]] = {}
    for fence in parse(page).fences:
        if fence.title:
            versions.setdefault(fence.title, []).append("\n".join(fence.text) + "\n")
    for name, texts in versions.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(texts[which.get(Path(name).stem, -1)], "utf-8")


@pytest.fixture(scope="module")
def python(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has Flask and Flask-WTF."""
    return workshop.venv(tmp_path_factory.mktemp("venv") / "venv", "flask", "flask-wtf")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium() or missing(NO_CHROMIUM)
    arguments = [argument for argument in ARGUMENTS if not argument.startswith("--host-resolver-rules")]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*arguments, NAMES])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has no cookie."""
    context = browser.new_context()
    context.set_default_timeout(10_000)
    yield context
    context.close()


@contextmanager
def served(python: Path, folder: Path, module: str) -> Iterator[int]:
    """Serve the application of a module of that folder, and give its port."""
    environment = os.environ | {"CLUB_SECRET_KEY": KEY, "PYTHONPATH": str(folder)}
    started = subprocess.Popen(
        [python, "-c", SERVE, module], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        line = started.stdout.readline()
        assert line, f"{module} did not start"
        yield int(line)
    finally:
        started.kill()
        started.wait()
        started.stdout.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the folder of the foreign site."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def foreign(folder: Path) -> Iterator[int]:
    """Serve a folder as the other site, and give its port."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def club(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The club without a token, and the site with the prize: their ports."""
    folder, elsewhere = tmp_path_factory.mktemp("club"), tmp_path_factory.mktemp("elsewhere")
    write(FORMS, folder, form=0)
    with served(python, folder, "club") as port, foreign(elsewhere) as other:
        prize = (folder / "prize.html").read_text("utf-8")
        assert prize.count("club.example:8000") == 1
        (elsewhere / "prize.html").write_text(prize.replace(":8000", f":{port}"), "utf-8")
        yield port, other


def log_in(page: Page, site: str) -> None:
    page.goto(f"{site}/login")
    page.get_by_label("member").fill("7")
    page.get_by_role("button").click()
    page.wait_for_url(f"{site}/address")


def address_of(page: Page, site: str) -> str:
    page.goto(f"{site}/address")
    return page.get_by_label("address").input_value()


def save(page: Page, address: str) -> None:
    page.get_by_label("address").fill(address)
    page.get_by_role("button").click()


def collect_prize(page: Page, foreign_site: str) -> int:
    """Press the button of the foreign page, and give the status of what the club answered to the form."""
    page.goto(f"{foreign_site}/prize.html")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("button").click()
    page.wait_for_load_state()
    return answer.value.status


def test_the_table_has_the_values_of_samesite() -> None:
    assert list(TRAVELS) == ["not set", "Lax", "Strict"]


@pytest.mark.full
@pytest.mark.parametrize("column", ["from another site", "from another port"])
@pytest.mark.parametrize("value", list(TRAVELS))
def test_chromium_sends_the_cookie_as_the_table_says(
    context: BrowserContext, club: tuple[int, int], value: str, column: str
) -> None:
    port, other = club
    site = f"http://club.example:{port}"
    setting = "" if value == "not set" else value
    urllib.request.urlopen(f"http://127.0.0.1:{port}/set?SESSION_COOKIE_SAMESITE={setting}", timeout=LIMIT).close()
    page = context.new_page()
    log_in(page, site)
    save(page, "seven@example.org")
    name = "prize.example" if column == "from another site" else "club.example"
    collect_prize(page, f"http://{name}:{other}")
    sent = TRAVELS[value][column == "from another port"].startswith("sends it")
    assert address_of(page, site) == ("thief@example.com" if sent else "seven@example.org")


@pytest.mark.full
def test_the_token_stops_the_form_that_samesite_lets_through(
    context: BrowserContext, python: Path, tmp_path: Path
) -> None:
    write(FORMS, tmp_path, guarded=0)
    with served(python, tmp_path, "guarded") as port, foreign(tmp_path) as other:
        prize = tmp_path / "prize.html"
        prize.write_text(prize.read_text("utf-8").replace(":8000", f":{port}"), "utf-8")
        site = f"http://club.example:{port}"
        page = context.new_page()
        log_in(page, site)
        assert collect_prize(page, f"http://club.example:{other}") == 400
        assert "The CSRF token is missing." in page.inner_text("body")
        assert address_of(page, site) == "seven@example.org"
        save(page, "new@example.org")
        page.wait_for_load_state()
        assert address_of(page, site) == "new@example.org"


@pytest.mark.full
def test_chromium_takes_a_secure_cookie_over_http_for_this_computer_only(
    context: BrowserContext, python: Path, tmp_path: Path
) -> None:
    write(FORMS, tmp_path)
    with served(python, tmp_path, "guarded") as port:
        kept = {}
        for name in ("localhost", "127.0.0.1", "club.example"):
            context.new_page().goto(f"http://{name}:{port}/login")
            kept[name] = [cookie["name"] for cookie in context.cookies() if cookie["domain"] == name]
    assert kept == {"localhost": ["session"], "127.0.0.1": ["session"], "club.example": []}


@pytest.fixture(scope="module")
def try_code(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Run a text as a program beside the files of the page about forms, and give what it prints."""
    folder = tmp_path_factory.mktemp("code")
    write(FORMS, folder)
    environment = os.environ | {"CLUB_SECRET_KEY": KEY, "PYTHONPATH": str(folder)}

    def run(code: str, *arguments: str) -> str:
        done = subprocess.run(
            [python, "-c", code, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_messages_come_from_the_causes_that_the_page_names(try_code: Callable[..., str]) -> None:
    assert MESSAGES == list(CAUSES)
    each = [(message, CLIENT + cause + SEND) for message, cause in CAUSES.items()]
    assert try_code(EACH, json.dumps(each)).splitlines() == [f"{message}: 400 {message}" for message in MESSAGES]


def test_the_remedies_of_the_page_help(try_code: Callable[..., str]) -> None:
    no_limit = "app.config.update(WTF_CSRF_TIME_LIMIT=None)"
    causes = {
        "in time": LATER % 59,
        "no limit": no_limit + LATER % 600,
        "own referrer": REFERRER + "; headers = {'Referer': url + '/login'}",
        "other referrer": REFERRER + "; headers = {'Referer': url + '.example/'}",
    }
    each = [(name, CLIENT + cause + SEND) for name, cause in causes.items()]
    assert try_code(EACH, json.dumps(each)).splitlines() == [
        "in time: 303 ",
        "no limit: 303 ",
        "own referrer: 303 ",
        "other referrer: 400 The referrer does not match the host.",
    ]


def test_a_copy_of_the_cookie_outlives_the_logout(try_code: Callable[..., str]) -> None:
    code = """
import time
from club import app
from flask import session
app.add_url_rule("/logout", "logout", lambda: session.clear() or "")
app.add_url_rule("/who", "who", lambda: str(session.get("member")))
browser = app.test_client()
browser.post("/login", data={"member": "7"})
copy = browser.get_cookie("session").value
browser.get("/logout")
print(browser.get("/who").text)
browser.set_cookie("session", copy)
print(browser.get("/who").text)
now = time.time
for days in (30, 32):
    time.time = lambda: now() + 86_400 * days
    print(browser.get("/who").text)
time.time = now
app.secret_key = "another"
print(browser.get("/who").text)
"""
    assert try_code(code).split() == ["None", "7", "7", "None", "None"]


def test_the_login_ends_the_session_that_was_there_before(try_code: Callable[..., str]) -> None:
    code = """
import re
from guarded import app
planted, member = app.test_client(), app.test_client()
def token(client):
    return re.search('csrf_token" value="(.+?)"', client.get("/login").text)[1]
known = token(planted)
member.set_cookie("session", planted.get_cookie("session").value)
print(member.post("/login", data={"member": "7", "csrf_token": known}).status_code)
print(member.post("/address", data={"address": "thief@example.com", "csrf_token": known}).status_code)
print(member.post("/address", data={"address": "new@example.org", "csrf_token": token(member)}).status_code)
"""
    assert try_code(code).split() == ["303", "400", "303"]


# What a visitor writes into the places of the page's first template.
ATTACKS = {
    "text": "<script>alert('text')</script>",
    "word": "x onfocus=alert('word') autofocus",
    "link": "javascript:alert('link')",
}


def alerts(context: BrowserContext, address: str) -> set[str]:
    """Give what scripts say on a page, after a click on its link."""
    said = set()
    page = context.new_page()
    page.on("dialog", lambda dialog: (said.add(dialog.message), dialog.dismiss()))
    page.goto(address)
    page.locator("input").blur()
    page.locator("input").focus()
    page.get_by_text("my site").click()
    page.evaluate("0")
    return said


@pytest.mark.full
@pytest.mark.parametrize("policy", [False, True])
def test_scripts_run_from_three_places_and_the_policy_stops_them_all(
    context: BrowserContext, python: Path, tmp_path: Path, policy: bool
) -> None:
    write(INPUT, tmp_path, wall=0)
    if policy:
        template = (tmp_path / "templates/wall.html").read_text("utf-8")
        write(INPUT, tmp_path)
        (tmp_path / "templates/wall.html").write_text(template, "utf-8")
        code = (tmp_path / "wall.py").read_text("utf-8")
        assert code.count('written["link"] = ""') == 1
        (tmp_path / "wall.py").write_text(code.replace('written["link"] = ""', "pass"), "utf-8")
    with served(python, tmp_path, "wall") as port:
        said = alerts(context, f"http://club.example:{port}/?{urllib.parse.urlencode(ATTACKS)}")
    assert said == (set() if policy else set(ATTACKS))


@pytest.fixture(scope="module")
def login(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The site with the two redirects, and the host of another site."""
    folder = tmp_path_factory.mktemp("login")
    write(INPUT, folder)
    with served(python, folder, "login") as port, foreign(folder) as other:
        yield f"http://club.example:{port}", f"evil.example:{other}"


def landed(context: BrowserContext, site: str, path: str, target: str) -> str:
    """Send a form to that path, and give the address that the browser is led to."""
    page = context.new_page()
    page.goto(site)
    query = urllib.parse.urlencode({"next": target})
    page.set_content(f'<form method="post" action="{site}{path}?{query}"><button>Go</button></form>')
    with page.expect_navigation():
        page.get_by_role("button").click()
    return page.url


@pytest.mark.full
@pytest.mark.parametrize("target", ["//{}/", "/\t/{}/", "/\\{}/", "\\\\{}/", "https://{}/", "/%09/{}/", "/ok?to=//{}/"])
def test_the_checked_redirect_stays_on_the_site(context: BrowserContext, login: tuple[str, str], target: str) -> None:
    site, other = login
    assert landed(context, site, "/login", target.format(other)).startswith(f"{site}/")


@pytest.mark.full
def test_a_tab_leads_the_careless_redirect_to_the_other_site(context: BrowserContext, login: tuple[str, str]) -> None:
    site, other = login
    assert landed(context, site, "/careless", f"/\t/{other}/prize") == f"http://{other}/prize"
    assert landed(context, site, "/careless", f"//{other}/prize") == f"{site}/"


def test_the_limits_are_those_of_the_page(try_code: Callable[..., str]) -> None:
    code = """
import json
from io import BytesIO
from flask import Flask, request
app = Flask("limits")
app.add_url_rule("/", "sizes", lambda: str(len(request.form) + len(request.files)), methods=["POST"])
client = app.test_client()
def status(**data):
    return client.post("/", data=data).status_code
parts = lambda count: {str(number): "a" for number in range(count - 1)} | {"file": (BytesIO(b"a"), "a")}
file = lambda size: (BytesIO(bytes(size)), "a")
print(json.dumps({
    "form": status(text="a" * 5_000_000),
    "file": status(file=file(5_000_000)),
    "field": [status(text="a" * size, file=file(1)) for size in (500_000, 500_001)],
    "parts": [status(**parts(count)) for count in (1000, 1001)],
}))
"""
    found = json.loads(try_code(code))
    assert found == {"form": 200, "file": 200, "field": [200, 413], "parts": [200, 413]}
