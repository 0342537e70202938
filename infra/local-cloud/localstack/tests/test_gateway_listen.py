"""The launcher's address of the gateway is on the loopback interface."""

import unittest
from unittest.mock import MagicMock, patch

from localstack.config import HostAndPort
from localstack.runtime.server import twisted


class GatewayListenTest(unittest.TestCase):
    def interfaces(self, address: str) -> list[str]:
        """The interfaces that LocalStack listens on; an empty text is every interface."""
        listen = HostAndPort.parse(address, default_host="", default_port=0)
        with patch.object(twisted, "endpoints", MagicMock()) as endpoints:
            twisted.TwistedRuntimeServer().register(MagicMock(), [listen])
        calls = endpoints.TCP4ServerEndpoint.call_args_list + endpoints.TCP6ServerEndpoint.call_args_list
        return [call.kwargs.get("interface", "") for call in calls]

    def test_gap_host_of_an_ipv4_address_is_ignored(self):
        self.assertEqual(self.interfaces("127.0.0.1:4566"), [""])

    def test_host_in_ipv6_notation_is_respected(self):
        self.assertEqual(self.interfaces("[::ffff:127.0.0.1]:4566"), ["::ffff:127.0.0.1"])


if __name__ == "__main__":
    unittest.main()
