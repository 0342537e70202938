"""Gateway responses of an OpenAPI document are applied."""

import json
import unittest
from types import SimpleNamespace

from localstack.services.apigateway.legacy import provider
from localstack.services.apigateway.next_gen.execute_api.gateway_response import MissingAuthTokenError, ThrottledError
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import GatewayExceptionHandler

import gateway_responses
from tests.shipped import restore

DOCUMENT = {
    gateway_responses.EXTENSION: {
        "MISSING_AUTHENTICATION_TOKEN": {
            "statusCode": "404",
            "responseParameters": {
                "gatewayresponse.header.Content-Type": "'application/problem+json'",
                "gatewayresponse.header.x-request-id": "context.requestId",
            },
            "responseTemplates": {
                "application/json": '{"id": "$context.requestId", "detail": $context.error.messageString, "a": "$context.nothing.here"}',
            },
        },
    },
}


def respond(exception):
    responses = gateway_responses.read_gateway_responses(DOCUMENT)
    context = SimpleNamespace(
        deployment=SimpleNamespace(rest_api=SimpleNamespace(gateway_responses=responses)),
        context_variables={"requestId": "r-1", "error": {"message": 'no "token"'}},
    )
    return GatewayExceptionHandler().create_exception_response(exception, context)


class GatewayResponsesTest(unittest.TestCase):
    def setUp(self):
        restore(self, (provider, "import_api_from_openapi_spec"), (GatewayExceptionHandler, "create_exception_response"))

    def test_gap_headers_and_body_are_ignored(self):
        response = respond(MissingAuthTokenError())
        self.assertEqual(response.status_code, 404)
        self.assertEqual(response.headers["Content-Type"], "application/json")
        self.assertNotIn("x-request-id", response.headers)

    def test_patch_applies_status_headers_and_body(self):
        gateway_responses.install()
        response = respond(MissingAuthTokenError())
        self.assertEqual(response.status_code, 404)
        self.assertEqual(response.headers["Content-Type"], "application/problem+json")
        self.assertEqual(response.headers["x-request-id"], "r-1")
        self.assertEqual(json.loads(response.get_data()), {"id": "r-1", "detail": 'no "token"', "a": ""})

    def test_other_errors_keep_their_default(self):
        gateway_responses.install()
        response = respond(ThrottledError("slow down"))
        self.assertEqual(response.status_code, 429)
        self.assertEqual(json.loads(response.get_data()), {"message": "slow down"})

    def test_import_stores_and_replaces_responses(self):
        stored = {"THROTTLED": "earlier"}
        container = SimpleNamespace(gateway_responses=stored)
        restore(self, (gateway_responses, "get_rest_api_container"))
        gateway_responses.get_rest_api_container = lambda *_args, **_kwargs: container
        provider.import_api_from_openapi_spec = lambda *_: ("api", [])
        gateway_responses.install()
        result = provider.import_api_from_openapi_spec(SimpleNamespace(id="api"), None, DOCUMENT, "overwrite")
        self.assertEqual(result, ("api", []))
        self.assertEqual(list(stored), ["MISSING_AUTHENTICATION_TOKEN"])
        self.assertEqual(stored["MISSING_AUTHENTICATION_TOKEN"]["statusCode"], "404")


if __name__ == "__main__":
    unittest.main()
