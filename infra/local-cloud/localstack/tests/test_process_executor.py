"""Functions run as processes that speak the Runtime API."""

import json
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from types import SimpleNamespace

from localstack.services.lambda_.invocation import plugins
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.runtime_executor import EXECUTOR_PLUGIN_MANAGER, get_runtime_executor

import process_executor
from process_executor import ProcessExecutor
from tests.shipped import restore

# A function that answers with its input. The input says how it misbehaves.
ECHO = """
    import http.client, json, os, time
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        response = api.getresponse()
        event = json.loads(response.read())
        print("handling", event, flush=True)
        match event:
            case "crash":
                os._exit(7)
            case "sleep":
                time.sleep(60)
            case "environment":
                event = dict(os.environ)
        kind = "error" if event == "fail" else "response"
        path = "/2018-06-01/runtime/invocation/" + response.headers["Lambda-Runtime-Aws-Request-Id"] + "/" + kind
        api.request("POST", path, json.dumps(event))
        api.getresponse().read()
"""


class ExecutorPluginTest(unittest.TestCase):
    def test_gap_docker_is_the_only_executor(self):
        self.assertEqual(EXECUTOR_PLUGIN_MANAGER.list_names(), ["docker"])

    def test_patch_executor_is_used(self):
        restore(self, (plugins.DockerRuntimeExecutorPlugin, "load"), (ProcessExecutor, "dynamodb_endpoint"))
        process_executor.install("http://127.0.0.1:1")
        self.assertIs(get_runtime_executor(), ProcessExecutor)


class ProcessExecutorTest(unittest.TestCase):
    def executor(self, bootstrap: str = ECHO) -> ProcessExecutor:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name, "bootstrap")
        file.write_text(f"#!{sys.executable}\n{textwrap.dedent(bootstrap)}")
        file.chmod(0o755)
        code = SimpleNamespace(get_unzipped_code_location=lambda: folder.name)
        executor = ProcessExecutor("id", SimpleNamespace(config=SimpleNamespace(timeout=3, memory_size=256, code=code)))
        self.addCleanup(executor.stop)
        return executor

    def invoke(self, executor: ProcessExecutor, event, request_id: str = "r-1"):
        return executor.invoke({
            "invoke-id": request_id, "payload": json.dumps(event), "invoked-function-arn": "arn", "trace-id": "trace",
        })

    def test_response_and_output_are_returned(self):
        executor = self.executor()
        executor.start({})
        result = self.invoke(executor, {"a": 1})
        self.assertFalse(result.is_error)
        self.assertEqual(json.loads(result.payload), {"a": 1})
        self.assertIn("handling {'a': 1}", result.logs)

    def test_function_gets_its_own_variables_only(self):
        executor = self.executor()
        executor.start({"STOCKLINE_ENV": "test", "LOCALSTACK_RUNTIME_ID": "x", "EDGE_PORT": 4566})
        environment = json.loads(self.invoke(executor, "environment").payload)
        self.assertEqual(environment["STOCKLINE_ENV"], "test")
        self.assertEqual(environment["EDGE_PORT"], "4566")
        self.assertNotIn("LOCALSTACK_RUNTIME_ID", environment)
        self.assertNotIn("HOME", environment)

    def test_error_is_returned_and_process_is_kept(self):
        executor = self.executor()
        executor.start({})
        process = executor._process
        result = self.invoke(executor, "fail")
        self.assertTrue(result.is_error)
        self.assertEqual(json.loads(result.payload), "fail")
        self.assertFalse(self.invoke(executor, "again").is_error)
        self.assertIs(executor._process, process)

    def test_crash_is_an_error_and_next_invocation_works(self):
        executor = self.executor()
        executor.start({})
        result = self.invoke(executor, "crash")
        self.assertTrue(result.is_error)
        error = json.loads(result.payload)
        self.assertEqual(error["errorType"], "Runtime.ExitError")
        self.assertIn("exit status 7", error["errorMessage"])
        self.assertFalse(self.invoke(executor, "again").is_error)

    def test_timeout_is_an_error_and_next_invocation_works(self):
        executor = self.executor()
        executor._timeout = 1
        executor.start({})
        result = self.invoke(executor, "sleep")
        self.assertTrue(result.is_error)
        self.assertIn("timed out after 1.00 seconds", json.loads(result.payload)["errorMessage"])
        self.assertFalse(self.invoke(executor, "again").is_error)

    def test_failed_initialization_stops_the_start(self):
        executor = self.executor("raise SystemExit(3)")
        with self.assertRaises(StatusErrorException) as raised:
            executor.start({})
        self.assertIn(b"exit status 3", raised.exception.payload)


if __name__ == "__main__":
    unittest.main()
