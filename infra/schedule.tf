# Yesterday's sales, once a night. The function works out which day that was in each time-zone group.

resource "aws_iam_role" "schedule" {
  name = "${local.prefix}-sales-export-schedule"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name = "invoke"
  role = aws_iam_role.schedule.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "lambda:InvokeFunction", Resource = module.function["sales-export"].arn },
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.failures["sales-export"].arn },
      { Effect = "Allow", Action = ["kms:GenerateDataKey", "kms:Decrypt"], Resource = aws_kms_key.messages.arn },
    ]
  })
}

resource "aws_scheduler_schedule" "sales_export" {
  name                         = "${local.prefix}-sales-export"
  schedule_expression          = var.export_schedule.expression
  schedule_expression_timezone = var.export_schedule.time_zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.function["sales-export"].arn
    role_arn = aws_iam_role.schedule.arn
    # Tills may upload sales up to seven days late: each night the last eight closed days are read again, and a day that
    # did not change is not written again.
    input = jsonencode({ days = 8 })

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 5
    }

    dead_letter_config {
      arn = aws_sqs_queue.failures["sales-export"].arn
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}
