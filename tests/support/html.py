"""What a built page refers to and how it is made up, read with the standard library's parser."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

URL = re.compile(r"""url\(\s*(["']?)(?P<url>.*?)\1\s*\)""")
IMPORT = re.compile(r"""@import\s+(["'])(?P<url>.*?)\1""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)

# What a browser loads by itself, as opposed to what a reader may follow.
LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("iframe", "src"),
    ("frame", "src"),
    ("embed", "src"),
    ("object", "data"),
    ("source", "src"),
    ("video", "src"),
    ("video", "poster"),
    ("audio", "src"),
    ("track", "src"),
    ("input", "src"),
    ("image", "href"),
    ("image", "xlink:href"),
    ("use", "href"),
    ("use", "xlink:href"),
}
FOLLOWED = {("a", "href"), ("area", "href"), ("form", "action")}
# <link rel=…> that only name an address; every other kind is loaded.
NAMED = {"canonical", "next", "prev", "alternate", "license", "author", "help", "edit"}


@dataclass
class Document:
    """One built page."""

    file: Path
    language: str | None = None
    title: str = ""
    description: str | None = None
    links: list[tuple[str, str]] = field(default_factory=list)  # (element, address) a reader may follow
    loads: list[tuple[str, str]] = field(default_factory=list)  # (element, address) a browser loads
    anchors: set[str] = field(default_factory=set)
    headings: list[tuple[int, str]] = field(default_factory=list)
    pictures: list[tuple[str, str | None]] = field(default_factory=list)  # (what, text alternative)
    stamps: int = 0


class _Reader(HTMLParser):
    def __init__(self, file: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document(file)
        self._text: list[str] | None = None
        self._style = False
        self._config = False
        self._svg = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._refer(tag, given)
        self._describe(tag, given)
        if tag == "svg":
            self._svg += 1
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6") or (tag == "title" and not self._svg):
            self._text = []
        self._style = tag == "style"
        self._config = tag == "script" and given.get("id") == "__config"

    def handle_endtag(self, tag: str) -> None:
        if tag == "svg":
            self._svg -= 1
        if self._text is not None and tag in ("title", "h1", "h2", "h3", "h4", "h5", "h6"):
            text = " ".join("".join(self._text).split())
            if tag == "title":
                self.document.title = text
            else:
                self.document.headings.append((int(tag[1]), text))
            self._text = None
        self._style = self._config = False

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)
        if self._style:
            self.document.loads += [("style", url) for url in addresses(data)]
        if self._config:
            config = json.loads(data)  # the theme's settings for its scripts
            if isinstance(config.get("search"), str):
                self.document.loads.append(("worker", config["search"]))

    def _refer(self, tag: str, given: dict[str, str]) -> None:
        document = self.document
        for name, value in given.items():
            if (tag, name) in FOLLOWED:
                document.links.append((tag, value))
            elif (tag, name) in LOADED:
                document.loads.append((tag, value))
            elif name == "srcset":
                document.loads += [(tag, part.split()[0]) for part in value.split(",") if part.strip()]
            elif name == "style":
                document.loads += [(tag, url) for url in addresses(value)]
        if tag == "link" and "href" in given:
            kinds = set(given.get("rel", "").split())
            target = document.links if kinds and kinds <= NAMED else document.loads
            target.append((f"link {' '.join(sorted(kinds))}", given["href"]))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh" and "=" in given.get("content", ""):
            document.loads.append(("meta refresh", given["content"].partition("=")[2].strip()))

    def _describe(self, tag: str, given: dict[str, str]) -> None:
        document = self.document
        document.anchors.update(
            given[name] for name in ("id", "name") if name in given and (name == "id" or tag == "a")
        )
        if tag == "html":
            document.language = given.get("lang")
        if tag == "meta" and given.get("name") == "description":
            document.description = given.get("content")
        if tag == "img":
            document.pictures.append((given.get("src", "img"), given.get("alt")))
        if tag == "svg" and given.get("role") == "img":
            document.pictures.append(("svg", given.get("aria-label") or given.get("aria-labelledby")))
        document.stamps += "stamp" in given.get("class", "").split()


def read(file: Path) -> Document:
    """Read one built page."""
    reader = _Reader(file)
    reader.feed(file.read_text("utf-8"))
    reader.close()
    return reader.document


def addresses(css: str) -> list[str]:
    """Find what a style sheet loads: every url(…) and @import that is not in a comment."""
    css = COMMENT.sub("", css)
    return [match["url"] for pattern in (URL, IMPORT) for match in pattern.finditer(css)]


def is_external(address: str) -> bool:
    """Tell whether an address leads to another host. Data that is in the address itself does not."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data", "mailto", "about")


def resolve(site: Path, file: Path, address: str, prefix: str = "/") -> tuple[Path, str] | None:
    """Find the file of the site that a local address on one of its files leads to.

    Args:
        site: the folder of the built site.
        file: the file of the site that the address is in.
        address: as written.
        prefix: the path below which the site is served; where an absolute address must begin.

    Returns:
        The file and the fragment, or None where there is no such file.
    """
    parts = urlsplit(address)
    if parts.scheme == "data":
        return file, ""
    here = prefix + file.relative_to(site).as_posix()
    path = unquote(urlsplit(urljoin(here, parts.path)).path) if parts.path else here
    if not path.startswith(prefix):
        return None
    target = site / path.removeprefix(prefix)
    if path.endswith("/") or target == site:
        target /= "index.html"
    return (target, unquote(parts.fragment)) if target.is_file() else None
