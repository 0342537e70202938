output "name" {
  description = "Deployed name."
  value       = aws_lambda_function.this.function_name
}

output "revision" {
  description = "Revision that it logs as its version."
  # Other variables of the environment are sensitive, this one is not.
  value = nonsensitive(aws_lambda_function.this.environment[0].variables["STOCKLINE_VERSION"])
}

output "arn" {
  description = "ARN without a version."
  value       = aws_lambda_function.this.arn
}

output "role" {
  description = "Name of its role."
  value       = aws_iam_role.this.name
}

output "log_group" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}
