"""How gunicorn runs the application; the unit adds the socket of each instance."""

# --8<-- [start:workers]
wsgi_app = "wsgi:app"
chdir = "/srv/flask-site"
workers = 2  # of each instance: together (2 x cores) + 1 is where to begin, then measure
threads = 4  # with more than one, the worker type is gthread
# --8<-- [end:workers]

# --8<-- [start:timeouts]
timeout = 30  # seconds that a worker may show no sign of life; no limit for one request
graceful_timeout = 30  # seconds that requests have to end, when a worker is to stop
keepalive = 5  # seconds that an idle connection is kept; nginx closes it before
# --8<-- [end:timeouts]

umask = 0o077  # the socket is the service's alone, until the unit opens it to nginx
control_socket_disable = True
worker_tmp_dir = "/dev/shm"  # signs of life go to memory, where no disk can hold them up

# nginx sets this header and no other that gunicorn would believe.
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}
forwarder_headers = ""

accesslog = None  # the application logs each request itself; "-" for one that does not
