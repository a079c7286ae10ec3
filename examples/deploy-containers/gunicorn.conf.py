"""How gunicorn runs in the container: it reads this file from the folder that it starts in."""

import os

bind = "0.0.0.0:8000"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 4
worker_tmp_dir = "/dev/shm"  # memory, for the heartbeat of the workers
graceful_timeout = 25  # seconds; whoever stops the container waits longer
timeout = 60
forwarded_allow_ips = ""  # wsgi.py says which proxies are believed
accesslog = None  # flask-site writes a line of JSON for each request
control_socket_disable = True
