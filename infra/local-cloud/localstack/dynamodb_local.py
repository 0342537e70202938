"""Gap: LocalStack downloads DynamoDB Local and its own Java, and DynamoDB Local listens on every interface.

Patch: DynamoDB Local comes from a folder, runs on the Java of the machine, and listens on 127.0.0.1 only.
"""

import subprocess
from pathlib import Path

from localstack.services.dynamodb import server
from localstack.services.dynamodb.packages import DynamoDBLocalPackageInstaller
from localstack.utils.threads import FuncThread

# Starts DynamoDB Local on 127.0.0.1.
MAIN_CLASS = Path(__file__).parent.parent / "LoopbackDynamoDb.java"


def install(folder: Path) -> None:
    """Makes LocalStack use DynamoDB Local in `folder`, which contains DynamoDBLocal.jar."""
    original_command = server.DynamodbServer._create_shell_command

    def start(self) -> FuncThread:
        """Starts Java in the process group of the local cloud. LocalStack would start a new session, which outlives it."""
        # Java ends when the pipe is closed, which also happens when this process is killed.
        process = subprocess.Popen(loopback_command(original_command(self)), cwd=folder, stdin=subprocess.PIPE)
        thread = FuncThread(lambda _: process.wait(), name="dynamodb-local")
        thread.process = process
        thread.start()
        return thread

    DynamoDBLocalPackageInstaller.get_installed_dir = lambda _self: str(folder)
    server.DynamodbServer.do_start_thread = start


def loopback_command(command: list[str]) -> list[str]:
    """LocalStack's command with another main class, and without its Java agent, which only raises a limit of 20 indexes."""
    options = [part for part in command if not part.startswith("-javaagent:")]
    at = options.index("-jar")
    # The C1 compiler alone halves the time until the server is ready.
    main = ["-XX:TieredStopAtLevel=1", "-cp", options[at + 1], str(MAIN_CLASS)]
    return options[:at] + main + options[at + 2:] + ["-disableTelemetry"]
