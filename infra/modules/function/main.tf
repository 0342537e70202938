# One function: log group, role, code, triggers, and the destination of failed events.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

locals {
  reads_streams = length(var.streams) > 0
  reads_queues  = length(var.queues) > 0
  reports       = local.reads_streams || var.asynchronous

  trigger_statements = concat(
    local.reads_streams ? [
      {
        actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        resources = var.streams[*].arn
      },
      { actions = ["dynamodb:ListStreams"], resources = ["*"] }, # supports no resource
      { actions = ["kms:Decrypt"], resources = [var.data_key_arn] },
    ] : [],
    local.reads_queues ? [
      {
        actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
        resources = var.queues[*].arn
      },
      { actions = ["kms:Decrypt"], resources = [var.messages_key_arn] },
    ] : [],
    local.reports ? [
      { actions = ["sqs:SendMessage"], resources = [var.failures_queue_arn] },
      { actions = ["kms:GenerateDataKey", "kms:Decrypt"], resources = [var.messages_key_arn] },
    ] : [],
    # X-Ray actions support no resource.
    var.tracing ? [{ actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources = ["*"] }] : [],
  )
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "function"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in concat(
      [{
        actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
      }],
      local.trigger_statements,
      var.statements,
      ) : merge(
      {
        Effect   = "Allow"
        Action   = statement.actions
        Resource = statement.resources
      },
      try(statement.conditions, null) == null ? {} : { Condition = statement.conditions },
    )]
  })
}

# Uploaded through a bucket, because the provider uploads local files one after another: eleven functions take 67 s directly, 16 s
# through a bucket.
resource "aws_s3_object" "code" {
  bucket = var.code_bucket
  key    = "${var.name}/${try(filesha256(var.package), "absent")}.zip"
  source = var.package

  # No tags: they need another request per object, and a local cloud does not store them, which is a diff at every plan.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  role             = aws_iam_role.this.arn
  package_type     = "Zip"
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  s3_bucket        = aws_s3_object.code.bucket
  s3_key           = aws_s3_object.code.key
  source_code_hash = try(filebase64sha256(var.package), null) # absent in `terraform test`, which builds nothing
  memory_size      = var.memory
  timeout          = var.timeout

  environment {
    variables = var.environment
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  # An invocation before the policy exists fails. An invocation before the log group exists creates one without retention.
  depends_on = [aws_iam_role_policy.this, aws_cloudwatch_log_group.this]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.asynchronous ? 1 : 0

  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 6 * 3600

  destination_config {
    on_failure {
      destination = var.failures_queue_arn
    }
  }

  depends_on = [var.triggers_wait_for]
}

resource "aws_lambda_event_source_mapping" "stream" {
  count = length(var.streams)

  event_source_arn                   = var.streams[count.index].arn
  function_name                      = aws_lambda_function.this.arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.streams[count.index].batch_size
  maximum_retry_attempts             = 5
  maximum_record_age_in_seconds      = var.stream_max_age_seconds
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  maximum_batching_window_in_seconds = 0

  filter_criteria {
    filter {
      pattern = jsonencode(var.streams[count.index].filter)
    }
  }

  destination_config {
    on_failure {
      destination_arn = var.failures_queue_arn
    }
  }

  depends_on = [var.triggers_wait_for]
}

resource "aws_lambda_event_source_mapping" "queue" {
  count = length(var.queues)

  event_source_arn                   = var.queues[count.index].arn
  function_name                      = aws_lambda_function.this.arn
  batch_size                         = var.queues[count.index].batch_size
  maximum_batching_window_in_seconds = var.queues[count.index].window
  function_response_types            = ["ReportBatchItemFailures"]

  dynamic "scaling_config" {
    for_each = var.queues[count.index].concurrency[*]
    content {
      maximum_concurrency = scaling_config.value
    }
  }

  depends_on = [var.triggers_wait_for]
}
