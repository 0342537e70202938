# Policies for principals outside this configuration. Attach them to the role or user of a controller or an analyst.

resource "aws_iam_policy" "controller" {
  for_each = var.controllers

  name        = "${local.prefix}-${each.value}"
  description = "Receive the commands of ${each.value} from its own queue."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"]
        Resource = local.queue_arns[each.value]
      },
      { Effect = "Allow", Action = "kms:Decrypt", Resource = aws_kms_key.messages.arn },
    ]
  })
}

resource "aws_iam_policy" "analyst" {
  count = local.capabilities.analytics ? 1 : 0

  name        = "${local.prefix}-analyst"
  description = "Query the exports in the workgroup; write only query results."
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Action = [
          "athena:StartQueryExecution", "athena:StopQueryExecution", "athena:GetQueryExecution",
          "athena:GetQueryResults", "athena:ListQueryExecutions", "athena:GetWorkGroup",
        ]
        Resource = aws_athena_workgroup.this[0].arn
      },
      {
        Effect = "Allow"
        Action = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"]
        Resource = concat(
          [
            "arn:${local.partition}:glue:${var.region}:${local.account_id}:catalog",
            aws_glue_catalog_database.this[0].arn,
          ],
          values(aws_glue_catalog_table.this)[*].arn,
        )
      },
      { Effect = "Allow", Action = ["s3:GetBucketLocation", "s3:ListBucket"], Resource = local.bucket_arn },
      { Effect = "Allow", Action = "s3:GetObject", Resource = "${local.bucket_arn}/*" },
      {
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:AbortMultipartUpload"]
        Resource = "${local.bucket_arn}/athena-results/*"
      },
      { Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = aws_kms_key.data.arn },
    ]
  })
}
