# All alarms go to the operations topic. Thresholds follow the cost of a failure: one message in a DLQ raises an alarm.

locals {
  # A failed run counts as a Lambda error. A run that did not start produces no data, so these alarms fire when the metric of
  # completed runs is missing.
  nightly_runs = {
    sales-export = { name = "export", counted = "exports_completed" }
    stock-audit  = { name = "audit", counted = "audits_completed" }
  }

  # Alarm name -> its settings. The resource below has the defaults.
  alarms = merge(
    # The authorizer rejects a token by returning an error, so its errors raise no alarm. If it does not respond, the API returns
    # 5xx, which has an alarm.
    { for name, _ in local.functions : "${name}-errors" => {
      description = "${name} failed or panicked. Its log has the cause."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = { FunctionName = module.function[name].name }
      periods     = 5
      datapoints  = 2
    } if name != "authorizer" },
    { for name, _ in local.functions : "${name}-throttles" => {
      description = "${name} was throttled: the concurrency limit of the account or of the function is reached."
      namespace   = "AWS/Lambda"
      metric      = "Throttles"
      dimensions  = { FunctionName = module.function[name].name }
      periods     = 5
      datapoints  = 2
    } },
    { for name, function in local.functions : "${name}-iterator-age" => {
      description = "${name} is more than five minutes behind its stream. Records are lost after 24 h."
      namespace   = "AWS/Lambda"
      metric      = "IteratorAge"
      dimensions  = { FunctionName = module.function[name].name }
      statistic   = "Maximum"
      periods     = 5
      threshold   = 5 * 60 * 1000
    } if length(function.streams) > 0 },
    # A task may wait an hour for a controller with free capacity. Alerts and commands wait only if their consumer is stuck.
    { for name, _ in local.queues : "${name}-age" => {
      description = "The oldest message of ${name} has waited more than ${name == "tasks" ? 3600 : 300} s: its consumer does not run, or fails."
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
      description = "${name} has messages that could not be processed. They are kept for 14 days."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = { QueueName = queue }
      statistic   = "Maximum"
    } },
    { for name, run in local.nightly_runs : "${run.name}-missing" => {
      description = "${name} has not completed a run in the last 26 hours."
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
      description = "A task was dead-lettered after too many failed or lost attempts. The log of ${name} has its id; `GET /v1/tasks/{task_id}` has the details."
      namespace   = local.prefix
      metric      = "tasks_dead_lettered"
      dimensions  = { function = name }
    } },
    {
      stock-differences = {
        description = "Levels, movements and open orders differ. `cargo xtask repair` shows the differences and their repair."
        namespace   = local.prefix
        metric      = "stock_differences"
        dimensions  = { function = "stock-audit" }
        period      = 300
      }
      api-5xx = {
        description = "More than 1 % of the responses are 5xx."
        namespace   = "AWS/ApiGateway"
        metric      = "5XXError"
        dimensions  = { ApiName = aws_api_gateway_rest_api.this.name, Stage = aws_api_gateway_stage.live.stage_name }
        statistic   = "Average"
        periods     = 5
        datapoints  = 3
        threshold   = 0.01
      }
      dashboard-5xx = {
        description = "More than 1 % of the dashboard's responses are 5xx."
        namespace   = "AWS/ApiGateway"
        metric      = "5XXError"
        dimensions  = { ApiName = aws_api_gateway_rest_api.dashboard.name, Stage = aws_api_gateway_stage.dashboard.stage_name }
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
