"""The same in Flask, as far as load is put on it: one page from a template."""

import os

from flask import Flask, render_template_string

PAGE = """<!doctype html>
<title>{{ title }}</title>
<ul>
{% for number in numbers %}<li>{{ number }}</li>
{% endfor %}</ul>
"""

app = application = Flask(__name__)


@app.get("/")
def home() -> str:
    """Render a list of ten lines."""
    return render_template_string(PAGE, title="Ten lines", numbers=range(10))


@app.get("/pid")
def pid() -> str:
    """Name the process that answers."""
    return str(os.getpid())
