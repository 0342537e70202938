terraform {
  required_version = ">= 1.9"

  # State in ./terraform.tfstate by default; `cargo xtask` passes its own path. A team replaces "local" with "s3".
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

  # A local cloud accepts any root key. On AWS, null selects the usual credential chain.
  access_key                  = local.on_aws ? null : "test"
  secret_key                  = local.on_aws ? null : "test"
  skip_credentials_validation = !local.on_aws
  skip_metadata_api_check     = !local.on_aws
  skip_region_validation      = !local.on_aws
  skip_requesting_account_id  = false
  # Virtual-hosted buckets would need DNS for *.localhost.
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
