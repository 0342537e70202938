"""Gap: LocalStack runs functions in Docker containers only. Patch: each execution environment is a process of this machine."""

import json
import os
import time
from pathlib import Path

from localstack.services.lambda_.invocation import plugins
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from function_process import FunctionError, FunctionProcess, error_payload
from runtime_api import Invocation

# Lambda's limit for the initialization of a function.
INIT_SECONDS = 10
# The variables of this process that a function gets. LocalStack provides all others.
PASSED_VARIABLES = ("PATH", "LANG", "LC_ALL")


def install(dynamodb_endpoint: str) -> None:
    """Makes LocalStack use processes. Functions call DynamoDB at `dynamodb_endpoint`.

    DynamoDB Local answers in a third of the time that a call through LocalStack takes, and stores the same tables.
    """
    ProcessExecutor.dynamodb_endpoint = dynamodb_endpoint
    plugins.DockerRuntimeExecutorPlugin.load = lambda *_args, **_kwargs: ProcessExecutor


class ProcessExecutor(RuntimeExecutor):
    """An execution environment. A process that crashed or timed out is replaced at the next invocation, as on Lambda."""

    dynamodb_endpoint: str | None = None

    def __init__(self, id: str, function_version: FunctionVersion):
        super().__init__(id, function_version)
        self._code = Path(function_version.config.code.get_unzipped_code_location())
        self._timeout: int = function_version.config.timeout
        self._environment: dict[str, str] = {}
        self._process: FunctionProcess | None = None

    def start(self, env_vars: dict[str, str]) -> None:
        """Starts the first process. Raises StatusErrorException if its initialization fails."""
        passed = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
        provided = {name: str(value) for name, value in env_vars.items() if not name.startswith("LOCALSTACK_")}
        self._environment = {**passed, **provided, "TZ": "UTC"}
        if self.dynamodb_endpoint:
            self._environment.setdefault("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb_endpoint)
        try:
            self._process = self._launch()
        except FunctionError as error:
            raise StatusErrorException("the initialization failed", payload=error.payload) from error

    def stop(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.end()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Runs one invocation. An error of the function is part of the result."""
        start = time.time()
        request_id = payload["invoke-id"]
        invocation = Invocation(
            request_id=request_id,
            payload=payload["payload"].encode(),
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            deadline_ms=int((start + self._timeout) * 1000),
        )
        is_error = True
        try:
            if not (self._process and self._process.is_alive):
                self._process = self._launch()
            body = self._process.invoke(invocation, self._timeout)
            is_error = False
        except FunctionError as error:
            body = error.payload
        except TimeoutError:
            self._process.end()
            body = error_payload("Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after "
                                                     f"{self._timeout}.00 seconds")
        return InvocationResult(request_id, body, is_error, logs=self._logs(request_id, time.time() - start))

    def get_logs(self) -> str:
        """The output since the last invocation."""
        return self._process.take_output() if self._process else ""

    def get_address(self) -> str:
        """The address of the function, as LocalStack sees it."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """The address of LocalStack, as the function sees it."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Only containers call this address."""
        return "http://127.0.0.1"

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the package."""
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing to remove: LocalStack removes the unpacked package."""

    def _launch(self) -> FunctionProcess:
        process = FunctionProcess(self._code, self._environment)
        try:
            process.wait_until_ready(INIT_SECONDS)
        except TimeoutError:
            process.end()
            raise FunctionError(error_payload(
                "Sandbox.Timedout", f"The initialization took longer than {INIT_SECONDS} s")) from None
        except FunctionError:
            process.end()
            raise
        return process

    def _logs(self, request_id: str, seconds: float) -> str:
        """The output, and the report of Lambda's JSON log format. Without any line, LocalStack logs a warning."""
        metrics = {"durationMs": round(seconds * 1000, 2), "memorySizeMB": self.function_version.config.memory_size}
        report = {"type": "platform.report", "record": {"requestId": request_id, "metrics": metrics}}
        return f"{self.get_logs()}{json.dumps(report)}\n"
