"""DynamoDB Local listens on 127.0.0.1 only."""

import unittest
from pathlib import Path
from unittest.mock import patch

from localstack.services.dynamodb import server
from localstack.services.dynamodb.packages import DynamoDBLocalPackageInstaller

import dynamodb_local
from tests.shipped import restore


class LoopbackCommandTest(unittest.TestCase):
    def setUp(self):
        restore(self, (DynamoDBLocalPackageInstaller, "get_installed_dir"), (server.DynamodbServer, "do_start_thread"))

    def command(self) -> list[str]:
        with patch.object(DynamoDBLocalPackageInstaller, "get_installed_dir", lambda _: "/emulator"):
            return server.DynamodbServer(port=4567)._create_shell_command()

    def test_gap_main_class_of_the_jar_takes_no_host(self):
        command = self.command()
        self.assertIn("-jar", command)
        self.assertFalse([part for part in command if "127.0.0.1" in part or "host" in part.lower()])

    def test_patch_starts_the_loopback_class(self):
        command = dynamodb_local.loopback_command(self.command())
        self.assertNotIn("-jar", command)
        self.assertFalse([part for part in command if part.startswith("-javaagent")])
        at = command.index("-cp")
        self.assertEqual(command[at + 1:at + 5],
                         ["/emulator/DynamoDBLocal.jar", str(dynamodb_local.MAIN_CLASS), "-port", "4567"])
        self.assertTrue(dynamodb_local.MAIN_CLASS.is_file())

    def test_patch_runs_java_in_the_process_group(self):
        dynamodb_local.install(Path("/emulator"))
        with patch("subprocess.Popen") as popen:
            server.DynamodbServer(port=4567).do_start_thread()
        self.assertEqual(popen.call_args.args[0][0], "java")
        self.assertNotIn("start_new_session", popen.call_args.kwargs)


if __name__ == "__main__":
    unittest.main()
