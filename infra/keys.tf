# Separate keys for data and messages: a principal that may read messages cannot decrypt tables and exports.

locals {
  key_owner = {
    Sid       = "AccountAdministersThroughIam"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }
}

resource "aws_kms_key" "data" {
  description             = "${local.prefix}: tables and exports"
  enable_key_rotation     = true
  deletion_window_in_days = local.deletion_protection ? 30 : 7
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [local.key_owner]
  })
}

resource "aws_kms_alias" "data" {
  name          = "alias/${local.prefix}-data"
  target_key_id = aws_kms_key.data.key_id
}

resource "aws_kms_key" "messages" {
  description             = "${local.prefix}: topics and queues"
  enable_key_rotation     = true
  deletion_window_in_days = local.deletion_protection ? 30 : 7
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      local.key_owner,
      {
        # SNS sends to encrypted queues; CloudWatch and Backup publish to the encrypted topic. All other access uses IAM roles.
        Sid       = "ServicesThatPublish"
        Effect    = "Allow"
        Principal = { Service = ["sns.amazonaws.com", "cloudwatch.amazonaws.com", "backup.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
        Resource  = "*"
        Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
      },
    ]
  })
}

resource "aws_kms_alias" "messages" {
  name          = "alias/${local.prefix}-messages"
  target_key_id = aws_kms_key.messages.key_id
}
