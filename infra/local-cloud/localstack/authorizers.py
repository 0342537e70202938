"""Gap: LocalStack's community edition deploys Lambda authorizers of REST APIs, but never calls them.

Patch: a TOKEN authorizer is called before each integration, at most once per token within its TTL. Rules:
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    AuthorizerFailureError,
    UnauthorizedError,
)
from localstack.services.apigateway.next_gen.execute_api.integrations.aws import get_service_factory
from localstack.utils.aws.arns import extract_region_from_arn

DEFAULT_TTL_SECONDS = 300
# An authorizer throws exactly this message to reject a token.
REJECTED = "Unauthorized"

# Function ARN and event -> error message or None, and response payload.
InvokeFunction = Callable[[str, dict], tuple[str | None, Any]]


def install() -> None:
    """Adds the authorizers to the chain of request handlers."""
    handlers.preprocess_request.append(TokenAuthorizers(invoke_function))


@dataclass(frozen=True)
class Decision:
    """The response of an authorizer."""

    policy: dict
    # Value of `requestContext.authorizer` in the event of the integration.
    context: dict[str, Any]


class TokenAuthorizers:
    """A request handler that calls the authorizer of the method."""

    def __init__(self, invoke: InvokeFunction, clock: Callable[[], float] = time.monotonic):
        self._invoke = invoke
        self._clock = clock
        # Key -> decision and the time when it expires.
        self._decisions: dict[tuple, tuple[Decision, float]] = {}
        self._lock = threading.Lock()

    def __call__(self, _chain, context, _response) -> None:
        """Raises a gateway exception unless the authorizer allows the method."""
        authorizer_id = context.resource_method.get("authorizerId")
        if not authorizer_id:
            return
        authorizer = context.deployment.rest_api.authorizers.get(authorizer_id)
        if not authorizer or authorizer["type"] != "TOKEN":
            raise AuthorizerConfigurationError()
        token = self._token(authorizer, context.invocation_request["headers"])
        method_arn = (
            f"arn:aws:execute-api:{context.region}:{context.account_id}:{context.api_id}/{context.stage}/"
            f"{context.resource_method['httpMethod']}{context.invocation_request['path']}"
        )
        key = (context.api_id, context.stage, authorizer_id, token)
        decision = self._decide(authorizer, key, token, method_arn)
        check_policy(decision.policy, method_arn)
        context.context_variables["authorizer"] = decision.context

    @staticmethod
    def _token(authorizer: dict, headers) -> str:
        token = headers.get(authorizer["identitySource"].rpartition(".")[2])
        pattern = authorizer.get("identityValidationExpression")
        if not token or (pattern and not re.fullmatch(pattern, token)):
            raise UnauthorizedError(REJECTED)
        return token

    def _decide(self, authorizer: dict, key: tuple, token: str, method_arn: str) -> Decision:
        ttl = authorizer.get("authorizerResultTtlInSeconds")
        ttl = DEFAULT_TTL_SECONDS if ttl is None else int(ttl)
        now = self._clock()
        with self._lock:
            known = self._decisions.get(key)
        if known and now < known[1]:
            return known[0]
        decision = self._ask(authorizer, token, method_arn)
        with self._lock:
            self._decisions = {key: kept for key, kept in self._decisions.items() if now < kept[1]}
            self._decisions[key] = (decision, now + ttl)
        return decision

    def _ask(self, authorizer: dict, token: str, method_arn: str) -> Decision:
        function = authorizer["authorizerUri"].partition("functions/")[2].removesuffix("/invocations")
        error, payload = self._invoke(
            function, {"type": "TOKEN", "authorizationToken": token, "methodArn": method_arn})
        if error == REJECTED:
            raise UnauthorizedError(REJECTED)
        if error is not None:
            raise AuthorizerFailureError()
        if not isinstance(payload, dict) or "policyDocument" not in payload:
            raise AuthorizerConfigurationError()
        # The values of the context reach the function as strings.
        values = {name: value if isinstance(value, str) else json.dumps(value)
                  for name, value in (payload.get("context") or {}).items()}
        return Decision(payload["policyDocument"],
                        {**values, "principalId": payload.get("principalId"), "integrationLatency": 0})


def invoke_function(function: str, event: dict) -> tuple[str | None, Any]:
    """Invokes a function of this cloud."""
    client = get_service_factory(region_name=extract_region_from_arn(function), role_arn=None).lambda_
    response = client.invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(response["Payload"].read())
    if response.get("FunctionError"):
        return str(payload.get("errorMessage")), None
    return None, payload


def check_policy(policy: dict, method_arn: str) -> None:
    """Raises AccessDeniedError unless a statement allows the method and none denies it."""
    effects = {
        statement["Effect"]
        for statement in policy["Statement"]
        for pattern in as_list(statement["Resource"])
        if matches(pattern, method_arn)
    }
    if "Deny" in effects:
        raise AccessDeniedError("User is not authorized to access this resource with an explicit deny")
    if "Allow" not in effects:
        raise AccessDeniedError("User is not authorized to access this resource")


def as_list(value: str | list[str]) -> list[str]:
    """The elements of an IAM field that is a string or a list."""
    return [value] if isinstance(value, str) else value


def matches(pattern: str, arn: str) -> bool:
    """Whether an ARN matches a pattern with the IAM wildcards `*` and `?`."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), arn) is not None
