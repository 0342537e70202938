variable "environment" {
  description = "Part of every name: stockline-<environment>-..."
  type        = string
  default     = "local"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.environment))
    error_message = "environment: 1-16 of a-z, 0-9 and '-', starting with a letter."
  }
}

variable "revision" {
  description = "Git revision of the packages. Every log line of a function has it as `version`."
  type        = string
  default     = "unknown"
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "architecture" {
  description = "Architecture of the binaries. On a local cloud, that of this machine."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture: arm64 or x86_64."
  }
}

variable "packages_dir" {
  description = "Folder with one <function>.zip per function, each holding a `bootstrap`."
  type        = string
}

variable "local_cloud_endpoint" {
  description = "URL of a local cloud, e.g. http://127.0.0.1:4566; null deploys to AWS."
  type        = string
  default     = null
}

variable "local_cloud" {
  description = "Which local cloud `local_cloud_endpoint` is; they lack different features."
  type        = string
  default     = "ministack"
  validation {
    condition     = contains(["ministack", "localstack"], var.local_cloud)
    error_message = "local_cloud: ministack or localstack."
  }
}

variable "deletion_protection" {
  description = "Deletion protection of the tables and the exports bucket. null: on for AWS, off for a local cloud."
  type        = bool
  default     = null
}

variable "controllers" {
  description = "Ids of the warehouse controllers; each gets its own FIFO queue."
  type        = set(string)
  default     = ["controller-1", "controller-2", "controller-3"]
  validation {
    # A queue name has at most 80 characters, including the prefix and "-dlq.fifo".
    condition     = alltrue([for id in var.controllers : can(regex("^[A-Za-z0-9_-]{1,40}$", id))])
    error_message = "controllers: ids of 1-40 of A-Z, a-z, 0-9, '_' and '-'."
  }
  validation {
    condition     = length(setintersection(var.controllers, ["tasks", "slack-alerts", "replenishment"])) == 0
    error_message = "controllers: tasks, slack-alerts and replenishment are names of other queues."
  }
}

variable "cognito" {
  description = "Whether a Cognito user pool of this configuration is the identity provider, in place of the oidc_ variables. Only on AWS."
  type        = bool
  default     = false
  validation {
    condition     = !var.cognito || var.local_cloud_endpoint == null
    error_message = "cognito: a local cloud has an identity provider of its own."
  }
}

variable "oidc_issuer" {
  description = "`iss` of the accepted tokens."
  type        = string
  default     = null
  validation {
    condition     = (var.oidc_issuer == null) == var.cognito
    error_message = "Give either oidc_issuer or cognito."
  }
}

variable "oidc_audience" {
  description = "`aud` of the accepted tokens."
  type        = string
  default     = null
  validation {
    condition     = (var.oidc_audience == null) == var.cognito
    error_message = "Give either oidc_audience or cognito."
  }
}

variable "oidc_jwks" {
  description = "Public keys of the issuer as a JSON Web Key Set; alternative to oidc_jwks_url."
  type        = string
  default     = null
  validation {
    condition     = var.oidc_jwks == null || can(jsondecode(var.oidc_jwks).keys)
    error_message = "oidc_jwks: a JSON Web Key Set, {\"keys\": [...]}."
  }
}

variable "oidc_jwks_url" {
  description = "URL of the issuer's JSON Web Key Set; alternative to oidc_jwks."
  type        = string
  default     = null
  validation {
    condition     = length(compact([var.oidc_jwks, var.oidc_jwks_url])) == (var.cognito ? 0 : 1)
    error_message = "Give exactly one of oidc_jwks and oidc_jwks_url, or neither with cognito."
  }
}

variable "oidc_authorization_endpoint" {
  description = "URL of the provider's sign-in page (OpenID Connect `authorization_endpoint`). The dashboard sends browsers there."
  type        = string
  default     = null
  validation {
    condition     = var.cognito ? var.oidc_authorization_endpoint == null : can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)[:/])", var.oidc_authorization_endpoint))
    error_message = "oidc_authorization_endpoint: an HTTPS URL; plain HTTP only on this machine. None with cognito."
  }
}

variable "oidc_token_endpoint" {
  description = "URL where the dashboard exchanges a code for tokens (OpenID Connect `token_endpoint`)."
  type        = string
  default     = null
  validation {
    condition     = var.cognito ? var.oidc_token_endpoint == null : can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)[:/])", var.oidc_token_endpoint))
    error_message = "oidc_token_endpoint: an HTTPS URL; plain HTTP only on this machine. None with cognito."
  }
}

variable "oidc_end_session_endpoint" {
  description = "URL that ends the session at the provider (OpenID Connect `end_session_endpoint`). null: signing out ends the dashboard's session only."
  type        = string
  default     = null
  validation {
    condition     = var.oidc_end_session_endpoint == null || can(regex("^(https://|http://(127\\.0\\.0\\.1|localhost)[:/])", var.oidc_end_session_endpoint))
    error_message = "oidc_end_session_endpoint: an HTTPS URL; plain HTTP only on this machine."
  }
}

variable "oidc_client_id" {
  description = "Client id of the dashboard at the provider: `aud` of the id tokens. A public client with PKCE, without a secret."
  type        = string
  default     = null
  validation {
    condition     = (var.oidc_client_id == null) == var.cognito
    error_message = "Give either oidc_client_id or cognito."
  }
}

variable "user_cache_seconds" {
  description = "How long the authorizer uses a user of the table catalog before it reads it again. API Gateway keeps a result for 300 s more."
  type        = number
  default     = 120
  validation {
    condition     = var.user_cache_seconds >= 0 && var.user_cache_seconds <= 3600 && floor(var.user_cache_seconds) == var.user_cache_seconds
    error_message = "user_cache_seconds: an integer from 0 to 3600."
  }
}

variable "slack_webhook_url" {
  description = "Slack incoming webhook for alerts."
  type        = string
  sensitive   = true
}

variable "dashboard_url" {
  description = "URL of the dashboard on a domain of its own, without a trailing slash; null: the URL of its stage."
  type        = string
  default     = null
}

variable "session_secret" {
  description = "Key that signs the sessions and forms of the dashboard. A new key signs everybody out."
  type        = string
  sensitive   = true
  validation {
    condition     = length(var.session_secret) >= 32
    error_message = "session_secret: at least 32 characters, for example from `openssl rand -hex 32`."
  }
}

variable "dashboard_rate" {
  description = "Throttling of the dashboard, over all people: requests per second, and bursts. An open page reads itself every 2 s."
  type = object({
    stage_rate  = number
    stage_burst = number
  })
  default = {
    stage_rate  = 200
    stage_burst = 400
  }
}

variable "cursor_secret" {
  description = "Key that signs page cursors. A new key invalidates all existing cursors."
  type        = string
  sensitive   = true
  validation {
    condition     = length(var.cursor_secret) >= 32
    error_message = "cursor_secret: at least 32 characters, for example from `openssl rand -hex 32`."
  }
}

variable "export_schedule" {
  description = "Schedule of sales-export, as an EventBridge Scheduler expression."
  type = object({
    expression = string
    time_zone  = string
  })
  default = {
    expression = "cron(0 5 * * ? *)"
    time_zone  = "Europe/Berlin"
  }
}

variable "audit_schedule" {
  description = "Schedule of stock-audit, as an EventBridge Scheduler expression. Choose a time when stores are closed."
  type = object({
    expression = string
    time_zone  = string
  })
  default = {
    expression = "cron(0 3 * * ? *)"
    time_zone  = "Europe/Berlin"
  }
}

variable "api_rate" {
  description = "Throttling of the API's stage, over all callers: requests per second, and bursts."
  type = object({
    stage_rate  = number
    stage_burst = number
  })
  default = {
    stage_rate  = 1000
    stage_burst = 2000
  }
}

variable "log_retention_days" {
  description = "Retention of every log group, in days."
  type        = number
  default     = 30
}

variable "alarm_emails" {
  description = "E-mail addresses that subscribe to the operations topic."
  type        = set(string)
  default     = []
}
