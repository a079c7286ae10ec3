"""The built site in a real browser: how it looks, what its buttons do, what it asks the network for."""

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import markdown
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, Request, Route, sync_playwright
from support.site import ENVIRONMENT, PREFIX
from support.system import missing

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_CHROMIUM = "no Chromium on PATH; on Debian: apt install chromium"
# No sandbox, since tests may run as root; no host but this one, since nothing else may be asked.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
REPOSITORY = ENVIRONMENT["REPO_URL"]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder below PREFIX as a static host does: with 404.html for what is missing."""

    def translate_path(self, path: str) -> str:
        below = urlsplit(path).path.startswith(PREFIX)
        return super().translate_path(path.removeprefix(PREFIX[:-1]) if below else "/.missing")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        body = (Path(self.directory) / "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def chromium() -> str | None:
    """Give the browser of this machine."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@contextmanager
def serve(site: Path) -> Iterator[str]:
    """Serve a built site below a path, as a project's site is; give the address of its home page."""
    handler = functools.partial(Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
        server.shutdown()


@pytest.fixture(scope="module")
def home(site: Path) -> Iterator[str]:
    with serve(site) as address:
        yield address


@pytest.fixture(scope="module")
def addresses(site: Path, home: str) -> list[str]:
    """The addresses of all pages, and of a page that is missing."""
    folders = sorted(file.parent.relative_to(site).as_posix() for file in site.rglob("index.html"))
    return [home if folder == "." else f"{home}{folder}/" for folder in folders] + [f"{home}no/such/page/"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium() or missing(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shared(browser: Browser) -> Iterator[Page]:
    """One page for all the tests, since opening one costs more than most of them."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(shared: Page) -> Page:
    """The shared page, as a reader with a desktop and light colours has it."""
    shared.set_viewport_size(DESKTOP)
    shared.emulate_media(color_scheme="light", reduced_motion="reduce")
    return shared


def open_at(page: Page, address: str) -> None:
    page.goto(address, wait_until="load")


def brightness(page: Page) -> float:
    """How bright the ground of the page is, from 0 to 1."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / (3 * 255)


def overflow(page: Page) -> int:
    """How many pixels of the page lie beside the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_home_says_its_promise_in_the_first_window(page: Page, home: str, window: dict, scheme: str) -> None:
    page.set_viewport_size(window)
    page.emulate_media(color_scheme=scheme)
    open_at(page, home)
    assert (brightness(page) > 0.5) == (scheme == "light")
    assert page.locator("h1").inner_text() == "Python Packaging by Example"
    promise = page.get_by_text("Nothing is on a page that has not been run.").bounding_box()
    assert promise["y"] + promise["height"] < window["height"]
    assert overflow(page) == 0


def test_the_reader_chooses_the_colours(page: Page, home: str) -> None:
    open_at(page, home)
    seen = [brightness(page) > 0.5]
    for _ in range(3):
        page.locator("label.md-header__button[for^=__palette]:not([hidden])").click()
        seen.append(brightness(page) > 0.5)
    page.evaluate("localStorage.clear()")
    # Automatic (light here), light, dark, automatic again.
    assert seen == [True, True, False, True]


@pytest.fixture(scope="module")
def visits(shared: Page, addresses: list[str]) -> dict[str, tuple[int, list[str]]]:
    """Every page opened on a phone: its overflow in pixels, and what it asked the network for."""
    shared.set_viewport_size(PHONE)
    found = {}
    for address in addresses:
        asked: list[str] = []

        def note(request: Request, asked: list[str] = asked) -> None:
            asked.append(request.url)

        shared.on("request", note)
        open_at(shared, address)
        shared.remove_listener("request", note)
        found[address] = (overflow(shared), asked)
    return found


def test_no_page_scrolls_sideways_on_a_phone(visits: dict) -> None:
    assert {address: width for address, (width, _) in visits.items() if width} == {}


def test_no_request_leaves_the_site(visits: dict, home: str) -> None:
    assert all(address in asked for address, (_, asked) in visits.items())
    assert [url for _, asked in visits.values() for url in asked if not url.startswith((home, "data:"))] == []


def search(page: Page, words: str) -> None:
    page.keyboard.press("s")
    page.locator("[data-md-component=search-query]").press_sequentially(words)
    page.locator(".md-search-result__item").first.wait_for()


def test_search_finds_a_page_by_its_words(page: Page, home: str) -> None:
    open_at(page, home)
    search(page, "circular imports")
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_url("**/modules/circular-imports/**")
    assert page.locator("h1").inner_text().startswith("Circular imports")
    assert page.locator("article mark").count() > 0


@pytest.mark.parametrize("start", ["", "no/such/page/"], ids=["home", "missing"])
def test_a_search_form_of_a_page_opens_the_search(page: Page, home: str, start: str) -> None:
    open_at(page, home + start)
    form = page.locator("article form.find")
    form.locator("input").fill("relative")
    form.locator("button").click()
    page.locator(".md-search-result__item").first.wait_for()
    assert urlsplit(page.url).path == PREFIX
    assert page.locator("[data-md-component=search-query]").input_value() == "relative"


CONSOLE = """\
$ cat > note.txt <<'END'
> first
> $ second
> END
$ grep -n "e" note.txt \\
>     || true
2:# comment
> quoted
(venv) $ echo no
# comment
$ echo done
done"""

PYCON = """\
>>> def double(n):
...     return 2 * n
...
>>> double(4)
8
>>> print("two\\n... three")
two
... three"""


def copied(page: Page, text: str | None = None) -> str:
    """Press the copy button of the first block of code below `main` and read what is on the clipboard."""
    page.evaluate("navigator.clipboard.writeText('nothing')")
    button = page.locator("main .highlight button.md-code__button[data-md-type=copy], main .highlight .md-clipboard")
    button.first.click()
    page.locator(".md-dialog--active").wait_for()
    return page.evaluate("navigator.clipboard.readText()")


def test_a_copy_button_takes_the_commands_only(page: Page, home: str) -> None:
    open_at(page, home)
    assert copied(page) == "\n".join(
        line.removeprefix("$ ")
        for line in page.locator("main .highlight code").first.inner_text().splitlines()
        if line.startswith("$ ")
    )


# A transcript, and what a reader types of it.
TRANSCRIPTS = {
    "console": (
        CONSOLE,
        "cat > note.txt <<'END'\nfirst\n$ second\nEND\ngrep -n \"e\" note.txt \\\n    || true\necho done",
    ),
    "pycon": (PYCON, 'def double(n):\n    return 2 * n\n\ndouble(4)\nprint("two\\n... three")'),
    "python": ("print(1)\n# $ no prompt", "print(1)\n# $ no prompt"),
}


def test_the_copy_buttons_of_zensical_take_the_commands_only(page: Page, build: Callable[[str], Path]) -> None:
    with serve(build("zensical")) as home:
        test_a_copy_button_takes_the_commands_only(page, home)


@pytest.mark.parametrize("language", TRANSCRIPTS)
def test_what_is_typed_is_told_from_what_comes_back(page: Page, home: str, language: str) -> None:
    shown, typed = TRANSCRIPTS[language]
    with_block(page, home, f"```{language}\n{shown}\n```")
    assert copied(page) == typed


def test_the_lines_of_a_transcript_are_marked(page: Page, home: str) -> None:
    with_block(page, home, f"```console\n{CONSOLE}\nModuleNotFoundError: No module named 'x'\na.b.NotFoundError\n```")
    marks = (
        page.locator("main .highlight")
        .first.locator("code > span[id^=__span]")
        .evaluate_all("lines => lines.map((line) => line.className)")
    )
    assert marks == ["typed"] * 6 + ["shown"] * 4 + ["typed", "shown", "shown failed", "shown failed"]


def with_block(page: Page, address: str, source: str) -> None:
    """Open a page with one more block of code at its top, which the site's own extensions render."""
    block = markdown.markdown(
        source,
        extensions=["pymdownx.superfences", "pymdownx.highlight"],
        extension_configs={"pymdownx.highlight": {"pygments_lang_class": True, "line_spans": "__span"}},
    )

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(
            response=response, body=re.sub(r"<article[^>]*>", lambda m: m[0] + block, response.text(), count=1)
        )

    page.route(address, answer)
    try:
        open_at(page, address)
    finally:
        page.unroute(address)


def test_the_repository_is_linked(page: Page, home: str) -> None:
    open_at(page, home + "modules/circular-imports/")
    assert page.locator(".md-header a.md-source").get_attribute("href") == REPOSITORY
    edit = page.locator("article a[rel=edit]").get_attribute("href")
    assert edit == f"{REPOSITORY}/edit/main/docs/modules/circular-imports.md"


def test_a_page_reads_without_javascript(browser: Browser, home: str) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(home)
    page.locator("article a", has_text="Modules").first.click()
    page.wait_for_url("**/modules/")
    page.locator(".md-footer__link--next").click()
    page.wait_for_url("**/modules/what-a-module-is/")
    page.goto(home + "modules/circular-imports/")
    for thing in ("h1", "article p", "article pre", "article .stamp", "article .get-project", ".md-footer__link"):
        assert page.locator(thing).first.is_visible(), thing
    assert page.locator("article").inner_text().count("ImportError") > 0
    context.close()


def test_the_keyboard_shows_where_it_is(page: Page, home: str) -> None:
    """Each place that Tab reaches is outlined, and wide blocks of code are among them."""
    page.set_viewport_size(PHONE)
    open_at(page, home + "modules/circular-imports/")
    places = []
    for _ in range(200):
        page.keyboard.press("Tab")
        place = page.evaluate(FOCUSED)
        if place is None or place in places:
            break
        places.append(place)
    assert [place for place in places if not place[2]] == []
    wide = page.locator("article pre > code").evaluate_all(
        "all => all.filter((e) => e.scrollWidth > e.clientWidth).length"
    )
    assert sum(place[0] == "CODE" for place in places) == wide > 0


FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const ring = (e) => e && getComputedStyle(e).outlineStyle !== "none";
  const number = [...document.querySelectorAll("*")].indexOf(element);
  return [element.tagName, number, ring(element) || ring(element.nextElementSibling)];
}"""


# Minutes for all pages, and most faults are on many: `make test` looks at some of them, `make test-all` at each, and
# at half of them in the dark, since what is dark is the same style sheet everywhere.
SEEN = [
    pytest.param("light", DESKTOP, 8, id="light, some"),
    pytest.param("light", DESKTOP, 1, id="light", marks=pytest.mark.full),
    pytest.param("dark", PHONE, 2, id="dark, half", marks=pytest.mark.full),
]


@pytest.mark.parametrize(("scheme", "window", "step"), SEEN)
def test_axe_finds_no_violation(page: Page, addresses: list[str], scheme: str, window: dict, step: int) -> None:
    page.set_viewport_size(window)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    found = []
    for address in addresses[::step]:
        open_at(page, address)
        page.evaluate(AXE_SCRIPT)
        for violation in page.evaluate(
            "axe.run({ preload: false, resultTypes: ['violations'] }).then((result) => result.violations)"
        ):
            where = [node["html"] for node in violation["nodes"]]
            found.append(f"{urlsplit(address).path}: {violation['id']}, {violation['help']}: {where}")
    assert found == []
