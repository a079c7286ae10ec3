"""The application as gunicorn runs it; TRUSTED_PROXIES says how many proxies stand before it."""

import os

from flask_site import create_app
from werkzeug.middleware.proxy_fix import ProxyFix

app = create_app()
if proxies := int(os.environ.get("TRUSTED_PROXIES") or 0):
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0, x_port=0, x_prefix=0)
