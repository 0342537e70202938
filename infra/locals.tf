data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  prefix     = "stockline-${var.environment}"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  on_aws     = var.local_cloud_endpoint == null
  # Two local clouds, with different limits.
  on_ministack  = !local.on_aws && var.local_cloud == "ministack"
  on_localstack = !local.on_aws && var.local_cloud == "localstack"

  # Features that a local cloud lacks. README.md describes them.
  capabilities = {
    alarms          = !local.on_ministack  # DescribeAlarms omits fields: a diff at every plan
    access_logs     = local.on_aws         # not written
    tracing         = local.on_aws         # MiniStack: X-Ray fails; LocalStack: there is none
    stream_retries  = !local.on_ministack  # retries and bisect are ignored: a failing record would be retried for 6 h
    email_endpoints = local.on_aws         # sends no mail
    lifecycle       = !local.on_ministack  # no effect, and the provider waits a minute for the rules
    analytics       = !local.on_localstack # no Glue and no Athena in the community edition
    # No resource depends on these two. Tests and `cargo xtask status` read them from the output.
    iam_enforcement = !local.on_localstack # policies are stored, but not enforced in the community edition
    throttling      = local.on_aws         # limits are stored, but not enforced
  }

  deletion_protection = coalesce(var.deletion_protection, local.on_aws)
}
