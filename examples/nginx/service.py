"""A service that believes its proxy: nginx has asked authapi before. It answers what it is told."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        told = {
            "method": self.command,
            "path": self.path,
            "headers": {name: self.headers.get_all(name) for name in self.headers},
            "body": self.rfile.read(length).decode(),
        }
        content = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8005"))), Service).serve_forever()
