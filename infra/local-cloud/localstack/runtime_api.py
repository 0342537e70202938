"""The Lambda Runtime API, as an HTTP server on 127.0.0.1 for one function process.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Extensions and response streaming are left out.
"""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol


@dataclass(frozen=True)
class Invocation:
    """An invocation, as the function receives it."""

    request_id: str
    payload: bytes
    function_arn: str
    trace_id: str
    # Milliseconds since the Unix epoch.
    deadline_ms: int


class InvocationHost(Protocol):
    """Hands out invocations to a function process and takes its responses."""

    def next_invocation(self) -> Invocation | None:
        """Waits for an invocation. Returns None when the process has ended."""

    def complete(self, request_id: str, body: bytes, is_error: bool) -> None:
        """Takes the response to an invocation, or its error."""

    def fail_initialization(self, body: bytes) -> None:
        """Takes an error before the first invocation."""


class RuntimeApiServer(ThreadingHTTPServer):
    """Serves one function process until `close`."""

    daemon_threads = True

    def __init__(self, host: InvocationHost):
        super().__init__(("127.0.0.1", 0), _RequestHandler)
        self.host = host
        threading.Thread(target=self.serve_forever, daemon=True, name="runtime-api").start()

    @property
    def address(self) -> str:
        """Value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A connection that the function breaks off is no error of the server. A crash and a timeout do that."""

    def close(self) -> None:
        """Stops listening. Connections of a dead process end by themselves."""
        self.shutdown()
        self.server_close()


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are written separately. Unbuffered and with Nagle's algorithm, the second write would wait 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: RuntimeApiServer

    def log_message(self, *_):
        """No access log."""

    def do_GET(self):
        """`/2018-06-01/runtime/invocation/next`."""
        if not self.path.endswith("/runtime/invocation/next"):
            return self._send(404, b"{}")
        invocation = self.server.host.next_invocation()
        if invocation is None:
            self.close_connection = True
            return None
        return self._send(200, invocation.payload, {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        })

    def do_POST(self):
        """`.../init/error` and `.../invocation/{id}/response|error`."""
        body = self._read_body()
        match self.path.strip("/").split("/")[1:]:
            case ["runtime", "init", "error"]:
                self.server.host.fail_initialization(body)
            case ["runtime", "invocation", request_id, "response" | "error" as kind]:
                self.server.host.complete(request_id, body, is_error=kind == "error")
            case _:
                return self._send(404, b"{}")
        return self._send(202, b'{"status":"OK"}')

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(chunks)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
