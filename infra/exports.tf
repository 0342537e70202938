locals {
  exports_bucket = "${local.prefix}-exports-${local.account_id}"
}

resource "aws_s3_bucket" "exports" {
  bucket        = local.exports_bucket
  force_destroy = !local.deletion_protection
}

resource "aws_s3_bucket_public_access_block" "exports" {
  bucket                  = aws_s3_bucket.exports.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "exports" {
  bucket = aws_s3_bucket.exports.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.data.arn
    }
    # Reduces KMS calls: one data key per bucket for a time, instead of one per object.
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_versioning" "exports" {
  bucket = aws_s3_bucket.exports.id
  # Replaced files are kept for the days of the lifecycle rule below.
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "exports" {
  count  = local.capabilities.lifecycle ? 1 : 0
  bucket = aws_s3_bucket.exports.id

  rule {
    id     = "athena-results"
    status = "Enabled"
    filter {
      prefix = "athena-results/"
    }
    expiration {
      days = 7
    }
  }

  rule {
    id     = "replaced-files"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.exports]
}

resource "aws_s3_bucket_policy" "exports" {
  bucket = aws_s3_bucket.exports.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.exports.arn, "${aws_s3_bucket.exports.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
  count      = local.on_aws ? 1 : 0 # the local cloud uses plain HTTP
  depends_on = [aws_s3_bucket_public_access_block.exports]
}

resource "aws_glue_catalog_database" "this" {
  count = local.capabilities.analytics ? 1 : 0

  name        = replace(local.prefix, "-", "_")
  description = "Exports of ${local.prefix}"
}

locals {
  # The contract of the exported tables: columns in file order with their types. Amounts have four decimals, because some
  # currencies have three.
  datasets = jsondecode(file("${path.module}/athena/datasets.json"))

  # Format -> classes that Athena reads it with.
  formats = {
    parquet = {
      input  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
      output = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
      serde  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }
    json = {
      input  = "org.apache.hadoop.mapred.TextInputFormat"
      output = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
      serde  = "org.openx.data.jsonserde.JsonSerDe"
    }
  }
}

resource "aws_glue_catalog_table" "this" {
  for_each = { for name, dataset in local.datasets : name => dataset if local.capabilities.analytics }

  database_name = aws_glue_catalog_database.this[0].name
  name          = each.key
  table_type    = "EXTERNAL_TABLE"
  description   = each.value.meaning

  parameters = merge(
    { EXTERNAL = "TRUE", classification = each.value.format },
    # Partition projection derives partitions from the date range, without MSCK REPAIR or a crawler.
    each.value.partitioned ? {
      "projection.enabled"              = "true"
      "projection.business_date.type"   = "date"
      "projection.business_date.format" = "yyyy-MM-dd"
      "projection.business_date.range"  = "2020-01-01,NOW+1DAYS"
      "storage.location.template"       = "s3://${aws_s3_bucket.exports.bucket}/${each.key}/business_date=$${business_date}/"
    } : {},
  )

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.exports.bucket}/${each.key}/"
    input_format  = local.formats[each.value.format].input
    output_format = local.formats[each.value.format].output

    ser_de_info {
      serialization_library = local.formats[each.value.format].serde
    }

    dynamic "columns" {
      for_each = each.value.columns
      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.meaning
      }
    }
  }

  dynamic "partition_keys" {
    for_each = each.value.partitioned ? ["business_date"] : []
    content {
      name = partition_keys.value
      type = "string"
    }
  }
}

resource "aws_athena_workgroup" "this" {
  count = local.capabilities.analytics ? 1 : 0

  name          = local.prefix
  force_destroy = !local.deletion_protection

  configuration {
    # A client cannot send results elsewhere or unencrypted.
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = local.on_aws
    # A query that reads more than 100 GB has no partition filter.
    bytes_scanned_cutoff_per_query = 100 * 1024 * 1024 * 1024

    result_configuration {
      output_location = "s3://${aws_s3_bucket.exports.bucket}/athena-results/"
      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.data.arn
      }
    }
  }
}
