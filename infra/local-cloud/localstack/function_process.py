"""A function as a process of this machine: its `bootstrap`, served with invocations through a Runtime API of its own."""

import json
import os
import queue
import select
import signal
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path

from runtime_api import Invocation, RuntimeApiServer


class FunctionError(Exception):
    """The function failed. `payload` is the error as JSON, with `errorType` and `errorMessage`."""

    def __init__(self, payload: bytes):
        super().__init__(payload.decode(errors="replace"))
        self.payload = payload


def error_payload(kind: str, message: str) -> bytes:
    """An error in the format of Lambda."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class FunctionProcess:
    """A running function. It handles one invocation at a time, like an execution environment of Lambda.

    The process belongs to the process group of the local cloud, so that it ends with the group.
    """

    def __init__(self, code: Path, environment: dict[str, str]):
        """Starts `bootstrap` in the folder `code`."""
        self._ready: Future[None] = Future()
        self._invocations: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._responses: dict[str, Future[bytes]] = {}
        self._output: list[bytes] = []
        # Guards the futures, the output and `_exit_error`.
        self._lock = threading.Lock()
        self._exit_error: bytes | None = None
        self._api = RuntimeApiServer(self)
        self._process = subprocess.Popen(
            [code / "bootstrap"],
            cwd=code,
            env={**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address, "LAMBDA_TASK_ROOT": str(code)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.set_blocking(self._process.stdout.fileno(), False)
        threading.Thread(target=self._watch, daemon=True, name="function-process").start()

    @property
    def is_alive(self) -> bool:
        """Whether the process can take an invocation."""
        return self._exit_error is None and self._process.poll() is None

    def wait_until_ready(self, seconds: float) -> None:
        """Waits for the first request for an invocation.

        Raises FunctionError if initialization fails, TimeoutError if it takes longer than `seconds`.
        """
        self._ready.result(timeout=seconds)

    def invoke(self, invocation: Invocation, seconds: float) -> bytes:
        """Returns the response. Raises FunctionError for an error or a crash, TimeoutError after `seconds`."""
        response: Future[bytes] = Future()
        with self._lock:
            if self._exit_error is not None:
                raise FunctionError(self._exit_error)
            self._responses[invocation.request_id] = response
        self._invocations.put(invocation)
        try:
            return response.result(timeout=seconds)
        finally:
            with self._lock:
                self._responses.pop(invocation.request_id, None)

    def end(self) -> None:
        """Kills the process and waits until it is gone."""
        self._process.kill()
        self._process.wait()

    def take_output(self) -> str:
        """What the process printed since the last call. All that it printed before a response is included."""
        with self._lock:
            self._read_output()
            output, self._output = self._output, []
        return b"".join(output).decode(errors="replace")

    def next_invocation(self) -> Invocation | None:
        """See InvocationHost."""
        with self._lock:
            if not self._ready.done():
                self._ready.set_result(None)
        return self._invocations.get()

    def complete(self, request_id: str, body: bytes, is_error: bool) -> None:
        """See InvocationHost. The response to an invocation that has timed out is dropped."""
        with self._lock:
            response = self._responses.pop(request_id, None)
        if response is None:
            return
        if is_error:
            response.set_exception(FunctionError(body))
        else:
            response.set_result(body)

    def fail_initialization(self, body: bytes) -> None:
        """See InvocationHost."""
        with self._lock:
            if not self._ready.done():
                self._ready.set_exception(FunctionError(body))

    def _watch(self) -> None:
        """Collects the output. When the process ends, fails whoever waits for it."""
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        is_open = True
        while is_open:
            poll.poll()
            with self._lock:
                is_open = self._read_output()
        with self._lock:
            self._process.stdout.close()
        payload = error_payload("Runtime.ExitError", f"Runtime exited with error: {_describe(self._process.wait())}")
        self.fail_initialization(payload)
        with self._lock:
            self._exit_error = payload
            responses, self._responses = self._responses, {}
        for response in responses.values():
            response.set_exception(FunctionError(payload))
        # Releases the server thread that waits for an invocation.
        self._invocations.put(None)
        self._api.close()


    def _read_output(self) -> bool:
        """Reads what is in the pipe, with the lock held. Returns whether the process still has it open."""
        stdout = self._process.stdout
        while not stdout.closed:
            try:
                chunk = os.read(stdout.fileno(), 65536)
            except BlockingIOError:
                return True
            if not chunk:
                break
            self._output.append(chunk)
        return False


def _describe(status: int) -> str:
    return f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
