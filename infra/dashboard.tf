# The dashboard: pages for people. An API of its own, because it is no part of the contract: no authorizer, every path goes to one
# function, and that function signs people in.

locals {
  dashboard_stage = "live"
  # Made of names, like the ARNs in functions.tf: the function needs its own address, and must not wait for its stage.
  dashboard_stage_url = local.on_aws ? "https://${aws_api_gateway_rest_api.dashboard.id}.execute-api.${var.region}.amazonaws.com/${local.dashboard_stage}" : join("", [
    replace(var.local_cloud_endpoint, "127.0.0.1", "localhost"),
    "/restapis/${aws_api_gateway_rest_api.dashboard.id}/${local.dashboard_stage}/_user_request_",
  ])
  dashboard_url = coalesce(var.dashboard_url, local.dashboard_stage_url)

  # The root, and everything below it.
  dashboard_resources = {
    root  = aws_api_gateway_rest_api.dashboard.root_resource_id
    pages = aws_api_gateway_resource.dashboard.id
  }
}

resource "aws_api_gateway_rest_api" "dashboard" {
  name        = "${local.prefix}-dashboard"
  description = "Pages for people. They are no contract: use the API."

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_resource" "dashboard" {
  rest_api_id = aws_api_gateway_rest_api.dashboard.id
  parent_id   = aws_api_gateway_rest_api.dashboard.root_resource_id
  path_part   = "{proxy+}"
}

resource "aws_api_gateway_method" "dashboard" {
  for_each = local.dashboard_resources

  rest_api_id   = aws_api_gateway_rest_api.dashboard.id
  resource_id   = each.value
  http_method   = "ANY"
  authorization = "NONE"
}

resource "aws_api_gateway_integration" "dashboard" {
  for_each = local.dashboard_resources

  rest_api_id             = aws_api_gateway_rest_api.dashboard.id
  resource_id             = each.value
  http_method             = aws_api_gateway_method.dashboard[each.key].http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = local.invoke_uris["dashboard"]
  timeout_milliseconds    = 29000
}

resource "aws_api_gateway_deployment" "dashboard" {
  rest_api_id = aws_api_gateway_rest_api.dashboard.id

  triggers = { routes = sha256(jsonencode([
    values(local.dashboard_resources),
    values(aws_api_gateway_integration.dashboard)[*].uri,
  ])) }

  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_api_gateway_integration.dashboard]
}

resource "aws_api_gateway_stage" "dashboard" {
  rest_api_id          = aws_api_gateway_rest_api.dashboard.id
  deployment_id        = aws_api_gateway_deployment.dashboard.id
  stage_name           = local.dashboard_stage
  xray_tracing_enabled = local.capabilities.tracing

  dynamic "access_log_settings" {
    for_each = local.capabilities.access_logs ? [1] : []
    content {
      destination_arn = aws_cloudwatch_log_group.dashboard[0].arn
      # Without the path: the query of the sign-in has a code.
      format = jsonencode({
        request_id = "$context.requestId"
        method     = "$context.httpMethod"
        status     = "$context.status"
        latency_ms = "$context.responseLatency"
        error      = "$context.error.responseType"
      })
    }
  }

  depends_on = [aws_api_gateway_account.this]
}

resource "aws_api_gateway_method_settings" "dashboard" {
  rest_api_id = aws_api_gateway_rest_api.dashboard.id
  stage_name  = aws_api_gateway_stage.dashboard.stage_name
  method_path = "*/*"

  settings {
    throttling_rate_limit  = var.dashboard_rate.stage_rate
    throttling_burst_limit = var.dashboard_rate.stage_burst
    metrics_enabled        = local.on_aws
  }
}

resource "aws_cloudwatch_log_group" "dashboard" {
  count = local.capabilities.access_logs ? 1 : 0

  name              = "/aws/apigateway/${local.prefix}-dashboard"
  retention_in_days = var.log_retention_days
}

resource "aws_lambda_permission" "dashboard" {
  statement_id  = "dashboard"
  action        = "lambda:InvokeFunction"
  function_name = module.function["dashboard"].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_api_gateway_rest_api.dashboard.execution_arn}/*/*"
}
