data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  prefix     = "stockline-${var.environment}"
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  on_aws     = var.local_cloud_endpoint == null

  # Features that a local cloud lacks. README.md describes them.
  capabilities = {
    alarms          = local.on_aws # DescribeAlarms omits fields: a diff at every plan
    access_logs     = local.on_aws # not written
    tracing         = local.on_aws # X-Ray fails
    stream_retries  = local.on_aws # retries and bisect are ignored: a failing record would be retried for 6 h
    email_endpoints = local.on_aws # sends no mail
    lifecycle       = local.on_aws # no effect, and the provider waits a minute for the rules
  }

  deletion_protection = coalesce(var.deletion_protection, local.on_aws)
}
