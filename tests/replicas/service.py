"""A load balancer in front of all replicas, as a Service of Kubernetes or HAProxy is one.

It asks every replica four times a second whether it is ready, and sends each request to the next
replica that is. A replica that refuses the connection has just ended: the request is sent to the
next one, as HAProxy and nginx do, and counted. Any other failure is a failure of the request.
"""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from processes import is_ready

# The header with the address of the replica that responded.
SERVED_BY = "served-by"
PROBE_INTERVAL = 0.25
TIMEOUT = 10


class Service:
    def __init__(self):
        self.lock = threading.Lock()
        # Whether each replica is ready, by its address. The first one is the next.
        self.ready = {}
        # When each refused connection was attempted.
        self.refused = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                service.forward(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self.probe, daemon=True).start()

    def add(self, address):
        with self.lock:
            self.ready.setdefault(address, False)

    def remove(self, address):
        with self.lock:
            self.ready.pop(address, None)

    def probe(self):
        while True:
            for address in list(self.ready):
                found = is_ready(f"http://{address}")
                with self.lock:
                    if address in self.ready:
                        self.ready[address] = found
            time.sleep(PROBE_INTERVAL)

    def next(self):
        """The next ready replica, which becomes the last one; None if none is ready."""
        with self.lock:
            for address in list(self.ready):
                if self.ready[address]:
                    self.ready[address] = self.ready.pop(address)
                    return address
        return None

    def forward(self, request):
        while address := self.next():
            try:
                status, body, headers = fetch(address, request)
            except ConnectionRefusedError:
                with self.lock:
                    self.refused.append(time.time())
                    if address in self.ready:
                        self.ready[address] = False
                continue
            except (OSError, http.client.HTTPException) as error:
                return answer(request, 502, f"{address}: {error!r}".encode(), {})
            return answer(request, status, body, {**headers, SERVED_BY: address})
        return answer(request, 503, b"no replica is ready", {})


def fetch(address, request):
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
    try:
        connection.request("GET", request.path, headers=dict(request.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return response.status, response.read(), headers
    finally:
        connection.close()


def answer(request, status, body, headers):
    kept = {name: headers[name] for name in ("content-type", "content-encoding", SERVED_BY) if name in headers}
    request.send_response(status)
    for name, value in {**kept, "Content-Length": str(len(body))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
