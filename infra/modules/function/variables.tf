variable "name" {
  description = "Deployed name."
  type        = string
}

variable "package" {
  description = "Path of the zip with the `bootstrap`."
  type        = string
}

variable "code_bucket" {
  description = "Bucket that packages are uploaded to."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "memory" {
  description = "Memory in MB."
  type        = number
}

variable "timeout" {
  description = "Timeout in seconds."
  type        = number
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
}

variable "log_retention_days" {
  description = "Retention of the log group, in days."
  type        = number
}

variable "tracing" {
  description = "Whether X-Ray traces invocations."
  type        = bool
}

variable "statements" {
  description = "Permissions of its role, beside writing its log."
  type = list(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))))
  }))
}

variable "streams" {
  description = "DynamoDB streams that trigger it."
  type = list(object({
    arn        = string
    filter     = any
    batch_size = number
  }))
}

variable "stream_max_age_seconds" {
  description = "Maximum age of a stream record. Older records go to the failures queue."
  type        = number
}

variable "queues" {
  description = "Queues that trigger it. `window`: batching window in seconds, 0 for FIFO queues. `concurrency`: maximum number of concurrent batches."
  type = list(object({
    arn         = string
    batch_size  = number
    window      = number
    concurrency = optional(number)
  }))
}

variable "asynchronous" {
  description = "Whether it is invoked asynchronously."
  type        = bool
}

variable "failures_queue_arn" {
  description = "Queue for records and events whose attempts have all failed. Required with streams or asynchronous, otherwise null."
  type        = string
}

variable "triggers_wait_for" {
  description = "ARNs of queues that must exist before the triggers are created. The function does not wait for them."
  type        = list(string)
}

variable "data_key_arn" {
  description = "KMS key of the tables and their streams."
  type        = string
}

variable "messages_key_arn" {
  description = "KMS key of the queues."
  type        = string
}
