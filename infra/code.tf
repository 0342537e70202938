# Bucket for the packages of the functions. Lambda copies them from here.

resource "aws_s3_bucket" "code" {
  bucket        = "${local.prefix}-code-${local.account_id}"
  force_destroy = true # its content can be built again
}

resource "aws_s3_bucket_public_access_block" "code" {
  bucket                  = aws_s3_bucket.code.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
