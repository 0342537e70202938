# Alarms go to the operations topic. What a failing record costs decides the threshold: one in a DLQ is one too many.

locals {
  alarm_functions = { for name, function in local.functions : name => function if local.capabilities.alarms }
  alarm_streams   = { for name, function in local.alarm_functions : name => function if length(function.streams) > 0 }
  # A task may wait a day for a controller with room; an alert or a command waits only when its reader is stuck.
  alarm_queue_ages = local.capabilities.alarms ? { for name, _ in local.queues : name => name == "tasks" ? 3600 : 300 } : {}
  alarm_dlqs = local.capabilities.alarms ? merge(
    { for name, queue in aws_sqs_queue.dlq : "${name}-dlq" => queue.name },
    { for name, queue in aws_sqs_queue.failures : "${name}-failures" => queue.name },
  ) : {}
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  # The authorizer can refuse a token only by failing; that API Gateway gets no answer from it shows as a 5xx of the API.
  for_each = { for name, function in local.alarm_functions : name => function if name != "authorizer" }

  alarm_name          = "${local.prefix}-${each.key}-errors"
  alarm_description   = "${each.key} failed or panicked; its log says why."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = module.function[each.key].name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each = local.alarm_functions

  alarm_name          = "${local.prefix}-${each.key}-throttles"
  alarm_description   = "${each.key} was not started: the account's or its own concurrency is used up."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = module.function[each.key].name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 2
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

resource "aws_cloudwatch_metric_alarm" "queue_age" {
  for_each = local.alarm_queue_ages

  alarm_name          = "${local.prefix}-${each.key}-age"
  alarm_description   = "The oldest message of ${each.key} has waited more than ${each.value} s: nobody takes it, or nobody can."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.this[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  threshold           = each.value
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

# A run that fails is an error; one that never began is silence, which only a missing count can tell. The function counts
# `exports_completed` once a run has exported every day it was asked for.
resource "aws_cloudwatch_metric_alarm" "export_missing" {
  count = local.capabilities.alarms ? 1 : 0

  alarm_name          = "${local.prefix}-export-missing"
  alarm_description   = "No export has ended well in the last 26 hours: last night's did not run, or not to its end."
  namespace           = local.prefix
  metric_name         = "exports_completed"
  dimensions          = { function = "sales-export" }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 26
  datapoints_to_alarm = 26
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

resource "aws_cloudwatch_metric_alarm" "audit_missing" {
  count = local.capabilities.alarms ? 1 : 0

  alarm_name          = "${local.prefix}-audit-missing"
  alarm_description   = "No audit of stock has come to its end in the last 26 hours."
  namespace           = local.prefix
  metric_name         = "audits_completed"
  dimensions          = { function = "stock-audit" }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 26
  datapoints_to_alarm = 26
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

resource "aws_cloudwatch_metric_alarm" "stock_differences" {
  count = local.capabilities.alarms ? 1 : 0

  alarm_name          = "${local.prefix}-stock-differences"
  alarm_description   = "Levels, movements and open orders contradict each other; `cargo xtask repair` shows what would put them right."
  namespace           = local.prefix
  metric_name         = "stock_differences"
  dimensions          = { function = "stock-audit" }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

resource "aws_cloudwatch_metric_alarm" "dlq" {
  for_each = local.alarm_dlqs

  alarm_name          = "${local.prefix}-${each.key}-depth"
  alarm_description   = "${each.key} holds what could not be handled; it is kept for 14 days."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

resource "aws_cloudwatch_metric_alarm" "iterator_age" {
  for_each = local.alarm_streams

  alarm_name          = "${local.prefix}-${each.key}-iterator-age"
  alarm_description   = "${each.key} is more than five minutes behind its stream; after 24 h records are lost."
  namespace           = "AWS/Lambda"
  metric_name         = "IteratorAge"
  dimensions          = { FunctionName = module.function[each.key].name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = 5 * 60 * 1000
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}

resource "aws_cloudwatch_metric_alarm" "api" {
  count = local.capabilities.alarms ? 1 : 0

  alarm_name          = "${local.prefix}-api-5xx"
  alarm_description   = "More than one answer in a hundred is a 5xx."
  namespace           = "AWS/ApiGateway"
  metric_name         = "5XXError"
  dimensions          = { ApiName = aws_api_gateway_rest_api.this.name, Stage = aws_api_gateway_stage.live.stage_name }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  threshold           = 0.01
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}
