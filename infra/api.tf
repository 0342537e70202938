# Deploys api/openapi.yaml. This file adds what is specific to AWS: integrations, the authorizer and gateway responses. Schemas
# are not deployed, because the functions validate request bodies.

locals {
  openapi = yamldecode(file("${path.module}/api/openapi.yaml"))
  verbs   = ["get", "put", "post", "delete", "patch"]

  # "POST /v1/orders" -> { path, verb, function, operation_id }
  routes = merge([for path, item in local.openapi.paths : {
    for verb, operation in item : "${upper(verb)} ${path}" => {
      path         = path
      verb         = verb
      function     = operation["x-stockline-function"]
      operation_id = operation.operationId
      statuses     = keys(operation.responses)
    } if contains(local.verbs, verb)
  }]...)

  invoke_uris = { for name, _ in local.functions : name => join("", [
    "arn:${local.partition}:apigateway:${var.region}:lambda:path/2015-03-31/functions/",
    "arn:${local.partition}:lambda:${var.region}:${local.account_id}:function:${local.prefix}-${name}/invocations",
  ]) }

  # Responses of API Gateway itself: response type -> status, problem type, title and detail. Types and titles are those of
  # shared/platform, so that clients see one set.
  gateway_problems = {
    UNAUTHORIZED                   = [401, "unauthenticated", "A valid token is required", "A bearer token is needed, and one that is valid here and now."]
    AUTHORIZER_FAILURE             = [500, "internal", "Internal error", "The request could not be handled."]
    AUTHORIZER_CONFIGURATION_ERROR = [500, "internal", "Internal error", "The request could not be handled."]
    ACCESS_DENIED                  = [403, "forbidden", "The caller's role does not allow this", "This caller may not do this."]
    # API Gateway uses this type for an unknown path.
    MISSING_AUTHENTICATION_TOKEN = [404, "not-found", "Not found", "There is nothing at this path."]
    RESOURCE_NOT_FOUND           = [404, "not-found", "Not found", "There is nothing at this path."]
    REQUEST_TOO_LARGE            = [413, "payload-too-large", "The body is too large", "The body is larger than 64 KiB."]
    UNSUPPORTED_MEDIA_TYPE       = [415, "unsupported-media-type", "The body must be application/json in UTF-8", "Send application/json."]
    THROTTLED                    = [429, "too-many-requests", "Too many requests", "Try again in a second."]
    INTEGRATION_TIMEOUT          = [503, "busy", "Temporarily unavailable", "Try again in a second."]
    INTEGRATION_FAILURE          = [500, "internal", "Internal error", "The request could not be handled."]
    DEFAULT_4XX                  = [400, "invalid-request", "The request is not valid", "The request is not valid."]
    DEFAULT_5XX                  = [500, "internal", "Internal error", "The request could not be handled."]
  }

  api_body = {
    openapi = local.openapi.openapi
    info    = merge(local.openapi.info, { title = "${local.prefix}-api" })

    paths = { for path in distinct(values(local.routes)[*].path) : path => {
      for route in values(local.routes) : route.verb => {
        operationId = route.operation_id
        security    = local.openapi.security
        parameters = [for name in flatten(regexall("{([a-z_]+)}", path)) : {
          name     = name
          in       = "path"
          required = true
          schema   = { type = "string" }
        }]
        responses = { for status in route.statuses : status => { description = "See the contract." } }
        x-amazon-apigateway-integration = {
          type                = "aws_proxy"
          httpMethod          = "POST"
          uri                 = local.invoke_uris[route.function]
          passthroughBehavior = "when_no_match"
          timeoutInMillis     = 29000
        }
      } if route.path == path
    } }

    components = {
      securitySchemes = { for name, scheme in local.openapi.components.securitySchemes : name => {
        type                         = scheme.type
        name                         = scheme.name
        in                           = scheme.in
        x-amazon-apigateway-authtype = "custom"
        x-amazon-apigateway-authorizer = {
          type           = "token"
          authorizerUri  = local.invoke_uris["authorizer"]
          identitySource = "method.request.header.${scheme.name}"
          # A header that is no bearer token is rejected without a call of the authorizer.
          # The name of the scheme is case-insensitive (RFC 9110, section 11.1).
          identityValidationExpression = "^[Bb][Ee][Aa][Rr][Ee][Rr] [-0-9A-Za-z_.]+$"
          authorizerResultTtlInSeconds = 300
        }
      } }
    }

    x-amazon-apigateway-gateway-responses = { for kind, problem in local.gateway_problems : kind => {
      statusCode = tostring(problem[0])
      responseParameters = merge(
        {
          "gatewayresponse.header.Content-Type" = "'application/problem+json'"
          "gatewayresponse.header.x-request-id" = "context.requestId"
        },
        contains([429, 503], problem[0]) ? { "gatewayresponse.header.Retry-After" = "'1'" } : {},
        problem[0] == 401 ? { "gatewayresponse.header.WWW-Authenticate" = "'Bearer'" } : {},
      )
      responseTemplates = {
        "application/json" = jsonencode({
          type       = "https://stockline.dev/problems/${problem[1]}"
          title      = problem[2]
          status     = problem[0]
          detail     = problem[3]
          request_id = "$context.requestId"
        })
      }
    } }
  }
}

resource "aws_api_gateway_rest_api" "this" {
  name              = "${local.prefix}-api"
  description       = local.openapi.info.description
  body              = jsonencode(local.api_body)
  put_rest_api_mode = "overwrite"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_deployment" "this" {
  rest_api_id = aws_api_gateway_rest_api.this.id

  # A stage serves a snapshot of the API, so a changed body needs a new deployment.
  triggers = { body = sha256(jsonencode(local.api_body)) }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "live" {
  rest_api_id          = aws_api_gateway_rest_api.this.id
  deployment_id        = aws_api_gateway_deployment.this.id
  stage_name           = "live"
  xray_tracing_enabled = local.capabilities.tracing

  dynamic "access_log_settings" {
    for_each = local.capabilities.access_logs ? [1] : []
    content {
      destination_arn = aws_cloudwatch_log_group.api[0].arn
      format = jsonencode({
        request_id     = "$context.requestId"
        method         = "$context.httpMethod"
        route          = "$context.resourcePath"
        status         = "$context.status"
        latency_ms     = "$context.responseLatency"
        integration_ms = "$context.integrationLatency"
        caller         = "$context.authorizer.subject"
        role           = "$context.authorizer.role"
        error          = "$context.error.responseType"
      })
    }
  }

  depends_on = [aws_api_gateway_account.this]
}

resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.this.id
  stage_name  = aws_api_gateway_stage.live.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.api_rate.stage_rate
    throttling_burst_limit = var.api_rate.stage_burst
    metrics_enabled        = local.on_aws
  }
}

# Access logs need a role that all APIs of the account and region share. Setting it again has no effect.
resource "aws_iam_role" "api_logs" {
  count = local.capabilities.access_logs ? 1 : 0

  name = "${local.prefix}-api-logs"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "apigateway.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "api_logs" {
  count = local.capabilities.access_logs ? 1 : 0

  role       = aws_iam_role.api_logs[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
}

resource "aws_api_gateway_account" "this" {
  count = local.capabilities.access_logs ? 1 : 0

  cloudwatch_role_arn = aws_iam_role.api_logs[0].arn
  depends_on          = [aws_iam_role_policy_attachment.api_logs]
}

resource "aws_cloudwatch_log_group" "api" {
  count = local.capabilities.access_logs ? 1 : 0

  name              = "/aws/apigateway/${local.prefix}-api"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_permission" "api" {
  for_each = toset(values(local.routes)[*].function)

  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.value].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/*/*"
}

resource "aws_lambda_permission" "authorizer" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.function["authorizer"].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.this.execution_arn}/authorizers/*"
}
