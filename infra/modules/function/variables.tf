variable "name" {
  description = "Deployed name."
  type        = string
}

variable "package" {
  description = "Zip with the `bootstrap`."
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
  description = "MB."
  type        = number
}

variable "timeout" {
  description = "Seconds."
  type        = number
}

variable "environment" {
  description = "Environment of the function."
  type        = map(string)
}

variable "log_retention_days" {
  description = "Of its log group."
  type        = number
}

variable "tracing" {
  description = "Whether X-Ray records its invocations."
  type        = bool
}

variable "statements" {
  description = "What its role may do beside writing its log."
  type = list(object({
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))))
  }))
}

variable "streams" {
  description = "DynamoDB streams that call it."
  type = list(object({
    arn        = string
    filter     = any
    batch_size = number
  }))
}

variable "stream_max_age_seconds" {
  description = "Records older than this go to the failures queue."
  type        = number
}

variable "queues" {
  description = "Queues that call it; `window` is how many seconds a batch gathers (0 for FIFO), `concurrency` how many batches run at a time."
  type = list(object({
    arn         = string
    batch_size  = number
    window      = number
    concurrency = optional(number)
  }))
}

variable "asynchronous" {
  description = "Whether it is invoked without anybody waiting for the answer."
  type        = bool
}

variable "failures_queue_arn" {
  description = "Where records and events go that failed every attempt; needed with streams or asynchronous, else null."
  type        = string
}

variable "triggers_wait_for" {
  description = "ARNs of queues that must exist before the triggers are made; the function itself does not wait."
  type        = list(string)
}

variable "data_key_arn" {
  description = "Key of the tables, and so of their streams."
  type        = string
}

variable "messages_key_arn" {
  description = "Key of the queues."
  type        = string
}
