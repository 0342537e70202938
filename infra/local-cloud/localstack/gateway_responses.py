"""Gap: LocalStack drops `x-amazon-apigateway-gateway-responses` of an OpenAPI document, and applies of a gateway response
only the status.

Patch: the import stores the gateway responses, and errors of the gateway get their headers and bodies. Templates:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
"""

import json
import re

from localstack.services.apigateway.helpers import get_rest_api_container
from localstack.services.apigateway.legacy import provider
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    build_gateway_response,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import GatewayExceptionHandler
from rolo import Response

EXTENSION = "x-amazon-apigateway-gateway-responses"
HEADER_PREFIX = "gatewayresponse.header."


def install() -> None:
    """Makes imports store gateway responses, and errors use them."""
    original_import = provider.import_api_from_openapi_spec

    def import_api(rest_api, context, open_api_spec, mode):
        result = original_import(rest_api, context, open_api_spec, mode)
        responses = get_rest_api_container(context, rest_api_id=rest_api.id).gateway_responses
        if mode == "overwrite":
            responses.clear()
        responses.update(read_gateway_responses(open_api_spec))
        return result

    provider.import_api_from_openapi_spec = import_api
    GatewayExceptionHandler.create_exception_response = create_exception_response


def read_gateway_responses(open_api_spec: dict) -> dict:
    """The gateway responses of an OpenAPI document, by response type."""
    return {
        kind: build_gateway_response(
            kind,
            status_code=str(response["statusCode"]) if "statusCode" in response else None,
            response_parameters=response.get("responseParameters"),
            response_templates=response.get("responseTemplates"),
            default_response=False,
        )
        for kind, response in (open_api_spec.get(EXTENSION) or {}).items()
    }


def create_exception_response(self: GatewayExceptionHandler, exception, context) -> Response:
    """The response to an error, with the status, headers and body of its gateway response."""
    configured = get_gateway_response_or_default(exception.type, context.deployment.rest_api.gateway_responses)
    headers = self._build_response_headers(exception)
    for name, value in (configured.get("responseParameters") or {}).items():
        headers.set(name.removeprefix(HEADER_PREFIX), parameter_value(value, context.context_variables))
    template = (configured.get("responseTemplates") or {}).get("application/json")
    if configured.get("defaultResponse") or not template:
        body = self._build_response_content(exception)
    else:
        body = render(template, context.context_variables)
    status = configured.get("statusCode") or exception.status_code or 500
    return Response(response=body, headers=headers, status=int(status))


def parameter_value(value: str, variables: dict) -> str:
    """The value of a response parameter: a literal in single quotes, or a context variable."""
    if value.startswith("'"):
        return value.strip("'")
    return context_value(value.removeprefix("context."), variables)


def render(template: str, variables: dict) -> str:
    """Replaces the context variables in a template. API Gateway supports nothing else in gateway responses."""
    return re.sub(r"\$context\.([A-Za-z.]*[A-Za-z])", lambda match: context_value(match[1], variables), template)


def context_value(path: str, variables: dict) -> str:
    """The value at a dotted path, or an empty string."""
    if path == "error.messageString":
        # The only variable with quotes.
        return json.dumps(variables["error"]["message"])
    value = variables
    for name in path.split("."):
        value = (value or {}).get(name)
    return "" if value is None else str(value)
