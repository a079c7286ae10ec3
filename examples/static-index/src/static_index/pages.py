"""Write the pages of an index: HTML (PEP 503) and JSON (PEP 691), which say the same."""

import json
from datetime import datetime
from html import escape
from urllib.parse import quote

from static_index.read import IndexedFile
from static_index.releases import Releases

API_VERSION = "1.1"  # with sizes, upload times and versions (PEP 700)
FILES = "../../files/"  # from a project's page


def root_json(projects: list[str]) -> str:
    """Return the page that lists the projects, as JSON."""
    return _dump({"projects": [{"name": name} for name in projects]})


def root_html(projects: list[str]) -> str:
    """Return the page that lists the projects, as HTML."""
    return _html("Simple index", [f'<a href="{name}/">{name}</a>' for name in projects])


def project_json(project: str, files: list[IndexedFile], releases: Releases) -> str:
    """Return a project's page as JSON: its versions and its files, oldest first."""
    versions = [str(version) for version in sorted({file.version for file in files})]
    described = [_describe(file, releases) for file in files]
    return _dump({"name": project, "versions": versions, "files": described})


def project_html(project: str, files: list[IndexedFile], releases: Releases) -> str:
    """Return a project's page as HTML: one link per file, oldest first."""
    return _html(f"Links for {project}", [_link(file, releases) for file in files])


def _describe(file: IndexedFile, releases: Releases) -> dict[str, object]:
    entry: dict[str, object] = {
        "filename": file.filename,
        "url": FILES + quote(file.filename),
        "hashes": {"sha256": file.sha256},
        "size": file.size,
    }
    if file.requires_python is not None:
        entry["requires-python"] = file.requires_python
    if file.metadata_sha256 is not None:
        entry["core-metadata"] = {"sha256": file.metadata_sha256}
    if file.filename in releases.yanked:
        entry["yanked"] = releases.yanked[file.filename] or True
    if file.filename in releases.uploaded:
        entry["upload-time"] = _time(releases.uploaded[file.filename])
    return entry


def _link(file: IndexedFile, releases: Releases) -> str:
    attributes = {"href": f"{FILES}{quote(file.filename)}#sha256={file.sha256}"}
    if file.requires_python is not None:
        attributes["data-requires-python"] = file.requires_python
    if file.metadata_sha256 is not None:
        attributes["data-core-metadata"] = f"sha256={file.metadata_sha256}"
    if file.filename in releases.yanked:
        attributes["data-yanked"] = releases.yanked[file.filename]
    written = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<a {written}>{escape(file.filename)}</a>"


def _html(title: str, links: list[str]) -> str:
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta name="pypi:repository-version" content="{API_VERSION}">',
            f"<title>{title}</title>",
            "</head>",
            "<body>",
            f"<h1>{title}</h1>",
            *(f"{link}<br>" for link in links),
            "</body>",
            "</html>",
            "",
        ]
    )


def _dump(page: dict[str, object]) -> str:
    return json.dumps({"meta": {"api-version": API_VERSION}, **page}, indent=1) + "\n"


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
