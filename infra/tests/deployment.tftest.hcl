# Rules for every deployment to AWS. The provider is a mock, so nothing is built or called.

mock_provider "aws" {
  override_during = plan

  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-central-1:123456789012:mock", url = "https://sqs.mock/mock" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:123456789012:mock" }
  }
  mock_resource "aws_dynamodb_table" {
    defaults = {
      arn        = "arn:aws:dynamodb:eu-central-1:123456789012:table/mock"
      stream_arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/mock/stream/2026-01-01T00:00:00.000"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mock" }
  }
  mock_resource "aws_glue_catalog_database" {
    defaults = { arn = "arn:aws:glue:eu-central-1:123456789012:database/mock" }
  }
  mock_resource "aws_glue_catalog_table" {
    defaults = { arn = "arn:aws:glue:eu-central-1:123456789012:table/mock/mock" }
  }
  mock_resource "aws_athena_workgroup" {
    defaults = { arn = "arn:aws:athena:eu-central-1:123456789012:workgroup/mock" }
  }
  mock_resource "aws_cognito_user_pool" {
    defaults = { id = "eu-central-1_mock" }
  }
  mock_resource "aws_cognito_user_pool_client" {
    defaults = { id = "mock-client" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::mock" }
  }
}

variables {
  environment                 = "test"
  packages_dir                = "nowhere"
  oidc_issuer                 = "https://issuer.example"
  oidc_audience               = "stockline"
  oidc_jwks_url               = "https://issuer.example/jwks.json"
  oidc_authorization_endpoint = "https://issuer.example/authorize"
  oidc_token_endpoint         = "https://issuer.example/token"
  oidc_client_id              = "stockline-dashboard"
  slack_webhook_url           = "https://hooks.example/x"
  session_secret              = "0123456789abcdef0123456789abcdef"
  cursor_secret               = "0123456789abcdef0123456789abcdef"
}

run "functions_have_their_own_log_group_and_role" {
  command = plan

  assert {
    condition = alltrue([for name, function in module.function :
      function.log_group == "/aws/lambda/stockline-test-${name}"
    ])
    error_message = "A function writes to a log group that Terraform does not manage."
  }
  assert {
    condition     = length(distinct([for function in module.function : function.role])) == length(module.function)
    error_message = "Two functions share a role."
  }
}

run "functions_get_their_environment_variables" {
  command = plan

  assert {
    condition     = toset([for file in fileset("../functions", "*/Cargo.toml") : dirname(file)]) == toset(keys(module.function))
    error_message = "The folders below functions/ and local.functions differ."
  }
  assert {
    condition = alltrue(flatten([for name, function in local.functions : [
      for variable in flatten(regexall("required(?:_list|_value)?\\(\"([A-Z_]+)\"\\)", file("../functions/${name}/src/main.rs"))) :
      contains(concat(keys(local.common_environment), keys(function.environment)), variable)
    ]]))
    error_message = "A function requires an environment variable that it does not get."
  }
  assert {
    condition     = toset(split(",", local.functions["task-reports"].environment.CONTROLLER_IDS)) == var.controllers
    error_message = "task-reports does not know the controllers that have a queue."
  }
  assert {
    condition     = toset(values(module.function)[*].revision) == toset(["unknown"])
    error_message = "Without a revision, the version of a function must be unknown."
  }
}

run "functions_log_the_deployed_revision" {
  command = plan

  variables {
    revision = "0123456789ab"
  }

  assert {
    condition     = toset(values(module.function)[*].revision) == toset(["0123456789ab"])
    error_message = "A function does not log the deployed revision as its version."
  }
}

run "stage_is_throttled" {
  command = plan

  assert {
    condition = (
      aws_api_gateway_method_settings.all.method_path == "*/*" &&
      aws_api_gateway_method_settings.all.settings[0].throttling_rate_limit == 1000 &&
      aws_api_gateway_method_settings.all.settings[0].throttling_burst_limit == 2000
    )
    error_message = "Every method must have the throttling of the stage."
  }
}

run "dashboard_has_its_own_throttled_api" {
  command = plan

  assert {
    condition = (
      aws_api_gateway_method_settings.dashboard.method_path == "*/*" &&
      aws_api_gateway_method_settings.dashboard.settings[0].throttling_rate_limit == 200 &&
      aws_api_gateway_resource.dashboard.path_part == "{proxy+}" &&
      toset(values(aws_api_gateway_method.dashboard)[*].http_method) == toset(["ANY"])
    )
    error_message = "The dashboard must serve every path, throttled."
  }
  assert {
    condition = alltrue([for integration in aws_api_gateway_integration.dashboard :
      integration.uri == local.invoke_uris["dashboard"] &&
      integration.timeout_milliseconds >= 1000 * (1 + local.functions["dashboard"].timeout)
    ])
    error_message = "A path of the dashboard does not lead to its function, or ends before it."
  }
}

run "dashboard_url_can_be_a_domain_of_its_own" {
  command = plan

  variables {
    dashboard_url = "https://stock.example"
  }

  assert {
    condition = (
      output.dashboard_url == "https://stock.example" &&
      local.functions["dashboard"].environment.DASHBOARD_URL == "https://stock.example" &&
      local.functions["slack-notifier"].environment.DASHBOARD_URL == "https://stock.example"
    )
    error_message = "The dashboard and the alerts must use the configured address."
  }
}

run "queues_have_a_dlq" {
  command = plan

  assert {
    condition     = toset(keys(aws_sqs_queue.this)) == toset(keys(aws_sqs_queue.dlq))
    error_message = "A queue has no DLQ."
  }
  assert {
    condition = alltrue([for name, queue in aws_sqs_queue.this :
      jsondecode(queue.redrive_policy).maxReceiveCount == (name == "tasks" ? 1000 : 5)
    ])
    error_message = "maxReceiveCount must be 5, or 1000 for the tasks queue."
  }
  assert {
    condition = alltrue([for queue in concat(values(aws_sqs_queue.dlq), values(aws_sqs_queue.failures)) :
      queue.message_retention_seconds == 1209600
    ])
    error_message = "A DLQ must keep its messages for 14 days."
  }
  assert {
    condition = alltrue([for name, queue in aws_sqs_queue.this :
      coalesce(queue.fifo_queue, false) == coalesce(aws_sqs_queue.dlq[name].fifo_queue, false)
    ])
    error_message = "The DLQ of a FIFO queue must be a FIFO queue, and only of a FIFO queue."
  }
  assert {
    condition = alltrue(flatten([for function in local.functions : [for queue in function.queues :
      aws_sqs_queue.this[queue.queue].visibility_timeout_seconds >= 6 * function.timeout
    ]]))
    error_message = "The visibility timeout of a queue must be at least six times the timeout of its function."
  }
  assert {
    condition     = aws_sqs_queue.this["controller-2"].name == "stockline-test-controller-2.fifo"
    error_message = "The name of a controller's queue is not the one that task-dispatch uses."
  }
}

run "tables_are_recoverable_encrypted_and_protected" {
  command = plan

  assert {
    condition     = toset(keys(aws_dynamodb_table.this)) == toset(["orders", "stock", "tasks", "catalog", "sales"])
    error_message = "The tables must be orders, stock, tasks, catalog and sales."
  }
  assert {
    condition     = [for name, table in aws_dynamodb_table.this : name if length(table.ttl) > 0] == ["sales"]
    error_message = "Only items of the table sales may expire."
  }
  assert {
    condition = alltrue([for table in aws_dynamodb_table.this :
      table.point_in_time_recovery[0].enabled &&
      table.server_side_encryption[0].kms_key_arn == aws_kms_key.data.arn &&
      table.deletion_protection_enabled &&
      table.billing_mode == "PAY_PER_REQUEST"
    ])
    error_message = "A table lacks PITR, the customer managed key, deletion protection or on-demand billing."
  }
  assert {
    condition = alltrue([for name in ["orders", "stock"] :
      aws_dynamodb_table.this[name].stream_view_type == "NEW_AND_OLD_IMAGES"
    ])
    error_message = "The streams of orders and stock must have both images."
  }
}

run "routes_match_the_openapi_operations" {
  command = plan

  assert {
    condition = toset(flatten([for path, item in jsondecode(aws_api_gateway_rest_api.this.body).paths :
      [for verb, operation in item : "${upper(verb)} ${path} ${operation.operationId}"]
      ])) == toset(flatten([for path, item in yamldecode(file("api/openapi.yaml")).paths :
      [for verb, operation in item : "${upper(verb)} ${path} ${operation.operationId}" if verb != "parameters"]
    ]))
    error_message = "The routes differ from the operations in api/openapi.yaml."
  }
  assert {
    condition     = length(distinct(values(local.routes)[*].operation_id)) == length(local.routes)
    error_message = "Two operations have the same operationId."
  }
  assert {
    condition = alltrue(flatten([for path, item in jsondecode(aws_api_gateway_rest_api.this.body).paths :
      [for operation in item : operation.security == [{ bearer = [] }]]
    ]))
    error_message = "An operation can be called without a token."
  }
  assert {
    condition = alltrue([for response in jsondecode(aws_api_gateway_rest_api.this.body)["x-amazon-apigateway-gateway-responses"] :
      response.responseParameters["gatewayresponse.header.Content-Type"] == "'application/problem+json'" &&
      jsondecode(response.responseTemplates["application/json"]).request_id == "$context.requestId"
    ])
    error_message = "A gateway response is no application/problem+json with a request_id."
  }
}

run "controller_policy_allows_its_own_queue_only" {
  command = plan

  assert {
    condition = alltrue([for id, policy in aws_iam_policy.controller :
      jsondecode(policy.policy).Statement[0].Resource == "arn:aws:sqs:eu-central-1:123456789012:stockline-test-${id}.fifo"
    ])
    error_message = "A controller can receive the commands of another controller."
  }
}

run "buckets_are_private" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for block in [aws_s3_bucket_public_access_block.exports, aws_s3_bucket_public_access_block.code] : [
        block.block_public_acls, block.block_public_policy, block.ignore_public_acls, block.restrict_public_buckets,
      ]
    ]))
    error_message = "A bucket does not block public access."
  }
  assert {
    condition     = aws_glue_catalog_table.this["sales_lines"].parameters["projection.business_date.range"] == "2020-01-01,NOW+1DAYS"
    error_message = "sales_lines must use partition projection."
  }
  assert {
    condition     = alltrue(flatten([for dataset in local.datasets : [for column in dataset.columns : length(column.meaning) <= 255]]))
    error_message = "A column comment is longer than Glue accepts."
  }
  assert {
    # Two reads of the manifest in one query may find two revisions.
    condition = contains(keys(aws_glue_catalog_table.this), "export_manifest") && alltrue([for query in fileset("athena", "*.sql") :
      length(regexall("(from|join) export_manifest\\b", file("athena/${query}"))) == 1 &&
      length(regexall("[a-z_]+\\.revision = [a-z_]+\\.revision", file("athena/${query}"))) > 0
    ])
    error_message = "A query does not join the revision of the manifest, or reads the manifest twice."
  }
}

run "failures_raise_alarms" {
  command = plan

  assert {
    condition = length(setsubtract([for name in keys(module.function) : "${name}-errors" if name != "authorizer"],
    keys(aws_cloudwatch_metric_alarm.this))) == 0
    error_message = "A function has no alarm for errors."
  }
  assert {
    condition = length(setsubtract([for name in keys(module.function) : "${name}-throttles"],
    keys(aws_cloudwatch_metric_alarm.this))) == 0
    error_message = "A function has no alarm for throttles."
  }
  assert {
    condition = length(setsubtract(concat([for name in keys(aws_sqs_queue.dlq) : "${name}-dlq-depth"],
    [for name in keys(aws_sqs_queue.failures) : "${name}-failures-depth"]), keys(aws_cloudwatch_metric_alarm.this))) == 0
    error_message = "A DLQ has no alarm for its depth."
  }
  assert {
    condition     = length(setsubtract([for name in keys(aws_sqs_queue.this) : "${name}-age"], keys(aws_cloudwatch_metric_alarm.this))) == 0
    error_message = "A queue has no alarm for the age of its messages."
  }
  assert {
    condition = alltrue([for name in ["export-missing", "audit-missing"] :
      aws_cloudwatch_metric_alarm.this[name].treat_missing_data == "breaching" &&
      aws_cloudwatch_metric_alarm.this[name].namespace == "stockline-test"
    ])
    error_message = "A missing export or audit raises no alarm."
  }
  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.this) : alarm.alarm_actions == toset([aws_sns_topic.this["operations"].arn])])
    error_message = "An alarm does not go to the operations topic."
  }
}

run "gateway_timeout_exceeds_function_timeouts" {
  command = plan

  assert {
    condition = alltrue(flatten([for path, item in jsondecode(aws_api_gateway_rest_api.this.body).paths : [
      for operation in item :
      operation["x-amazon-apigateway-integration"].timeoutInMillis >= 1000 * (1 + max([for route in values(local.routes) : local.functions[route.function].timeout]...))
    ]]))
    error_message = "The timeout of API Gateway must exceed the timeout of the function by a second."
  }
}

run "functions_have_least_privileges" {
  command = plan

  assert {
    condition     = local.functions["stock-updates"].tables.catalog == ["dynamodb:GetItem"]
    error_message = "stock-updates may only get single items of the catalog."
  }
  assert {
    condition = toset(local.functions["stock-updates"].tables.stock) == toset([
      "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
    ])
    error_message = "The permissions of stock-updates on the stock table are not the ones it uses."
  }
  assert {
    condition = (
      local.functions["sales-reports"].tables.sales == ["dynamodb:Query"] &&
      local.functions["sales-tally"].tables.orders == ["dynamodb:Query"]
    )
    error_message = "sales-reports may not write the tally, and sales-tally may not write orders."
  }

  assert {
    condition = (
      !contains(local.functions["logistics"].tables.stock, "dynamodb:PutItem") &&
      toset(local.functions["logistics"].tables.catalog) == toset(["dynamodb:GetItem", "dynamodb:BatchGetItem"])
    )
    error_message = "logistics may neither create levels nor write or list the catalog."
  }
  assert {
    condition = alltrue([for name in ["users", "authorizer"] :
      length(local.functions[name].tables) == 0 &&
      toset(flatten([for statement in local.functions[name].statements :
        statement.conditions["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"] if startswith(statement.actions[0], "dynamodb:")
      ])) == toset(["USERS"])
    ])
    error_message = "users and authorizer may access users only."
  }
  assert {
    condition     = local.functions["authorizer"].statements[0].actions == ["dynamodb:GetItem"]
    error_message = "The authorizer may not change users."
  }
  assert {
    condition = (
      !contains(local.functions["catalog"].tables.catalog, "dynamodb:PutItem") &&
      local.functions["catalog"].statements[0].conditions["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["PRODUCT#*", "LOCATION#*"]
    )
    error_message = "catalog may not write users."
  }
  assert {
    condition     = alltrue([for actions in values(local.functions["sales-export"].tables) : actions == ["dynamodb:Query"]])
    error_message = "sales-export may only query tables."
  }
  assert {
    condition = toset(flatten([for statement in local.functions["sales-export"].statements : [
      for action in statement.actions : [for resource in statement.resources : "${action} ${resource}"] if startswith(action, "s3:")
      ]])) == toset(concat(["s3:ListBucket arn:aws:s3:::stockline-test-exports-123456789012"], flatten([
      for dataset in ["sales_lines", "refund_lines", "dim_products", "dim_locations", "export_manifest"] : [
        "s3:GetObject arn:aws:s3:::stockline-test-exports-123456789012/${dataset}/*",
        "s3:PutObject arn:aws:s3:::stockline-test-exports-123456789012/${dataset}/*",
      ]
    ])))
    error_message = "The permissions of sales-export on the bucket are not the ones it uses."
  }
}

run "local_cloud_omits_unsupported_features" {
  command = plan

  variables {
    local_cloud_endpoint = "http://127.0.0.1:4566"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "A local cloud must have no alarms."
  }
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.exports) == 0
    error_message = "A local cloud must have no lifecycle rules: they have no effect, and the apply waits a minute for them."
  }
  assert {
    condition     = !aws_dynamodb_table.this["orders"].deletion_protection_enabled
    error_message = "A local cloud must have no deletion protection."
  }
  assert {
    condition     = local.queue_base == "http://127.0.0.1:4566/123456789012/stockline-test-"
    error_message = "The queue URLs for task-dispatch must point to the local cloud."
  }
}

run "localstack_omits_glue_and_athena_only" {
  command = plan

  variables {
    local_cloud_endpoint = "http://127.0.0.1:4566"
    local_cloud          = "localstack"
  }

  assert {
    condition     = length(aws_glue_catalog_database.this) + length(aws_glue_catalog_table.this) + length(aws_athena_workgroup.this) == 0
    error_message = "LocalStack's community edition has neither Glue nor Athena."
  }
  assert {
    condition     = output.athena_workgroup == null
    error_message = "There is no Athena workgroup to report."
  }
  assert {
    condition = (
      length(aws_cloudwatch_metric_alarm.this) == length(local.alarms) &&
      length(aws_s3_bucket_lifecycle_configuration.exports) == 1 && local.stream_max_age == 6 * 3600
    )
    error_message = "LocalStack has alarms, lifecycle rules, and retries of stream records."
  }
}

run "cognito_is_the_identity_provider" {
  command = plan

  variables {
    cognito                     = true
    dashboard_url               = "https://stock.example"
    oidc_issuer                 = null
    oidc_audience               = null
    oidc_jwks_url               = null
    oidc_authorization_endpoint = null
    oidc_token_endpoint         = null
    oidc_client_id              = null
  }

  assert {
    condition = (
      local.functions["authorizer"].environment.OIDC_ISSUER == "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_mock" &&
      local.functions["authorizer"].environment.OIDC_JWKS_URL == "${local.functions["authorizer"].environment.OIDC_ISSUER}/.well-known/jwks.json" &&
      local.functions["authorizer"].environment.OIDC_AUDIENCE == "mock-client"
    )
    error_message = "The authorizer does not accept the tokens of the user pool."
  }
  assert {
    condition = (
      local.functions["dashboard"].environment.OIDC_AUTHORIZATION_ENDPOINT == "https://stockline-test-123456789012.auth.eu-central-1.amazoncognito.com/oauth2/authorize" &&
      local.functions["dashboard"].environment.OIDC_TOKEN_ENDPOINT == "https://stockline-test-123456789012.auth.eu-central-1.amazoncognito.com/oauth2/token" &&
      local.functions["dashboard"].environment.OIDC_CLIENT_ID == "mock-client" &&
      !contains(keys(local.functions["dashboard"].environment), "OIDC_END_SESSION_ENDPOINT")
    )
    error_message = "The dashboard does not sign people in at the user pool."
  }
  assert {
    condition = (
      aws_cognito_user_pool_client.dashboard[0].callback_urls == toset(["https://stock.example/callback"]) &&
      aws_cognito_user_pool_client.dashboard[0].allowed_oauth_flows == toset(["code"]) &&
      !aws_cognito_user_pool_client.dashboard[0].generate_secret &&
      aws_cognito_user_pool.this[0].admin_create_user_config[0].allow_admin_create_user_only &&
      aws_cognito_user_pool.this[0].deletion_protection == "ACTIVE"
    )
    error_message = "The user pool accepts strangers, other flows or other addresses, or can be deleted."
  }
}

run "cognito_excludes_another_issuer" {
  command = plan

  variables {
    cognito = true
  }

  expect_failures = [
    var.oidc_issuer, var.oidc_audience, var.oidc_jwks_url, var.oidc_authorization_endpoint, var.oidc_token_endpoint, var.oidc_client_id,
  ]
}

run "jwks_and_jwks_url_together_are_rejected" {
  command = plan

  variables {
    oidc_jwks = "{\"keys\":[]}"
  }

  expect_failures = [var.oidc_jwks_url]
}
