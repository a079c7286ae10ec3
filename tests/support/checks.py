"""What can be wrong with a built site. Each check gives a list of faults, empty where there is none."""

import gzip
from collections import Counter
from functools import cache
from pathlib import Path

from support import html
from support.html import Document

# Generous, but real: in November 2026 no page had more than 20,000 bytes.
PAGE_BYTES = 30_000  # of one page's HTML, gzip
FIRST_VISIT_BYTES = 120_000  # of a page with all that it loads, gzip
REQUESTS = 12  # for a page with all that it loads

NOT_FOUND = "404.html"


@cache
def documents(site: Path) -> dict[str, Document]:
    """Every page of a site, by its path in the site."""
    return {file.relative_to(site).as_posix(): html.read(file) for file in sorted(site.rglob("*.html"))}


def written(site: Path) -> dict[str, Document]:
    """The pages that somebody wrote: all but the one for addresses that do not exist."""
    return {name: document for name, document in documents(site).items() if name != NOT_FOUND}


def broken_addresses(site: Path, address: str) -> list[str]:
    """Find local addresses that lead nowhere, in pages and style sheets.

    Args:
        site: the folder of the built site.
        address: what it was built for, ending in a slash.
    """
    prefix = "/" + address.split("/", 3)[3]
    broken = []
    for name, document in documents(site).items():
        for element, given in document.links + document.loads:
            if html.is_external(given) and not given.startswith(address):
                continue
            fault = _fault(site, name, given.replace(address, prefix, 1), prefix, absolute=html.is_external(given))
            broken += [f"{name}: <{element}> {given} {fault}"] if fault else []
    for file in sorted(site.rglob("*.css")):
        for given in html.addresses(file.read_text("utf-8")):
            if not html.is_external(given) and html.resolve(site, file, given) is None:
                broken.append(f"{file.relative_to(site).as_posix()}: {given} leads to no file")
    return broken


def _fault(site: Path, name: str, address: str, prefix: str, absolute: bool) -> str | None:
    if address.startswith(("mailto:", "about:")):
        return None
    # Only the page for missing addresses is served below any path, so it needs addresses from the root.
    if address.startswith("/") and name != NOT_FOUND and not absolute:
        return "does not work from another path"
    target = html.resolve(site, site / name, address, prefix)
    if target is None:
        return "leads to no file"
    file, fragment = target
    if fragment and file.suffix == ".html":
        other = file.relative_to(site).as_posix()
        if fragment not in documents(site)[other].anchors:
            return f"leads to no anchor of {other}"
    return None


def loads_from_other_hosts(site: Path) -> list[str]:
    """Find what a browser would fetch from another host by itself: in pages, style sheets and pictures."""
    external = []
    for name, document in documents(site).items():
        external += [f"{name}: <{element}> {given}" for element, given in document.loads if html.is_external(given)]
    for file in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        found = html.addresses(file.read_text("utf-8"))
        if file.suffix == ".svg":
            found += [given for _, given in html.read(file).loads]
        external += [f"{file.relative_to(site).as_posix()}: {given}" for given in found if html.is_external(given)]
    return external


def faulty_headings(site: Path) -> list[str]:
    """Find pages without exactly one h1, first of all, and headings that skip a level or are empty."""
    faults = []
    for name, document in documents(site).items():
        levels = [level for level, _ in document.headings]
        if levels[:1] != [1] or levels.count(1) != 1:
            faults.append(f"{name}: not one h1 that comes first: {document.headings}")
        for before, (level, text) in zip(levels, document.headings[1:], strict=False):
            if level > before + 1:
                faults.append(f"{name}: h{level} {text!r} follows an h{before}")
        faults += [f"{name}: an empty h{level}" for level, text in document.headings if not text.strip("# ¶")]
    return faults


def silent_pictures(site: Path) -> list[str]:
    """Find pictures without a text alternative."""
    return [
        f"{name}: {picture}"
        for name, document in documents(site).items()
        for picture, text in document.pictures
        if not (text or "").strip()
    ]


def faulty_heads(site: Path) -> list[str]:
    """Find pages without a language, or without a title and a description of their own."""
    faults = [f"{name}: lang is {d.language!r}" for name, d in documents(site).items() if d.language != "en"]
    for what in ("title", "description"):
        told = {name: getattr(document, what) or "" for name, document in written(site).items()}
        counted = Counter(told.values())
        faults += [f"{name}: no {what}" for name, text in told.items() if not text]
        faults += [f"{name}: another page's {what}" for name, text in told.items() if text and counted[text] > 1]
    for name, document in written(site).items():
        length = len(document.description or "")
        if length and not 50 <= length <= 160:
            faults.append(f"{name}: a description of {length} characters, not 50 to 160")
    return faults


def loaded(site: Path, name: str, prefix: str = "/") -> set[Path]:
    """Give the files that a browser loads with a page, without the page itself."""
    document = documents(site)[name]
    targets = (html.resolve(site, document.file, given, prefix) for _, given in document.loads)
    return {target[0] for target in targets if target} - {document.file}


def heavy_pages(site: Path, prefix: str = "/") -> list[str]:
    """Find pages that are heavier than their budget."""
    faults = []
    for name, document in documents(site).items():
        others = loaded(site, name, prefix)
        own = weight(document.file)
        whole = own + sum(map(weight, others))
        for what, is_now, budget in (
            ("bytes", own, PAGE_BYTES),
            ("bytes with all that it loads", whole, FIRST_VISIT_BYTES),
            ("requests", 1 + len(others), REQUESTS),
        ):
            if is_now > budget:
                faults.append(f"{name}: {is_now} {what}, and the budget is {budget}")
    return faults


@cache
def weight(file: Path) -> int:
    """Give the bytes of a file as a server sends it, compressed by gzip."""
    return len(gzip.compress(file.read_bytes(), 9, mtime=0))
