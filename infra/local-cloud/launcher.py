"""Starts the local cloud: MiniStack on 127.0.0.1, with patches for what Stockline needs.

    GATEWAY_PORT=4566 python infra/local-cloud/launcher.py

It is ready when GET /_ministack/health returns 200. SIGTERM ends it and its functions. Each patch below states the
problem that it solves. requirements.txt pins the MiniStack version that the patches are written for.
"""

import json
import os
import signal
import socketserver
import sys

# Environment variables that are kept. Functions inherit the environment, and must not get the AWS_PROFILE or the proxy
# of the user.
KEPT_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR",
    "GATEWAY_PORT", "AWS_ENDPOINT_URL", "MINISTACK_REGION", "LOG_LEVEL",
    "PERSIST_STATE", "S3_PERSIST", "STATE_DIR", "S3_DATA_DIR", "AUTH", "LAMBDA_WARM_TTL_SECONDS",
)


def clean_environment():
    """Removes all other environment variables, and sets those of MiniStack."""
    env = {key: os.environ[key] for key in KEPT_VARIABLES if key in os.environ}
    port = env.setdefault("GATEWAY_PORT", "4566")
    # Without an endpoint, functions would call the real AWS.
    env.setdefault("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    env.setdefault("MINISTACK_REGION", "eu-central-1")
    env.setdefault("AUTH", "true")
    env.update(
        BIND_HOST="127.0.0.1",  # The default of MiniStack is every interface.
        ATHENA_ENGINE="duckdb",  # Without it, every query succeeds with mock rows.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
    )
    os.environ.clear()
    os.environ.update(env)


def speed_up_invocations():
    """Removes 90 ms of waiting per invocation: 40 ms of Nagle's algorithm, 50 ms of waiting for log lines."""
    from ministack.core import lambda_runtime

    # The runtime API writes headers and body separately. Unbuffered and with Nagle, the second write waits for an ACK.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    socketserver.StreamRequestHandler.wbufsize = -1
    # A function logs before it responds, so its lines are in the pipe already. Values: first_line_wait, idle_confirm, hard_cap.
    for worker in (lambda_runtime.Worker, lambda_runtime.ProvidedWorker):
        if "_drain_stderr_bounded" in vars(worker):
            worker._drain_stderr_bounded.__defaults__ = (0.002, 0.001, 0.050)


def add_put_rest_api():
    """Adds PutRestApi (`PUT /restapis/{id}?mode=overwrite`), which Terraform uses to deploy an OpenAPI file.

    It calls MiniStack's own handlers, as single API calls would.
    """
    from ministack.services import apigateway_v1 as gateway

    original_handler = gateway.handle_request

    async def handle_request(method, path, headers, body, query_params):
        parts = path.strip("/").split("/")
        if method == "PUT" and len(parts) == 2 and parts[0] == "restapis":
            return put_rest_api(gateway, parts[1], body)
        return await original_handler(method, path, headers, body, query_params)

    gateway.handle_request = handle_request


def put_rest_api(gateway, api_id, body):
    """Replaces a REST API by an OpenAPI 3 document (JSON)."""
    api = gateway._rest_apis.get(api_id)
    if not api:
        return gateway._v1_error("NotFoundException", "Invalid API identifier specified", 404)
    try:
        spec = json.loads(body)
    except ValueError:
        return gateway._v1_error("BadRequestException", "The OpenAPI document is not JSON", 400)

    # The root resource keeps its id, because it is in the Terraform state.
    root = next(r for r in gateway._resources[api_id].values() if r["path"] == "/")
    root["resourceMethods"] = {}
    gateway._resources[api_id] = {root["id"]: root}
    for store in (gateway._authorizers_v1, gateway._models, gateway._request_validators, gateway._gateway_responses):
        store[api_id] = {}
    gateway._authorizer_cache.clear()
    api["name"] = spec["info"]["title"]
    api["description"] = spec["info"].get("description", "")
    api["version"] = spec["info"].get("version", "")
    api["binaryMediaTypes"] = spec.get("x-amazon-apigateway-binary-media-types", [])

    for name, schema in spec.get("components", {}).get("schemas", {}).items():
        gateway._create_model(api_id, {"name": name, "contentType": "application/json", "schema": json.dumps(schema)})
    validators = {}
    for name, checks in spec.get("x-amazon-apigateway-request-validators", {}).items():
        _, _, created = gateway._create_request_validator(api_id, {"name": name, **checks})
        validators[name] = json.loads(created)["id"]
    for kind, response in spec.get("x-amazon-apigateway-gateway-responses", {}).items():
        result = gateway._put_gateway_response(api_id, kind, response)
        if result[0] >= 400:
            return result
    authorizers = gateway._import_security_schemes(api_id, spec)
    for path, operations in spec["paths"].items():
        gateway._import_path_item(api_id, path, operations, authorizers, spec.get("security"))
        resource = next(r for r in gateway._resources[api_id].values() if r["path"] == path)
        for verb, operation in operations.items():
            method = resource["resourceMethods"].get(verb.upper())
            if method is None:
                continue  # Not an operation, for example `parameters`.
            # MiniStack's importer omits these fields.
            method["operationName"] = operation.get("operationId", "")
            validator = operation.get("x-amazon-apigateway-request-validator",
                                      spec.get("x-amazon-apigateway-request-validator"))
            method["requestValidatorId"] = validators.get(validator)
            integration = operation.get("x-amazon-apigateway-integration", {})
            method["methodIntegration"]["timeoutInMillis"] = integration.get("timeoutInMillis", 29000)
            method["methodIntegration"]["passthroughBehavior"] = integration.get(
                "passthroughBehavior", "when_no_match").upper()
    return gateway._v1_response(gateway._rest_api_view(api))


def omit_unset_fields():
    """Omits settings that are not set, as AWS does. MiniStack returns empty values, which are a diff at every plan."""
    from ministack.services import apigateway_v1 as gateway

    original_response = gateway._v1_response

    def response(data, status=200):
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if value or key not in ("accessLogSettings", "quota")}
        return original_response(data, status)

    gateway._v1_response = response


def make_add_permission_idempotent():
    """Returns the first response for a repeated AddPermission.

    The AWS provider repeats the call after a lost response, gets 409 from AWS and MiniStack, and retries for five minutes.
    Another statement with the same id is still a conflict.
    """
    from ministack.services import lambda_svc

    original_add, responses = lambda_svc._add_permission, {}

    def add_permission(function, statement, *arguments):
        key = (function, json.dumps(statement, sort_keys=True), *map(str, arguments))
        response = original_add(function, statement, *arguments)
        if response[0] == 409:
            return responses.get(key, response)
        responses[key] = response
        return response

    lambda_svc._add_permission = add_permission


def main():
    """Serves until SIGTERM or SIGINT, then ends the functions."""
    clean_environment()
    from ministack import app
    from ministack.core import lambda_runtime

    speed_up_invocations()
    add_put_rest_api()
    omit_unset_fields()
    make_add_permission_idempotent()
    try:
        app.main()
    finally:
        # A second signal must not interrupt the cleanup.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lambda_runtime.reset()
        sys.stdout.flush()
        # MiniStack's pollers are threads that do not end.
        os._exit(0)


if __name__ == "__main__":
    main()
