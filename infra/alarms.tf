# Alarms go to the operations topic. What a failing record costs decides the threshold: one in a DLQ is one too many.

locals {
  # A run that fails is an error; one that never began is silence, which only a missing count can tell. Each function counts
  # its runs that came to their end.
  nightly_runs = {
    sales-export = { name = "export", counted = "exports_completed" }
    stock-audit  = { name = "audit", counted = "audits_completed" }
  }

  # Alarm -> what it watches. What is not said is what the resource below takes.
  alarms = merge(
    # The authorizer can refuse a token only by failing; that API Gateway gets no answer from it shows as a 5xx of the API.
    { for name, _ in local.functions : "${name}-errors" => {
      description = "${name} failed or panicked; its log says why."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = module.function[name].name }
      periods     = 5
      datapoints  = 2
    } if name != "authorizer" },
    { for name, _ in local.functions : "${name}-throttles" => {
      description = "${name} was not started: the account's or its own concurrency is used up."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = module.function[name].name }
      periods     = 5
      datapoints  = 2
    } },
    { for name, function in local.functions : "${name}-iterator-age" => {
      description = "${name} is more than five minutes behind its stream; after 24 h records are lost."
      namespace   = "AWS/Lambda"
      metric      = "IteratorAge"
      dimensions  = { FunctionName = module.function[name].name }
      statistic   = "Maximum"
      periods     = 5
      threshold   = 5 * 60 * 1000
    } if length(function.streams) > 0 },
    # A task may wait an hour for a controller with room; an alert or a command waits only when its reader is stuck.
    { for name, _ in local.queues : "${name}-age" => {
      description = "The oldest message of ${name} has waited more than ${name == "tasks" ? 3600 : 300} s: nobody takes it, or nobody can."
      namespace   = "AWS/SQS"
      metric      = "ApproximateAgeOfOldestMessage"
      dimensions  = { QueueName = aws_sqs_queue.this[name].name }
      statistic   = "Maximum"
      periods     = 5
      datapoints  = 3
      threshold   = name == "tasks" ? 3600 : 300
    } },
    { for name, queue in merge(
      { for name, queue in aws_sqs_queue.dlq : "${name}-dlq" => queue.name },
      { for name, queue in aws_sqs_queue.failures : "${name}-failures" => queue.name },
      ) : "${name}-depth" => {
      description = "${name} holds what could not be handled; it is kept for 14 days."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = queue }
      statistic   = "Maximum"
    } },
    { for name, run in local.nightly_runs : "${run.name}-missing" => {
      description = "${name} has not come to its end in the last 26 hours."
      namespace   = local.prefix
      metric      = run.counted
      dimensions  = { function = name }
      period      = 3600
      periods     = 26
      threshold   = 1
      comparison  = "LessThanThreshold"
      missing     = "breaching"
    } },
    { for name in ["lease-sweeper", "task-reports"] : "${name}-dead-lettered" => {
      description = "A task failed or was lost too often and is given up; `GET /v1/tasks/{task_id}` of the id in ${name}'s log has the rest."
      namespace   = local.prefix
      metric      = "tasks_dead_lettered"
      dimensions  = { function = name }
    } },
    {
      stock-differences = {
        description = "Levels, movements and open orders contradict each other; `cargo xtask repair` shows what would put them right."
        namespace   = local.prefix
        metric      = "stock_differences"
        dimensions  = { function = "stock-audit" }
        period      = 300
      }
      api-5xx = {
        description = "More than one answer in a hundred is a 5xx."
        namespace   = "AWS/ApiGateway"
        metric      = "5XXError"
        dimensions  = { ApiName = aws_api_gateway_rest_api.this.name, Stage = aws_api_gateway_stage.live.stage_name }
        statistic   = "Average"
        periods     = 5
        datapoints  = 3
        threshold   = 0.01
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if local.capabilities.alarms }

  alarm_name          = "${local.prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = lookup(each.value, "statistic", "Sum")
  period              = lookup(each.value, "period", 60)
  evaluation_periods  = lookup(each.value, "periods", 1)
  datapoints_to_alarm = lookup(each.value, "datapoints", lookup(each.value, "periods", 1))
  threshold           = lookup(each.value, "threshold", 0)
  comparison_operator = lookup(each.value, "comparison", "GreaterThanThreshold")
  treat_missing_data  = lookup(each.value, "missing", "notBreaching")
  alarm_actions       = [aws_sns_topic.this["operations"].arn]
  ok_actions          = [aws_sns_topic.this["operations"].arn]
}
