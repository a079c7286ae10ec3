"""What an index says, to the letter."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from making import metadata, sdist, tree, wheel
from static_index import Releases, build

HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="pypi:repository-version" content="1.1">
<title>{title}</title>
</head>
<body>
<h1>{title}</h1>
"""


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_html_of_a_wheel_and_an_sdist(files: Path, out: Path):
    source = digest(sdist(files, "greet", "1.0").read_bytes())
    built = digest(wheel(files, "greet", "1.0").read_bytes())
    told = digest(metadata("greet", "1.0"))
    build(files, out)
    expected = HEAD.format(title="Links for greet") + (
        f'<a href="../../files/greet-1.0-py3-none-any.whl#sha256={built}" data-requires-python="&gt;=3.11" '
        f'data-core-metadata="sha256={told}">greet-1.0-py3-none-any.whl</a><br>\n'
        f'<a href="../../files/greet-1.0.tar.gz#sha256={source}" data-requires-python="&gt;=3.11">'
        "greet-1.0.tar.gz</a><br>\n</body>\n</html>\n"
    )
    assert (out / "simple/greet/index.html").read_text() == expected


def test_json_of_a_wheel_and_an_sdist(files: Path, out: Path):
    source = sdist(files, "greet", "1.9", told=metadata("greet", "1.9", requires_python=None)).read_bytes()
    built = wheel(files, "greet", "1.10").read_bytes()
    build(files, out)
    assert (
        (out / "simple/greet/index.json").read_text()
        == f"""\
{{
 "meta": {{
  "api-version": "1.1"
 }},
 "name": "greet",
 "versions": [
  "1.9",
  "1.10"
 ],
 "files": [
  {{
   "filename": "greet-1.9.tar.gz",
   "url": "../../files/greet-1.9.tar.gz",
   "hashes": {{
    "sha256": "{digest(source)}"
   }},
   "size": {len(source)}
  }},
  {{
   "filename": "greet-1.10-py3-none-any.whl",
   "url": "../../files/greet-1.10-py3-none-any.whl",
   "hashes": {{
    "sha256": "{digest(built)}"
   }},
   "size": {len(built)},
   "requires-python": ">=3.11",
   "core-metadata": {{
    "sha256": "{digest(metadata("greet", "1.10"))}"
   }}
  }}
 ]
}}
"""
    )


def test_yanked_files_and_upload_times(files: Path, out: Path):
    for version in ("1.0", "1.1"):
        sdist(files, "greet", version, told=metadata("greet", version, requires_python=None))
    hashes = {path.name: digest(path.read_bytes()) for path in files.iterdir()}
    releases = Releases(
        yanked={"greet-1.0.tar.gz": 'greets <everyone> as "you"', "greet-1.1.tar.gz": ""},
        uploaded={"greet-1.0.tar.gz": datetime(2026, 11, 2, 9, 30, tzinfo=UTC)},
    )
    build(files, out, releases)
    assert (out / "simple/greet/index.html").read_text() == HEAD.format(title="Links for greet") + (
        f'<a href="../../files/greet-1.0.tar.gz#sha256={hashes["greet-1.0.tar.gz"]}" '
        'data-yanked="greets &lt;everyone&gt; as &quot;you&quot;">greet-1.0.tar.gz</a><br>\n'
        f'<a href="../../files/greet-1.1.tar.gz#sha256={hashes["greet-1.1.tar.gz"]}" '
        'data-yanked="">greet-1.1.tar.gz</a><br>\n</body>\n</html>\n'
    )
    page = (out / "simple/greet/index.json").read_text()
    assert page.count('   "yanked": "greets <everyone> as \\"you\\"",\n   "upload-time": "2026-11-02T09:30:00Z"\n') == 1
    assert page.count('   "yanked": true\n') == 1


def test_list_of_projects_has_normalised_names(files: Path, out: Path):
    wheel(files, "Zope_Thing", "1.0")
    wheel(files, "greet", "1.0")
    build(files, out)
    links = '<a href="greet/">greet</a><br>\n<a href="zope-thing/">zope-thing</a><br>\n</body>\n</html>\n'
    assert (out / "simple/index.html").read_text() == HEAD.format(title="Simple index") + links
    assert (out / "simple/index.json").read_text() == (
        '{\n "meta": {\n  "api-version": "1.1"\n },\n "projects": [\n'
        '  {\n   "name": "greet"\n  },\n  {\n   "name": "zope-thing"\n  }\n ]\n}\n'
    )


def test_index_of_an_empty_folder_lists_no_project(files: Path, out: Path):
    assert build(files, out) == []
    assert (out / "simple/index.html").read_text() == HEAD.format(title="Simple index") + "</body>\n</html>\n"


def test_files_and_metadata_are_copied_whole(files: Path, out: Path):
    built, source = wheel(files, "greet", "1.0+local.1"), sdist(files, "greet", "1.0")
    build(files, out)
    assert tree(out / "files") == {
        built.name: built.read_bytes(),
        f"{built.name}.metadata": metadata("greet", "1.0+local.1"),
        source.name: source.read_bytes(),
    }
    assert 'href="../../files/greet-1.0%2Blocal.1-py3-none-any.whl#' in (out / "simple/greet/index.html").read_text()
    assert '"../../files/greet-1.0%2Blocal.1-py3-none-any.whl"' in (out / "simple/greet/index.json").read_text()
