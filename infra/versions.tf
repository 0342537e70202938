terraform {
  required_version = ">= 1.9"

  # A file, by default ./terraform.tfstate. A team replaces "local" with "s3" here; `cargo xtask` passes its own path.
  backend "local" {}

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = var.region

  # A local cloud knows one account and takes any root key; on AWS the usual credential chain is used.
  access_key                  = local.on_aws ? null : "test"
  secret_key                  = local.on_aws ? null : "test"
  skip_credentials_validation = !local.on_aws
  skip_metadata_api_check     = !local.on_aws
  skip_region_validation      = !local.on_aws
  skip_requesting_account_id  = false
  # Bucket names as hosts would need DNS for *.localhost.
  s3_use_path_style = !local.on_aws

  dynamic "endpoints" {
    for_each = local.on_aws ? [] : [var.local_cloud_endpoint]
    content {
      apigateway     = endpoints.value
      athena         = endpoints.value
      cloudwatch     = endpoints.value
      cloudwatchlogs = endpoints.value
      dynamodb       = endpoints.value
      glue           = endpoints.value
      iam            = endpoints.value
      kms            = endpoints.value
      lambda         = endpoints.value
      s3             = endpoints.value
      scheduler      = endpoints.value
      sns            = endpoints.value
      sqs            = endpoints.value
      sts            = endpoints.value
    }
  }

  default_tags {
    tags = {
      project     = "stockline"
      environment = var.environment
    }
  }
}
