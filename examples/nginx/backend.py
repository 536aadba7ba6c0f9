"""A backend that believes its proxy: nginx has asked authapi before, and names the subject."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Backend(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = {name: value for name, value in self.headers.items() if name.startswith("X-Auth-")}
        body = json.dumps({"method": self.command, "path": self.path, **told}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8005"))), Backend).serve_forever()
