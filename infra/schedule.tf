# Schedules that invoke functions.

locals {
  # Function -> schedule, event, and retry limits of a failed invocation.
  schedules = {
    sales-export = {
      expression = var.export_schedule.expression
      time_zone  = var.export_schedule.time_zone
      # Tills may upload sales up to seven days late, so each run reads the last eight closed days. The function determines these
      # days for each time-zone group, and writes only days that changed.
      input       = { days = 8 }
      age_seconds = 3600
      retries     = 5
    }
    # Audits every location.
    stock-audit = {
      expression  = var.audit_schedule.expression
      time_zone   = var.audit_schedule.time_zone
      input       = {}
      age_seconds = 3600
      retries     = 5
    }
    lease-sweeper = {
      expression = "rate(1 minute)"
      time_zone  = "UTC"
      input      = {}
      # No retry, because the next sweep starts a minute later.
      age_seconds = 60
      retries     = 0
    }
  }
}

resource "aws_iam_role" "schedule" {
  for_each = local.schedules

  name = "${local.prefix}-${each.key}-schedule"
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
  for_each = local.schedules

  name = "invoke"
  role = aws_iam_role.schedule[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "lambda:InvokeFunction", Resource = module.function[each.key].arn },
      { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.failures[each.key].arn },
      { Effect = "Allow", Action = ["kms:GenerateDataKey", "kms:Decrypt"], Resource = aws_kms_key.messages.arn },
    ]
  })
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                         = "${local.prefix}-${each.key}"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.time_zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.function[each.key].arn
    role_arn = aws_iam_role.schedule[each.key].arn
    input    = jsonencode(each.value.input)

    retry_policy {
      maximum_event_age_in_seconds = each.value.age_seconds
      maximum_retry_attempts       = each.value.retries
    }

    dead_letter_config {
      arn = aws_sqs_queue.failures[each.key].arn
    }
  }

  depends_on = [aws_iam_role_policy.schedule]
}
