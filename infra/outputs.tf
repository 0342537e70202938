# Read by `cargo xtask`, the tests and the demo. No output is secret.

output "api_url" {
  description = "URL of the API stage, without a trailing slash."
  value = local.on_aws ? aws_api_gateway_stage.live.invoke_url : join("", [
    replace(var.local_cloud_endpoint, "127.0.0.1", "localhost"),
    "/restapis/${aws_api_gateway_rest_api.this.id}/${aws_api_gateway_stage.live.stage_name}/_user_request_",
  ])
}

output "dashboard_url" {
  description = "URL of the dashboard, without a trailing slash."
  value       = local.dashboard_url
}

output "region" {
  description = "AWS region."
  value       = var.region
}

output "tables" {
  description = "Table -> deployed name."
  value       = { for name, table in aws_dynamodb_table.this : name => table.name }
}

output "queues" {
  description = "Queue -> URL. The queue of a controller has its id as name; dead-letter queues are <queue>-dlq and <function>-failures."
  value = merge(
    { for name, queue in aws_sqs_queue.this : name => queue.url },
    { for name, queue in aws_sqs_queue.dlq : "${name}-dlq" => queue.url },
    { for name, queue in aws_sqs_queue.failures : "${name}-failures" => queue.url },
  )
}

output "topics" {
  description = "Topic -> ARN."
  value       = { for name, topic in aws_sns_topic.this : name => topic.arn }
}

output "buckets" {
  description = "Bucket -> deployed name."
  value       = { exports = aws_s3_bucket.exports.bucket }
}

output "athena_workgroup" {
  description = "Athena workgroup of the analysts; null on a local cloud without Athena."
  value       = one(aws_athena_workgroup.this[*].name)
}

output "athena_database" {
  description = "Glue database of the exports; null on a local cloud without Glue."
  value       = one(aws_glue_catalog_database.this[*].name)
}

output "capabilities" {
  description = "Feature -> whether it works here. On AWS all do."
  value       = local.capabilities
}

output "functions" {
  description = "Function -> deployed name."
  value       = { for name, function in module.function : name => function.name }
}
