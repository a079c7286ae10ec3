"""The checks of the built site find what they are for: each gets a small site with one fault."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support import checks, html

ADDRESS = "https://guide.example/sub/"
HEAD = '<html lang="en"><title>{name}</title><meta name="description" content="{about}"><h1 id="top">{name}</h1>{body}'
Site = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Write a site: pages by name, given as their body; other files as they are."""

    def write(**files: str) -> Path:
        for name, body in {"index.html": "", **{n.replace("__", "/"): body for n, body in files.items()}}.items():
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            about = f"What the page {name} is about, in a sentence that is long enough."
            target.write_text(HEAD.format(name=name, about=about, body=body) if name.endswith(".html") else body)
        return tmp_path

    return write


BROKEN = [
    ('<a href="b.html">', "<a> b.html leads to no file"),
    ('<a href="b/">', "<a> b/ leads to no file"),
    ('<a href="#nowhere">', "<a> #nowhere leads to no anchor of a.html"),
    ('<a href="index.html#nowhere">', "<a> index.html#nowhere leads to no anchor of index.html"),
    ('<a href="downloads/one.zip">', "<a> downloads/one.zip leads to no file"),
    ('<a href="/sub/index.html">', "<a> /sub/index.html does not work from another path"),
    (f'<a href="{ADDRESS}b/">', f"<a> {ADDRESS}b/ leads to no file"),
    ('<a href="../index.html">', "<a> ../index.html leads to no file"),
    ('<img src="a.png" alt="A">', "<img> a.png leads to no file"),
    ('<img srcset="style.css 1x, b.png 2x" alt="A">', "<img> b.png leads to no file"),
    ('<link rel="stylesheet" href="b.css">', "<link stylesheet> b.css leads to no file"),
    ('<link rel="next" href="b.html">', "<link next> b.html leads to no file"),
    ('<script src="b.js"></script>', "<script> b.js leads to no file"),
    ('<p style="background: url(b.png)">', "<p> b.png leads to no file"),
    ("<style>p { background: url('b.png') }</style>", "<style> b.png leads to no file"),
    ('<script id="__config">{"base": ".", "search": "b.js"}</script>', "<worker> b.js leads to no file"),
    ('<form action="b.html">', "<form> b.html leads to no file"),
    ('<video poster="b.png"></video>', "<video> b.png leads to no file"),
    ("<svg><use href='b.svg#x'/></svg>", "<use> b.svg#x leads to no file"),
]
SOUND = [
    '<a href="index.html#top">',
    '<a href="./">',
    '<a href="#top">',
    '<a href="#">',
    '<a href="style.css?v=1">',
    '<a href="https://elsewhere.example/x">',
    f'<link rel="canonical" href="{ADDRESS}a.html">',
    '<a href="mailto:reader@elsewhere.example">',
    '<img src="data:image/png;base64,AAAA" alt="A">',
    '<a href="%73tyle.css">',
]


@pytest.mark.parametrize(("body", "fault"), BROKEN)
def test_an_address_that_leads_nowhere_is_found(site: Site, body: str, fault: str) -> None:
    assert checks.broken_addresses(site(**{"a.html": body, "style.css": ""}), ADDRESS) == [f"a.html: {fault}"]


@pytest.mark.parametrize("body", SOUND)
def test_an_address_that_leads_somewhere_is_not_found(site: Site, body: str) -> None:
    assert checks.broken_addresses(site(**{"a.html": body, "style.css": ""}), ADDRESS) == []


def test_an_address_in_a_style_sheet_is_checked(site: Site) -> None:
    css = "/* url(c.png) */ @import 'a.css'; @font-face { src: url( \"b.woff2\" ) } p { background: url(#top) }"
    assert checks.broken_addresses(site(**{"style.css": css}), ADDRESS) == [
        "style.css: b.woff2 leads to no file",
        "style.css: a.css leads to no file",
    ]


def test_the_page_for_missing_addresses_may_begin_at_the_root_of_the_site(site: Site) -> None:
    body = '<a href="/sub/index.html"></a><a href="/index.html"></a>'
    assert checks.broken_addresses(site(**{"404.html": body}), ADDRESS) == [
        "404.html: <a> /index.html leads to no file"
    ]


@pytest.mark.parametrize(
    "body",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<script src="//cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="https://cdn.example/a.css">',
        '<link rel="preconnect" href="https://fonts.example">',
        '<link rel="icon" href="https://cdn.example/a.svg">',
        '<img src="https://cdn.example/a.png" alt="A">',
        '<img srcset="https://cdn.example/a.png 2x" alt="A">',
        '<iframe src="https://video.example/a"></iframe>',
        '<object data="https://cdn.example/a"></object>',
        '<video src="https://cdn.example/a"></video>',
        "<svg><image href='https://cdn.example/a.png'/></svg>",
        '<style>@import "https://fonts.example/a";</style>',
        '<p style="background: url(https://cdn.example/a.png)">',
        '<meta http-equiv="refresh" content="0; url=https://elsewhere.example/">',
    ],
)
def test_what_comes_from_another_host_is_found(site: Site, body: str) -> None:
    found = checks.loads_from_other_hosts(site(**{"a.html": body}))
    assert len(found) == 1
    assert found[0].startswith("a.html: <")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("style.css", "p { background: url(https://cdn.example/a.png) }"),
        ("style.css", '@import url("//cdn.example/a.css");'),
        ("a.svg", '<svg><image href="https://cdn.example/a.png"/></svg>'),
    ],
)
def test_what_a_file_loads_from_another_host_is_found(site: Site, name: str, text: str) -> None:
    assert len(checks.loads_from_other_hosts(site(**{name: text}))) == 1


def test_a_link_that_a_reader_may_follow_is_no_load(site: Site) -> None:
    body = '<a href="https://elsewhere.example/">x</a><link rel="canonical" href="https://guide.example/sub/">'
    assert checks.loads_from_other_hosts(site(**{"a.html": body})) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<h1>B</h1>", "a.html: not one h1 that comes first: [(1, 'a.html'), (1, 'B')]"),
        ("<h3>B</h3>", "a.html: h3 'B' follows an h1"),
        ("<h2>B</h2><h4>C</h4>", "a.html: h4 'C' follows an h2"),
        ("<h2></h2>", "a.html: an empty h2"),
    ],
)
def test_a_faulty_heading_is_found(site: Site, body: str, fault: str) -> None:
    assert checks.faulty_headings(site(**{"a.html": body})) == [fault]


def test_sound_headings_are_not_found(site: Site) -> None:
    assert checks.faulty_headings(site(**{"a.html": "<h2>B</h2><h3>C</h3><h3>D</h3><h2>E <code>f</code></h2>"})) == []


@pytest.mark.parametrize("body", ['<img src="a.png">', '<img src="a.png" alt=" ">', '<svg role="img"></svg>'])
def test_a_picture_without_text_is_found(site: Site, body: str) -> None:
    assert len(checks.silent_pictures(site(**{"a.html": body}))) == 1


@pytest.mark.parametrize(
    "body", ['<img src="a.png" alt="A tree">', '<svg role="img" aria-label="A tree"></svg>', "<svg/>"]
)
def test_a_picture_with_text_is_not_found(site: Site, body: str) -> None:
    assert checks.silent_pictures(site(**{"a.html": body})) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('lang="en"', "", "a.html: lang is None"),
        ("<title>a.html</title>", "", "a.html: no title"),
        ("<title>a.html</title>", "<title>index.html</title>", "index.html: another page's title"),
        ('name="description"', 'name="other"', "a.html: no description"),
        ("the page a.html is", "the page index.html is", "index.html: another page's description"),
        ("in a sentence that is long enough.", "", "a.html: a description of 31 characters, not 50 to 160"),
        ("long enough.", "long" * 40, "a.html: a description of 213 characters, not 50 to 160"),
    ],
)
def test_a_faulty_head_is_found(site: Site, before: str, after: str, fault: str) -> None:
    folder = site(**{"a.html": ""})
    page = folder / "a.html"
    assert before in page.read_text()
    page.write_text(page.read_text().replace(before, after, 1))
    assert fault in checks.faulty_heads(folder)


def test_sound_heads_are_not_found(site: Site) -> None:
    assert checks.faulty_heads(site(**{"a.html": ""})) == []


def test_heavy_pages_are_found(site: Site) -> None:
    # Text in which nothing repeats, so that it weighs as much as it is long, or nearly.
    import random

    noise = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=200_000))
    scripts = "".join(f'<script src="s{n}.js"></script>' for n in range(checks.REQUESTS))
    folder = site(
        **{f"s{n}.js": "" for n in range(checks.REQUESTS)},
        **{"style.css": noise, "a.html": noise[:50_000], "b.html": scripts},
        **{"c.html": '<link rel="stylesheet" href="style.css">', "d.html": "Light"},
    )
    assert [fault.split(" ", 2)[::2] for fault in checks.heavy_pages(folder)] == [
        ["a.html:", "bytes, and the budget is 30000"],
        ["b.html:", "requests, and the budget is 12"],
        ["c.html:", "bytes with all that it loads, and the budget is 120000"],
    ]


def test_a_page_is_read_as_a_browser_reads_it(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text(
        "<html lang=en><title>A &amp; B</title><h1>One <b>two</b>\n three</h1><svg><title>no</title></svg>"
        '<p class="a stamp">12 commands</p><a name="old"></a><p id="new">'
    )
    document = html.read(page)
    assert (document.language, document.title, document.stamps) == ("en", "A & B", 1)
    assert document.headings == [(1, "One two three")]
    assert document.anchors == {"old", "new"}
