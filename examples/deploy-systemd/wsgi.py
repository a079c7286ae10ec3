"""flask-site as systemd starts it: behind one proxy, with its secrets from credentials."""

import os
from pathlib import Path

from flask_site import create_app
from flask_site.settings import load
from werkzeug.middleware.proxy_fix import ProxyFix

# A credential is called as its setting: LoadCredential=secret_key:…, LoadCredential=database_url:…
files = Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent")).glob("*")
application = create_app(load(**{file.name: file.read_text("utf-8").strip() for file in files}))
application.wsgi_app = ProxyFix(application.wsgi_app, x_for=1, x_proto=1)
