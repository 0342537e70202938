"""The local cloud: MiniStack on 127.0.0.1, with what Stockline needs and it lacks.

    GATEWAY_PORT=4566 python infra/local-cloud/launcher.py

Ready when GET /_ministack/health answers; SIGTERM ends it and the functions it started. Every patch below names
what it works round; requirements.txt pins the version they were written against.
"""

import json
import os
import signal
import socketserver
import sys

# What passes from the caller's environment. Everything else stays out: a function inherits what is left, and an
# AWS_PROFILE or a proxy of the person who starts this must not reach it.
PASSED = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR",
    "GATEWAY_PORT", "AWS_ENDPOINT_URL", "MINISTACK_REGION", "LOG_LEVEL",
    "PERSIST_STATE", "S3_PERSIST", "STATE_DIR", "S3_DATA_DIR", "AUTH", "LAMBDA_WARM_TTL_SECONDS",
)


def clean_environment():
    """Leave MiniStack, and so every function, only what it needs; 127.0.0.1, duckdb and IAM are not optional."""
    env = {key: os.environ[key] for key in PASSED if key in os.environ}
    port = env.setdefault("GATEWAY_PORT", "4566")
    # Without an endpoint, functions would head for real AWS.
    env.setdefault("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    env.setdefault("MINISTACK_REGION", "eu-central-1")
    env.setdefault("AUTH", "true")
    env.update(
        BIND_HOST="127.0.0.1",  # MiniStack's own default is every interface.
        ATHENA_ENGINE="duckdb",  # Without it, every query "succeeds" with mock rows.
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
    )
    os.environ.clear()
    os.environ.update(env)


def quicken_invokes():
    """Take 90 ms of waiting out of every invoke: 40 ms of Nagle's algorithm, 50 ms of waiting for log lines."""
    from ministack.core import lambda_runtime

    # The runtime API writes headers and body apart; unbuffered and with Nagle, the second waits for an ACK.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    socketserver.StreamRequestHandler.wbufsize = -1
    # A function logs before it answers, so its lines are in the pipe already: first_line_wait, idle_confirm, hard_cap.
    for worker in (lambda_runtime.Worker, lambda_runtime.ProvidedWorker):
        if "_drain_stderr_bounded" in vars(worker):
            worker._drain_stderr_bounded.__defaults__ = (0.002, 0.001, 0.050)


def teach_put_rest_api():
    """PutRestApi (`PUT /restapis/{id}?mode=overwrite`), which is how Terraform deploys an OpenAPI file.

    Everything is made by MiniStack's own handlers, as if the calls had come in one by one.
    """
    from ministack.services import apigateway_v1 as gateway

    known_routes = gateway.handle_request

    async def handle_request(method, path, headers, body, query_params):
        parts = path.strip("/").split("/")
        if method == "PUT" and len(parts) == 2 and parts[0] == "restapis":
            return put_rest_api(gateway, parts[1], body)
        return await known_routes(method, path, headers, body, query_params)

    gateway.handle_request = handle_request


def put_rest_api(gateway, api_id, body):
    """Overwrite one REST API with an OpenAPI 3 document (JSON)."""
    api = gateway._rest_apis.get(api_id)
    if not api:
        return gateway._v1_error("NotFoundException", "Invalid API identifier specified", 404)
    try:
        spec = json.loads(body)
    except ValueError:
        return gateway._v1_error("BadRequestException", "The OpenAPI document is not JSON", 400)

    # The root keeps its id: Terraform holds it in its state.
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
        _, _, made = gateway._create_request_validator(api_id, {"name": name, **checks})
        validators[name] = json.loads(made)["id"]
    for kind, response in spec.get("x-amazon-apigateway-gateway-responses", {}).items():
        answer = gateway._put_gateway_response(api_id, kind, response)
        if answer[0] >= 400:
            return answer
    authorizers = gateway._import_security_schemes(api_id, spec)
    for path, operations in spec["paths"].items():
        gateway._import_path_item(api_id, path, operations, authorizers, spec.get("security"))
        resource = next(r for r in gateway._resources[api_id].values() if r["path"] == path)
        for verb, operation in operations.items():
            made = resource["resourceMethods"].get(verb.upper())
            if made is None:
                continue  # `parameters` and the like: not an operation.
            # What MiniStack's importer leaves out of the operation and its integration.
            made["operationName"] = operation.get("operationId", "")
            validator = operation.get("x-amazon-apigateway-request-validator",
                                      spec.get("x-amazon-apigateway-request-validator"))
            made["requestValidatorId"] = validators.get(validator)
            integration = operation.get("x-amazon-apigateway-integration", {})
            made["methodIntegration"]["timeoutInMillis"] = integration.get("timeoutInMillis", 29000)
            made["methodIntegration"]["passthroughBehavior"] = integration.get(
                "passthroughBehavior", "when_no_match").upper()
    return gateway._v1_response(gateway._rest_api_view(api))


def omit_what_aws_omits():
    """AWS leaves out settings that were never made; MiniStack's empty ones show as a diff at every plan."""
    from ministack.services import apigateway_v1 as gateway

    complete = gateway._v1_response

    def response(data, status=200):
        if isinstance(data, dict):
            data = {key: value for key, value in data.items() if value or key not in ("accessLogSettings", "quota")}
        return complete(data, status)

    gateway._v1_response = response


def answer_repeated_permissions():
    """AddPermission sent again after its answer was lost: AWS and MiniStack say 409, and the AWS provider then waits five
    minutes for that to change. What was granted word for word is granted; another statement under the name is a conflict."""
    from ministack.services import lambda_svc

    add, granted = lambda_svc._add_permission, {}

    def add_permission(function, statement, *arguments):
        key = (function, json.dumps(statement, sort_keys=True), *map(str, arguments))
        answer = add(function, statement, *arguments)
        if answer[0] == 409:
            return granted.get(key, answer)
        granted[key] = answer
        return answer

    lambda_svc._add_permission = add_permission


def main():
    """Serve until SIGTERM or SIGINT, then take the functions along."""
    clean_environment()
    from ministack import app
    from ministack.core import lambda_runtime

    quicken_invokes()
    teach_put_rest_api()
    omit_what_aws_omits()
    answer_repeated_permissions()
    try:
        app.main()
    finally:
        # A second signal must not interrupt the clearing up.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lambda_runtime.reset()
        sys.stdout.flush()
        # Its pollers are threads that never end by themselves.
        os._exit(0)


if __name__ == "__main__":
    main()
