"""nginx, which sends a file: the bound for a scrape."""

import gzip
import tempfile
from pathlib import Path

from peers.scrapes import ENCODINGS, cost_of_scrapes, seconds_to_first_response
from processes import Process, free_port

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{}}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  open_file_cache max=16 inactive=600s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/root;
    default_type "text/plain; version=0.0.4";
    gzip_static on;
  }}
}}
"""


def static_scrapes(body):
    """The CPU time of scrapes of nginx, which sends `body` as a file, compressed before."""
    with tempfile.TemporaryDirectory() as folder:
        root, port = Path(folder) / "root", free_port()
        root.mkdir()
        (root / "metrics").write_text(body, encoding="utf-8")
        (root / "metrics.gz").write_bytes(gzip.compress(body.encode(), 6))
        path = Path(folder) / "nginx.conf"
        path.write_text(CONFIGURATION.format(folder=folder, port=port), encoding="utf-8")
        # As root, nginx reads files as another user.
        Path(folder).chmod(0o755)
        process, url = Process(["nginx", "-p", folder, "-c", path]), f"http://127.0.0.1:{port}/metrics"
        try:
            seconds_to_first_response(process, url)
            return {f"{encoding}_cpu_ms": cost_of_scrapes(process, url, encoding)[0] for encoding in ENCODINGS}
        finally:
            process.end()
