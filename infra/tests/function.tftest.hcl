# Triggers and permissions of the function module.

mock_provider "aws" {
  override_during = plan

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-central-1:123456789012:function:mock" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:mock" }
  }
}

variables {
  name               = "stockline-test-ledger"
  code_bucket        = "stockline-test-code"
  package            = "nowhere/ledger.zip"
  architecture       = "arm64"
  memory             = 256
  timeout            = 30
  environment        = { STOCKLINE_ENV = "test", STOCKLINE_VERSION = "0123456789ab" }
  log_retention_days = 30
  tracing            = true
  statements         = [{ actions = ["dynamodb:PutItem"], resources = ["arn:aws:dynamodb:eu-central-1:123456789012:table/stock"] }]
  streams = [{
    arn        = "arn:aws:dynamodb:eu-central-1:123456789012:table/stock/stream/2026-01-01T00:00:00.000"
    filter     = { dynamodb = { Keys = { sk = { S = ["LEVEL"] } } } }
    batch_size = 100
  }]
  stream_max_age_seconds = 21600
  queues                 = [{ arn = "arn:aws:sqs:eu-central-1:123456789012:alerts", batch_size = 10, window = 1 }]
  asynchronous           = true
  failures_queue_arn     = "arn:aws:sqs:eu-central-1:123456789012:ledger-failures"
  triggers_wait_for      = []
  data_key_arn           = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  messages_key_arn       = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111"
}

run "failed_events_go_to_the_failures_queue" {
  command = plan
  module {
    source = "./modules/function"
  }

  assert {
    condition = (
      aws_lambda_event_source_mapping.stream[0].maximum_retry_attempts == 5 &&
      aws_lambda_event_source_mapping.stream[0].maximum_record_age_in_seconds == 21600 &&
      aws_lambda_event_source_mapping.stream[0].bisect_batch_on_function_error &&
      aws_lambda_event_source_mapping.stream[0].destination_config[0].on_failure[0].destination_arn == var.failures_queue_arn
    )
    error_message = "A failing stream record must be retried a limited number of times and then go to the failures queue."
  }
  assert {
    condition = (
      aws_lambda_event_source_mapping.stream[0].function_response_types == toset(["ReportBatchItemFailures"]) &&
      aws_lambda_event_source_mapping.queue[0].function_response_types == toset(["ReportBatchItemFailures"])
    )
    error_message = "Batches must report failed items, so that the others are not retried."
  }
  assert {
    condition     = aws_lambda_function_event_invoke_config.this[0].destination_config[0].on_failure[0].destination == var.failures_queue_arn
    error_message = "A failed asynchronous event must go to the failures queue."
  }
}

run "role_has_listed_permissions_only" {
  command = plan
  module {
    source = "./modules/function"
  }

  assert {
    condition = alltrue(flatten([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      [for action in statement.Action : !endswith(action, "*")]
    ]))
    error_message = "A statement has a wildcard action."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement :
      statement.Resource != ["*"] || alltrue([for action in statement.Action :
        contains(["dynamodb:ListStreams", "xray:PutTraceSegments", "xray:PutTelemetryRecords"], action)
      ])
    ])
    error_message = "Only actions that support no resource may have the resource \"*\"."
  }
  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_format == "JSON"
    error_message = "The log format must be JSON."
  }
}
