"""flask-site from its wheel alone, in a real browser: how it looks, what it asks for, and all that a person does there.

The server is `flask-site demo` in an environment with the wheel and what it requires, and nothing more.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, Response, Route, sync_playwright
from support.flask_site import Deployment
from support.system import missing
from support.workshop import Workshop
from test_browser import ARGUMENTS, DESKTOP, NO_CHROMIUM, PHONE, brightness, chromium, overflow

pytestmark = pytest.mark.full

SMALL = {"width": 320, "height": 568}
LIMIT = 20_000  # milliseconds for a step
ROWS = 30  # so that the list has two pages
HEADER = "name,summary,url\n"
HASHED = re.compile(r"/static/[a-z]+\.[0-9a-f]{12}\.[a-z]+")


@pytest.fixture(scope="module")
def site(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The demonstration, running; it ends when it is asked to, and what was entered is gone with it."""
    folder = tmp_path_factory.mktemp("demo")
    python = workshop.venv(folder / "venv", workshop.wheel("flask-site"))
    site = Deployment(python.with_name("flask-site"), folder)
    (folder / "tmp").mkdir()
    site.environment["TMPDIR"] = str(folder / "tmp")
    with site.serving(command="demo"):
        yield site
        assert site.terminate() == 0
    assert list((folder / "tmp").iterdir()) == []


@pytest.fixture(scope="module")
def home(site: Deployment) -> str:
    return f"http://127.0.0.1:{site.port}/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium() or missing(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, **options: object) -> Iterator[BrowserContext]:
    context = browser.new_context(**options)
    context.set_default_timeout(LIMIT)
    try:
        yield context
    finally:
        context.close()


@pytest.fixture(scope="module")
def plain(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without JavaScript."""
    with visiting(browser, viewport=DESKTOP, java_script_enabled=False) as context:
        yield context


@pytest.fixture
def page(plain: BrowserContext, home: str) -> Iterator[Page]:
    """A page without JavaScript, of somebody new, at the list of packages."""
    plain.clear_cookies()
    page = plain.new_page()
    page.goto(home)
    yield page
    page.close()


def test_the_wheel_alone_serves_the_site(site: Deployment) -> None:
    """What it lacks, the driver for PostgreSQL, it names."""
    answer = site.ask("GET", "/")
    assert (answer.status, answer.text.count("<h2>")) == (200, 5)
    assert site.ask("GET", "/readyz").text == "ok\n"
    told = Deployment(site.program, site.folder, "postgresql://reader:a-password@127.0.0.1/none").run("serve", status=2)
    assert "pip install 'psycopg[binary]'" in told
    assert "a-password" not in told


# What a person does


def fill(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)


def press(page: Page, name: str) -> Response:
    """Press a button, and give the answer to the form that it sends: the last one, where it is redirected."""
    with page.expect_navigation() as navigation:
        page.get_by_role("button", name=name, exact=True).click()
    return navigation.value


def add(page: Page, name: str, summary: str = "A package", address: str = "https://example.org/") -> Response:
    page.get_by_role("link", name="Add", exact=True).click()
    fill(page, Name=name, Summary=summary, Address=address)
    return press(page, "Save")


def said(page: Page) -> str:
    return page.get_by_role("status").inner_text()


def shown(page: Page) -> list[str]:
    return page.locator("main li h2").all_inner_texts()


def test_a_package_is_added_found_edited_and_deleted(page: Page, home: str) -> None:
    assert add(page, "zebra", "Draws <b>stripes</b> & spots", "https://example.org/?a=1&b=2").status == 200
    assert (said(page), page.locator("h1").inner_text()) == ("zebra is added.", "zebra")
    assert "Draws <b>stripes</b> & spots" in page.locator("main").inner_text()
    page.reload()
    assert page.get_by_role("status").count() == 0  # it is said once, and nothing is sent again
    page.goto(home)
    page.get_by_label("Search names and summaries").fill("STRIPES")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=STRIPES")
    assert shown(page) == ["zebra"]
    page.get_by_role("link", name="zebra").click()
    page.get_by_role("link", name="Edit").click()
    assert page.get_by_label("Summary").input_value() == "Draws <b>stripes</b> & spots"
    fill(page, Summary="Draws spots")
    press(page, "Save")
    assert said(page) == "zebra is changed."
    assert "Draws spots" in page.locator("main").inner_text()
    page.get_by_role("link", name="Delete").click()
    assert page.locator("h1").inner_text() == "Delete zebra?"
    press(page, "Delete")
    assert said(page) == "zebra is deleted."
    assert "zebra" not in shown(page)


def test_what_is_wrong_leads_to_its_field_and_nothing_is_lost(page: Page) -> None:
    assert add(page, "not a name!", "", "ftp://example.org/").status == 422
    summary = page.get_by_role("alert")
    links = summary.get_by_role("link")
    assert [text.split(":")[0] for text in links.all_inner_texts()] == ["Name", "Summary", "Address"]
    assert page.get_by_label("Name", exact=True).input_value() == "not a name!"
    assert page.title().startswith("Error: ")
    for link, label in zip(links.all(), ("Name", "Summary", "Address"), strict=True):
        link.click()
        target = page.locator(f"[id='{link.get_attribute('href').removeprefix('#')}']")
        assert target.get_attribute("id") == page.get_by_label(label, exact=True).get_attribute("id")
        told = target.get_attribute("aria-describedby").split()
        assert any("fault" in name for name in told)
        assert all(page.locator(f"[id='{name}']").inner_text() for name in told)
    fill(page, Name="corrected", Summary="A package", Address="https://example.org/")
    press(page, "Save")
    assert said(page) == "corrected is added."


def test_a_name_that_is_taken_is_refused(page: Page) -> None:
    assert add(page, "fLASK").status == 409
    assert "Name: There is a package of this name" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Name", exact=True).input_value() == "fLASK"


def test_two_people_edit_one_package(page: Page, browser: Browser) -> None:
    """The second is shown what the first has written, keeps what she has written, and can save it."""
    add(page, "shared", "as it was")
    with visiting(browser, java_script_enabled=False) as context:
        other = context.new_page()
        other.goto(page.url)
        for one in (page, other):
            one.get_by_role("link", name="Edit").click()
        fill(page, Summary="by the first")
        press(page, "Save")
        fill(other, Summary="by the second")
        assert press(other, "Save").status == 409
        assert "by the first" in other.get_by_role("alert").inner_text()
        assert other.get_by_label("Summary").input_value() == "by the second"
        press(other, "Save")
        assert said(other) == "shared is changed."
    page.reload()
    assert "by the second" in page.locator("main").inner_text()


def test_a_form_of_a_session_that_is_over_is_refused_with_a_remedy(page: Page) -> None:
    page.get_by_role("link", name="Add", exact=True).click()
    fill(page, Name="late", Summary="A package", Address="https://example.org/")
    page.context.clear_cookies()
    assert press(page, "Save").status == 400
    assert "reload the page" in page.locator("main").inner_text()


def import_csv(page: Page, text: str) -> Response:
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("CSV file").set_input_files(
        {"name": "packages.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    return press(page, "Import")


def test_a_file_is_imported_whole_or_not_at_all(page: Page, home: str) -> None:
    assert import_csv(page, HEADER + "good,fine,https://example.org/\n,,\nbad name,x,y\n").status == 422
    report = page.get_by_role("alert").inner_text()
    assert [f"line {line}, {column}" in report for line, column in ((3, "name"), (4, "name"), (4, "url"))] == [True] * 3
    page.goto(f"{home}?q=good")
    assert shown(page) == []
    rows = "".join(f"imported-{number},row {number},https://example.org/\n" for number in range(ROWS))
    import_csv(page, HEADER + rows)
    assert said(page) == f"{ROWS} packages are imported."
    page.goto(f"{home}?q=imported")
    first = shown(page)
    page.get_by_role("link", name="Next").click()
    assert sorted(first + shown(page)) == sorted(f"imported-{number}" for number in range(ROWS))


def test_the_keyboard_reaches_the_content_and_shows_where_it_is(page: Page) -> None:
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("e => e === document.activeElement && e.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    for _ in range(3):
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


# How it looks, and what it asks for


def go(path: str) -> Callable[[Page, str], Response]:
    return lambda page, home: page.goto(home + path)


def send(path: str, button: str, **fields: str) -> Callable[[Page, str], Response]:
    """Open a form, fill fields by their names, hidden ones too, and press the button."""

    def visit(page: Page, home: str) -> Response:
        page.goto(home + path)
        for name, text in fields.items():
            page.locator(f"main [name={name}]").evaluate("(field, text) => { field.value = text }", text)
        return press(page, button)

    return visit


def send_file(text: str) -> Callable[[Page, str], Response]:
    def visit(page: Page, home: str) -> Response:
        page.goto(home)
        return import_csv(page, text)

    return visit


def send_without_cookies(page: Page, home: str) -> Response:
    page.goto(f"{home}packages/add")
    page.context.clear_cookies()
    return press(page, "Save")


GOOD = {"summary": "A package", "url": "https://example.org/"}
# Every kind of page: how it is come by, and the status of its answer.
PAGES: dict[str, tuple[Callable[[Page, str], Response], int]] = {
    "list": (go(""), 200),
    "search": (go("?q=flask"), 200),
    "nothing found": (go("?q=no-such-package"), 200),
    "package": (go("packages/1"), 200),
    "add": (go("packages/add"), 200),
    "add, with errors": (send("packages/add", "Save", name="?" * 90), 422),
    "add, duplicate": (send("packages/add", "Save", name="pytest", **GOOD), 409),
    "edit": (go("packages/1/edit"), 200),
    "edit, stale": (send("packages/1/edit", "Save", version="0", summary="x" * 200), 409),
    "delete": (go("packages/1/delete"), 200),
    "delete, stale": (send("packages/1/delete", "Delete", version="0"), 409),
    "import": (go("import"), 200),
    "import, with a report": (send_file(HEADER + f"{'x' * 90},,\n" * 5), 422),
    "import, no file": (send("import", "Import"), 422),
    "missing page": (go("nothing"), 404),
    "wrong search": (go("?page=none"), 400),
    "form that has expired": (send_without_cookies, 400),
}


class Notes:
    """What a page asks the network for, and what the browser says of it."""

    def __init__(self, page: Page) -> None:
        """Take notes from now on."""
        self.responses: list[Response] = []
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("response", lambda response: self.responses.append(response))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("console", lambda message: self.said.append(message.text))

    def faults(self, home: str) -> list[str]:
        """Tell what was not to be since it was last asked: another host, a word on the console, a file not for ever."""
        # The browser says of an error page that it is one.
        found = [text for text in self.said if not text.startswith("Failed to load resource: the server responded")]
        found += [f"asked elsewhere: {url}" for url in self.asked if not url.startswith(home)]
        for response in self.responses:
            path = response.url.removeprefix(home[:-1])
            kept = response.headers.get("cache-control") == "public, max-age=31536000, immutable"
            if path.startswith("/static/") and not (response.status == 200 and kept and HASHED.fullmatch(path)):
                found.append(f"{path}: {response.status}, {response.headers.get('cache-control')}")
        for notes in (self.said, self.asked, self.responses):
            notes.clear()
        return found


def axe(page: Page) -> list[str]:
    """Give what axe-core finds, once it is in the page."""
    run = "axe.run({ preload: false, resultTypes: ['violations'] })"
    violations, passes = page.evaluate(f"{run}.then((result) => [result.violations, result.passes.length])")
    assert passes > 5
    return [f"{found['id']}: {[node['html'] for node in found['nodes']]}" for found in violations]


def test_every_kind_of_page_is_sound(browser: Browser, home: str) -> None:
    """Its status, its colours, no sideways scrolling, nothing said by the browser, nothing found by axe."""
    faults = []
    with visiting(browser) as context:
        page = context.new_page()
        notes = Notes(page)
        for kind, (visit, status) in PAGES.items():
            answer = visit(page, home)
            found = ["no style sheet"] * (not any("/static/style." in url for url in notes.asked))
            found += notes.faults(home)
            found += [f"status {answer.status}"] * (answer.status != status)
            found += ["one h1 is to be there"] * (page.locator("h1").count() != 1)
            page.evaluate(AXE_SCRIPT)
            for scheme, sizes in (("light", [SMALL, DESKTOP]), ("dark", [SMALL, PHONE])):
                page.emulate_media(color_scheme=scheme)
                for size in sizes:
                    page.set_viewport_size(size)
                    found += [f"{overflow(page)} pixels beside {size['width']}"] * (overflow(page) > 0)
                found += [f"not {scheme}"] * ((brightness(page) > 0.5) != (scheme == "light"))
                found += axe(page)
            faults += [f"{kind}: {fault}" for fault in found]
    assert faults == []


LOOK = """() => ['body', 'header', 'main', 'button', 'h1', 'input'].map((name) => {
  const style = getComputedStyle(document.querySelector(name));
  return [style.fontFamily, style.maxWidth, style.backgroundColor, style.padding, style.fontSize].join();
})"""


def test_the_style_sheet_is_in_force(browser: Browser, home: str) -> None:
    """Each part looks otherwise than without it."""
    with visiting(browser, viewport=DESKTOP) as context:
        page = context.new_page()
        page.goto(home)
        styled = page.evaluate(LOOK)
        context.route("**/*.css", lambda route: route.abort())
        page.goto(home)
        unstyled = page.evaluate(LOOK)
    assert [one != other for one, other in zip(styled, unstyled, strict=True)] == [True] * 6


# What is wrong on purpose, in a page of the site, and what is said of it.
FAULTY = {
    "<script>1</script>": "Executing inline script violates",
    "<p style='color: red'>x</p>": "Applying inline style violates",
    "<img src='http://127.0.0.2/x.png' alt='x'>": "Loading the image 'http://127.0.0.2/x.png' violates",
    "<img src='/static/nothing.png' alt='x'>": "/static/nothing.png: 404",
    "<link rel=stylesheet href='/static/style.css'>": "/static/style.css: 200, no-cache",
    "<img src='/static/favicon.svg'>": "image-alt",
    "<input name=x>": "label",
    "<a href='/'></a>": "link-name",
    "<h5>x</h5>": "heading-order",
}
WITHOUT_POLICY = "asked elsewhere: http://127.0.0.2/x.png"


@pytest.mark.parametrize("policy", [True, False], ids=["policy", "no-policy"])
def test_the_faults_of_a_page_are_found(browser: Browser, home: str, policy: bool) -> None:
    with visiting(browser, viewport=PHONE) as context:
        page = context.new_page()
        notes = Notes(page)

        def answer(route: Route) -> None:
            response = route.fetch()
            headers = {k: v for k, v in response.headers.items() if policy or k != "content-security-policy"}
            changed = response.text().replace("</main>", f"{' '.join(FAULTY)}</main>")
            route.fulfill(status=200, headers=headers, body=changed)

        page.route(home, answer)
        page.goto(home)
        found = notes.faults(home)
        page.evaluate(AXE_SCRIPT)
        found += axe(page)
    expected = FAULTY.values() if policy else [WITHOUT_POLICY]
    assert [fault for fault in expected if not any(fault in one for one in found)] == [], found


def test_what_is_too_wide_is_found(browser: Browser, home: str) -> None:
    with visiting(browser, viewport=PHONE) as context:
        page = context.new_page()
        page.goto(home)
        page.evaluate("document.querySelector('h1').textContent = 'x'.repeat(200)")
        page.evaluate("document.body.style.overflowWrap = 'normal'")
        assert overflow(page) > 0
