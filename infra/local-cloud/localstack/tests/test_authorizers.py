"""TOKEN authorizers are called, and their policies decide."""

import unittest
from types import SimpleNamespace

from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    AuthorizerFailureError,
    UnauthorizedError,
)
from werkzeug.datastructures import Headers

import authorizers
from authorizers import TokenAuthorizers

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:authorizer"
API = "arn:aws:execute-api:eu-central-1:000000000000:api/live"


def request(token: str | None = "Bearer a", method: str = "GET", path: str = "/v1/orders/1", authorizer_id="auth"):
    authorizer = {
        "type": "TOKEN",
        "authorizerUri": f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations",
        "identitySource": "method.request.header.Authorization",
        "identityValidationExpression": "^Bearer [a-z]+$",
        "authorizerResultTtlInSeconds": 300,
    }
    return SimpleNamespace(
        resource_method={"authorizerId": authorizer_id, "httpMethod": method},
        deployment=SimpleNamespace(rest_api=SimpleNamespace(authorizers={"auth": authorizer}, rest_api={}, validators={})),
        invocation_request={"headers": Headers({"Authorization": token} if token else {}), "path": path},
        api_id="api", stage="live", region="eu-central-1", account_id="000000000000", context_variables={},
    )


def policy(effect: str = "Allow", resource: str = f"{API}/*"):
    return {
        "principalId": "user",
        "policyDocument": {"Version": "2012-10-17", "Statement": [
            {"Effect": effect, "Action": "execute-api:Invoke", "Resource": [resource]}]},
        "context": {"role": "admin", "count": 3},
    }


class TokenAuthorizersTest(unittest.TestCase):
    def setUp(self):
        self.events = []
        self.answer = (None, policy())
        self.now = 0.0
        self.authorize = TokenAuthorizers(self.invoke, clock=lambda: self.now)

    def invoke(self, function: str, event: dict):
        self.events.append((function, event))
        return self.answer

    def test_gap_method_with_authorizer_needs_no_token(self):
        context = request(token=None)
        for handler in (handlers.preprocess_request, handlers.api_key_validation_handler, handlers.method_request_handler):
            handler(None, context, None)
        self.assertEqual(context.context_variables, {})

    def test_install_adds_the_handler(self):
        before = list(handlers.preprocess_request.handlers)
        self.addCleanup(handlers.preprocess_request.handlers.__setitem__, slice(None), before)
        authorizers.install()
        with self.assertRaises(UnauthorizedError):
            handlers.preprocess_request(None, request(token=None), None)

    def test_allowed_caller_gets_the_context(self):
        context = request()
        self.authorize(None, context, None)
        expected = {"role": "admin", "count": "3", "principalId": "user", "integrationLatency": 0}
        self.assertEqual(context.context_variables["authorizer"], expected)
        event = {"type": "TOKEN", "authorizationToken": "Bearer a", "methodArn": f"{API}/GET/v1/orders/1"}
        self.assertEqual(self.events, [(FUNCTION, event)])

    def test_decision_is_reused_within_its_ttl(self):
        for now, calls in ((0, 1), (299, 1), (301, 2)):
            self.now = now
            self.authorize(None, request(path=f"/v1/orders/{now}"), None)
            self.assertEqual(len(self.events), calls)
        self.authorize(None, request(token="Bearer b"), None)
        self.assertEqual(len(self.events), 3)

    def test_malformed_token_is_rejected_without_a_call(self):
        for token in (None, "Basic a", "Bearer A1"):
            with self.assertRaises(UnauthorizedError):
                self.authorize(None, request(token=token), None)
        self.assertEqual(self.events, [])

    def test_errors_of_the_authorizer_are_told_apart(self):
        for answer, error in (
            (("Unauthorized", None), UnauthorizedError),
            (("no key set", None), AuthorizerFailureError),
            ((None, "text"), AuthorizerConfigurationError),
        ):
            self.answer = answer
            with self.assertRaises(error):
                self.authorize(None, request(), None)
        self.assertEqual(len(self.events), 3)

    def test_policy_decides_per_method(self):
        self.answer = (None, policy(resource=f"{API}/GET/v1/*"))
        self.authorize(None, request(), None)
        with self.assertRaises(AccessDeniedError):
            self.authorize(None, request(method="POST"), None)

    def test_deny_is_rejected(self):
        self.answer = (None, policy(effect="Deny"))
        with self.assertRaises(AccessDeniedError):
            self.authorize(None, request(), None)

    def test_method_without_authorizer_is_open(self):
        self.authorize(None, request(token=None, authorizer_id=None), None)
        self.assertEqual(self.events, [])


if __name__ == "__main__":
    unittest.main()
