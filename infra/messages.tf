locals {
  # Six times the timeout of the consuming function, as AWS recommends: a batch that Lambda throttles and retries stays
  # invisible in the meantime.
  visibility = 6 * local.queue_reader_timeout

  queue_settings = merge(
    {
      slack-alerts  = { fifo = false, visibility = local.visibility, receives = 5 }
      replenishment = { fifo = false, visibility = local.visibility, receives = 5 }
      # A task waits here until a controller of its zone has free capacity, for up to a day. task-dispatch enforces that limit.
      # The receive count must not end the wait earlier, so it is 1000, the maximum of SQS.
      tasks = { fifo = true, visibility = local.visibility, receives = 1000 }
    },
    # A controller deletes a command when it has stored it, which takes less than a minute.
    { for id in var.controllers : id => { fifo = true, visibility = 60, receives = 5 } },
  )
  queues = { for name, queue in local.queue_settings : name => merge(queue, {
    deployed     = "${local.prefix}-${name}${queue.fifo ? ".fifo" : ""}"
    deployed_dlq = "${local.prefix}-${name}-dlq${queue.fifo ? ".fifo" : ""}"
  }) }

  topics = toset(["stock-alerts", "operations"])

  # Functions with a queue for stream records and asynchronous events whose attempts have all failed.
  failure_queues = toset([
    for name, function in local.functions : name if length(function.streams) > 0 || function.asynchronous
  ])
}

resource "aws_sqs_queue" "dlq" {
  for_each = local.queues

  name                       = each.value.deployed_dlq
  fifo_queue                 = each.value.fifo ? true : null
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = 60
  kms_master_key_id          = aws_kms_key.messages.arn
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name                       = each.value.deployed
  fifo_queue                 = each.value.fifo ? true : null
  message_retention_seconds  = 4 * 24 * 3600
  visibility_timeout_seconds = each.value.visibility
  receive_wait_time_seconds  = 20
  kms_master_key_id          = aws_kms_key.messages.arn
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dlq[each.key].arn
    maxReceiveCount     = each.value.receives
  })
  # Not a separate resource, because the provider would wait another 25 s for it.
  policy = !contains(keys(local.alert_subscriptions), each.key) ? null : jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlertsTopic"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = local.queue_arns[each.key]
      Condition = { ArnEquals = { "aws:SourceArn" = local.topic_arns["stock-alerts"] } }
    }]
  })
}

resource "aws_sqs_queue" "failures" {
  for_each = local.failure_queues

  name                       = "${local.prefix}-${each.key}-failures"
  message_retention_seconds  = 14 * 24 * 3600
  visibility_timeout_seconds = 60
  kms_master_key_id          = aws_kms_key.messages.arn
}

resource "aws_sns_topic" "this" {
  for_each = local.topics

  name              = "${local.prefix}-${each.key}"
  kms_master_key_id = aws_kms_key.messages.arn
}

resource "aws_sns_topic_policy" "operations" {
  arn = aws_sns_topic.this["operations"].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "AlarmsAndBackupEvents"
      Effect    = "Allow"
      Principal = { Service = ["cloudwatch.amazonaws.com", "backup.amazonaws.com"] }
      Action    = "sns:Publish"
      Resource  = local.topic_arns["operations"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_sns_topic_subscription" "operations_email" {
  for_each = local.capabilities.email_endpoints ? var.alarm_emails : []

  topic_arn = aws_sns_topic.this["operations"].arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  # Queue -> filter policy on the attributes of an alert; null accepts all alerts.
  alert_subscriptions = {
    slack-alerts = null
    # A level that falls below zero at once raises `short` alone.
    replenishment = { kind = ["low", "out_of_stock", "short"] }
  }
}

resource "aws_sns_topic_subscription" "alerts" {
  for_each = local.alert_subscriptions

  topic_arn            = aws_sns_topic.this["stock-alerts"].arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.this[each.key].arn
  raw_message_delivery = true
  filter_policy        = each.value == null ? null : jsonencode(each.value)
}
