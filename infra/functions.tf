locals {
  # ARNs are built from names instead of read from the resources, for two reasons: roles, policies and the API body are known at
  # plan time, and functions do not wait for queues, which takes 25 s each. Event source mappings do wait for their queues.
  topic_arns         = { for name in local.topics : name => "arn:${local.partition}:sns:${var.region}:${local.account_id}:${local.prefix}-${name}" }
  queue_arns         = { for name, queue in local.queues : name => "arn:${local.partition}:sqs:${var.region}:${local.account_id}:${queue.deployed}" }
  dlq_arns           = { for name, queue in local.queues : name => "arn:${local.partition}:sqs:${var.region}:${local.account_id}:${queue.deployed_dlq}" }
  failure_queue_arns = { for name in local.failure_queues : name => "arn:${local.partition}:sqs:${var.region}:${local.account_id}:${local.prefix}-${name}-failures" }
  queue_base         = "${local.on_aws ? "https://sqs.${var.region}.amazonaws.com" : var.local_cloud_endpoint}/${local.account_id}/${local.prefix}-"
  bucket_arn         = "arn:${local.partition}:s3:::${local.exports_bucket}"
  table_arns         = { for name, deployed in local.table_names : name => "arn:${local.partition}:dynamodb:${var.region}:${local.account_id}:table/${deployed}" }
  index_arns         = { for name, _ in local.tables : name => "${local.table_arns[name]}/index/*" }

  # A transaction needs the permissions of its actions.
  read  = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]
  write = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"]

  # Tasks are read by id and put as a whole item, conditional on their version.
  tasks_by_id = ["dynamodb:GetItem", "dynamodb:PutItem"]

  # The items of users in the table catalog, for a statement.
  users_only = {
    resources  = [local.table_arns["catalog"]]
    conditions = { "ForAllValues:StringEquals" = { "dynamodb:LeadingKeys" = ["USERS"] } }
  }

  # The URL of a controller's queue is this prefix + controller_id + ".fifo".
  controller_queue_base = local.queue_base
  controller_queue_arns = [for id in var.controllers : local.queue_arns[id]]
  # Maximum age of a stream record, in seconds. Older records are not retried.
  stream_max_age = local.capabilities.stream_retries ? 6 * 3600 : 60

  # Not in the map below, because the visibility timeout of the queues depends on it.
  queue_reader_timeout = 30

  # Environment variables of every function.
  common_environment = {
    STOCKLINE_ENV     = var.environment
    STOCKLINE_VERSION = var.revision
  }

  # The public keys of the identity provider: from its URL, or from the configuration.
  oidc_keys = var.oidc_jwks == null ? { OIDC_JWKS_URL = local.oidc.jwks_url } : { OIDC_JWKS = var.oidc_jwks }

  # One entry per function: environment variables (the common ones are added), triggers and permissions. `tables` lists the
  # allowed DynamoDB actions per table; other permissions are in `statements`.
  function_defaults = {
    memory       = 256
    timeout      = 10
    environment  = {}
    tables       = {}
    statements   = []
    streams      = []    # streams that trigger it: [{ table, sort_keys (each a text or { prefix }), batch_size }]
    queues       = []    # queues that trigger it: [{ queue, batch_size, window, concurrency (null: no limit) }]
    asynchronous = false # asynchronous invocation: failed events go to a failures queue
  }

  functions = { for name, function in local.function_overrides : name => merge(local.function_defaults, function) }

  function_overrides = {
    order-intake = {
      environment = {
        ORDERS_TABLE  = local.table_names["orders"]
        STOCK_TABLE   = local.table_names["stock"]
        CATALOG_TABLE = local.table_names["catalog"]
        CURSOR_SECRET = var.cursor_secret
      }
      tables = {
        orders = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"]
        # PutItem: a return to a location without the SKU creates its level.
        stock   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        catalog = ["dynamodb:GetItem"]
      }
    }
    stock-updates = {
      environment = {
        ORDERS_TABLE  = local.table_names["orders"]
        STOCK_TABLE   = local.table_names["stock"]
        CATALOG_TABLE = local.table_names["catalog"]
        CURSOR_SECRET = var.cursor_secret
      }
      # A request has up to 100 changes, each in a transaction of its own.
      timeout = 25
      tables = {
        # To list the open orders that allocate a level.
        orders  = ["dynamodb:BatchGetItem", "dynamodb:Query"]
        stock   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        catalog = ["dynamodb:GetItem"]
      }
    }
    stock-ledger = {
      environment = { STOCK_TABLE = local.table_names["stock"] }
      timeout     = 30
      streams     = [{ table = "stock", sort_keys = ["LEVEL"], batch_size = 100 }]
      tables      = { stock = ["dynamodb:GetItem", "dynamodb:PutItem"] }
    }
    low-stock-alerts = {
      environment = {
        STOCK_TABLE             = local.table_names["stock"]
        STOCK_ALERTS_TOPIC_ARN  = local.topic_arns["stock-alerts"]
        REPLENISHMENT_QUEUE_URL = "${local.queue_base}replenishment"
      }
      timeout = 30
      streams = [{ table = "stock", sort_keys = ["LEVEL"], batch_size = 100 }]
      tables  = { stock = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"] }
      statements = [
        { actions = ["sns:Publish"], resources = [local.topic_arns["stock-alerts"]] },
        { actions = ["sqs:SendMessage"], resources = [local.queue_arns["replenishment"]] },
        { actions = ["kms:GenerateDataKey", "kms:Decrypt"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    slack-notifier = {
      environment = {
        SLACK_WEBHOOK_URL      = var.slack_webhook_url
        DASHBOARD_URL          = local.dashboard_url
        SLACK_ALERTS_QUEUE_URL = "${local.queue_base}slack-alerts"
        SLACK_ALERTS_DLQ_URL   = "${local.queue_base}slack-alerts-dlq"
      }
      timeout = local.queue_reader_timeout
      # The window collects the alerts of one second into one digest. Slack accepts about one message a second, so the
      # concurrency is two, the minimum that AWS accepts.
      queues = [{ queue = "slack-alerts", batch_size = 10, window = 1, concurrency = 2 }]
      statements = [
        { actions = ["sqs:SendMessage"], resources = [local.dlq_arns["slack-alerts"]] },
        { actions = ["kms:GenerateDataKey"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    replenishment = {
      environment = {
        STOCK_TABLE             = local.table_names["stock"]
        REPLENISHMENT_QUEUE_URL = "${local.queue_base}replenishment"
        REPLENISHMENT_DLQ_URL   = "${local.queue_base}replenishment-dlq"
      }
      timeout = local.queue_reader_timeout
      queues  = [{ queue = "replenishment", batch_size = 10, window = 0, concurrency = null }]
      tables  = { stock = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"] }
      statements = [
        { actions = ["sqs:SendMessage"], resources = [local.dlq_arns["replenishment"]] },
        { actions = ["kms:GenerateDataKey"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    replenishment-api = {
      environment = {
        STOCK_TABLE   = local.table_names["stock"]
        CURSOR_SECRET = var.cursor_secret
      }
      tables = { stock = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"] }
    }
    logistics = {
      environment = {
        ORDERS_TABLE  = local.table_names["orders"]
        STOCK_TABLE   = local.table_names["stock"]
        CATALOG_TABLE = local.table_names["catalog"]
        CURSOR_SECRET = var.cursor_secret
      }
      tables = {
        # BatchGetItem: the index of open orders finds them, the orders themselves are listed.
        orders  = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem"]
        stock   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
        catalog = ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
      }
    }
    task-planner = {
      environment = {
        TASKS_TABLE                 = local.table_names["tasks"]
        CATALOG_TABLE               = local.table_names["catalog"]
        TASKS_QUEUE_URL             = "${local.queue_base}tasks.fifo"
        CONTROLLER_QUEUE_URL_PREFIX = local.controller_queue_base
      }
      timeout = 30
      streams = [{ table = "orders", sort_keys = ["ORDER"], batch_size = 50 }]
      tables = {
        tasks   = local.tasks_by_id
        catalog = ["dynamodb:GetItem"]
      }
      statements = [
        # A cancel command goes to the controller whose task belongs to a canceled order.
        { actions = ["sqs:SendMessage"], resources = concat([local.queue_arns["tasks"]], local.controller_queue_arns) },
        { actions = ["kms:GenerateDataKey", "kms:Decrypt"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    task-dispatch = {
      environment = {
        TASKS_TABLE                 = local.table_names["tasks"]
        CONTROLLER_QUEUE_URL_PREFIX = local.controller_queue_base
        TASKS_QUEUE_URL             = "${local.queue_base}tasks.fifo"
        TASKS_DLQ_URL               = "${local.queue_base}tasks-dlq.fifo"
      }
      timeout = local.queue_reader_timeout
      queues  = [{ queue = "tasks", batch_size = 10, window = 0, concurrency = null }]
      tables  = { tasks = concat(local.tasks_by_id, ["dynamodb:Query"]) }
      statements = [
        { actions = ["sqs:SendMessage"], resources = concat(local.controller_queue_arns, [local.dlq_arns["tasks"]]) },
        { actions = ["kms:GenerateDataKey"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    task-reports = {
      environment = {
        TASKS_TABLE  = local.table_names["tasks"]
        ORDERS_TABLE = local.table_names["orders"]
        STOCK_TABLE  = local.table_names["stock"]
        # A heartbeat names a zone of a location.
        CATALOG_TABLE = local.table_names["catalog"]
        # Only these controllers have a queue, so only their heartbeats are accepted.
        CONTROLLER_IDS = join(",", var.controllers)
        # A failed task that may be retried goes back to the queue.
        TASKS_QUEUE_URL = "${local.queue_base}tasks.fifo"
      }
      tables = {
        tasks   = local.tasks_by_id
        orders  = ["dynamodb:GetItem", "dynamodb:PutItem"]
        stock   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"]
        catalog = ["dynamodb:GetItem"]
      }
      statements = [
        { actions = ["sqs:SendMessage"], resources = [local.queue_arns["tasks"]] },
        { actions = ["kms:GenerateDataKey", "kms:Decrypt"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    lease-sweeper = {
      environment = {
        TASKS_TABLE     = local.table_names["tasks"]
        CATALOG_TABLE   = local.table_names["catalog"]
        TASKS_QUEUE_URL = "${local.queue_base}tasks.fifo"
      }
      # The next sweep starts a minute later.
      timeout      = 60
      asynchronous = true
      tables = {
        tasks   = concat(local.tasks_by_id, ["dynamodb:Query"])
        catalog = ["dynamodb:Query"]
      }
      statements = [
        { actions = ["sqs:SendMessage"], resources = [local.queue_arns["tasks"]] },
        { actions = ["kms:GenerateDataKey", "kms:Decrypt"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    sales-export = {
      environment = {
        ORDERS_TABLE   = local.table_names["orders"]
        CATALOG_TABLE  = local.table_names["catalog"]
        EXPORTS_BUCKET = local.exports_bucket
      }
      memory       = 1024
      timeout      = 900
      asynchronous = true
      tables = {
        orders  = ["dynamodb:Query"]
        catalog = ["dynamodb:Query"]
      }
      statements = [
        # GetObject also allows HeadObject: the digest of a file is in its metadata. Nothing is deleted.
        {
          actions   = ["s3:PutObject", "s3:GetObject"]
          resources = [for dataset in keys(local.datasets) : "${local.bucket_arn}/${dataset}/*"]
        },
        # Without this permission, reading a missing manifest returns 403 instead of 404.
        { actions = ["s3:ListBucket"], resources = [local.bucket_arn] },
        { actions = ["kms:GenerateDataKey"], resources = [aws_kms_key.data.arn] },
      ]
    }
    sales-tally = {
      environment = {
        ORDERS_TABLE  = local.table_names["orders"]
        SALES_TABLE   = local.table_names["sales"]
        CATALOG_TABLE = local.table_names["catalog"]
      }
      timeout = 30
      streams = [{ table = "orders", sort_keys = ["ORDER", { prefix = "REFUND#" }], batch_size = 100 }]
      tables = {
        # The tax treatment of a refund is in its order.
        orders  = ["dynamodb:Query"]
        sales   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        catalog = ["dynamodb:GetItem"]
      }
    }
    sales-reports = {
      environment = {
        SALES_TABLE   = local.table_names["sales"]
        CATALOG_TABLE = local.table_names["catalog"]
      }
      # A report by SKU decodes up to 50,000 items.
      memory  = 1024
      timeout = 25
      tables = {
        sales   = ["dynamodb:Query"]
        catalog = ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
      }
    }
    stock-audit = {
      environment = {
        ORDERS_TABLE         = local.table_names["orders"]
        STOCK_TABLE          = local.table_names["stock"]
        CATALOG_TABLE        = local.table_names["catalog"]
        OPERATIONS_TOPIC_ARN = local.topic_arns["operations"]
        # A movement that is not recorded in this time will not be recorded, because its stream record is not retried longer.
        LEDGER_PATIENCE_SECONDS = local.stream_max_age
      }
      memory       = 512
      timeout      = 900
      asynchronous = true
      tables = {
        orders  = ["dynamodb:BatchGetItem", "dynamodb:Query"]
        catalog = ["dynamodb:Query"]
      }
      statements = [
        { actions = ["dynamodb:BatchGetItem", "dynamodb:Query"], resources = [local.table_arns["stock"], local.index_arns["stock"]] },
        # It writes its own findings only.
        {
          actions    = ["dynamodb:PutItem", "dynamodb:DeleteItem"]
          resources  = [local.table_arns["stock"]]
          conditions = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["AUDIT#*"] } }
        },
        { actions = ["sns:Publish"], resources = [local.topic_arns["operations"]] },
        { actions = ["kms:GenerateDataKey", "kms:Decrypt"], resources = [aws_kms_key.messages.arn] },
      ]
    }
    catalog = {
      environment = {
        CATALOG_TABLE = local.table_names["catalog"]
        STOCK_TABLE   = local.table_names["stock"]
      }
      timeout = 25
      tables  = { catalog = local.read }
      statements = [
        # It writes products and locations, but not users.
        {
          actions    = ["dynamodb:PutItem"]
          resources  = [local.table_arns["catalog"]]
          conditions = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = ["PRODUCT#*", "LOCATION#*"] } }
        },
        # To find out whether a location has a level.
        { actions = ["dynamodb:Query"], resources = ["${local.table_arns["stock"]}/index/by_location"] },
      ]
    }
    users = {
      environment = {
        CATALOG_TABLE = local.table_names["catalog"]
        CURSOR_SECRET = var.cursor_secret
      }
      statements = [
        merge(local.users_only, { actions = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"] }),
        { actions = ["kms:Decrypt"], resources = [aws_kms_key.data.arn] },
      ]
    }
    dashboard = {
      environment = merge(
        {
          DASHBOARD_URL               = local.dashboard_url
          SESSION_SECRET              = var.session_secret
          ORDERS_TABLE                = local.table_names["orders"]
          STOCK_TABLE                 = local.table_names["stock"]
          CATALOG_TABLE               = local.table_names["catalog"]
          OIDC_ISSUER                 = local.oidc.issuer
          OIDC_CLIENT_ID              = local.oidc.client_id
          OIDC_AUTHORIZATION_ENDPOINT = local.oidc.authorization_endpoint
          OIDC_TOKEN_ENDPOINT         = local.oidc.token_endpoint
        },
        local.oidc.end_session_endpoint == null ? {} : { OIDC_END_SESSION_ENDPOINT = local.oidc.end_session_endpoint },
        local.oidc_keys,
      )
      tables = {
        orders  = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]
        stock   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        catalog = local.read
      }
    }
    authorizer = {
      environment = merge(
        {
          OIDC_ISSUER   = local.oidc.issuer
          OIDC_AUDIENCE = local.oidc.audience
          CATALOG_TABLE = local.table_names["catalog"]
          # API Gateway keeps a result for five minutes more.
          USER_CACHE_SECONDS = var.user_cache_seconds
        },
        local.oidc_keys,
      )
      statements = [
        merge(local.users_only, { actions = ["dynamodb:GetItem"] }),
        { actions = ["kms:Decrypt"], resources = [aws_kms_key.data.arn] },
      ]
    }
  }
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name               = "${local.prefix}-${each.key}"
  code_bucket        = aws_s3_bucket.code.bucket
  package            = "${var.packages_dir}/${each.key}.zip"
  architecture       = var.architecture
  memory             = each.value.memory
  timeout            = each.value.timeout
  log_retention_days = var.log_retention_days
  tracing            = local.capabilities.tracing
  environment        = merge(local.common_environment, each.value.environment)

  statements = concat(
    [for table, actions in each.value.tables : {
      actions   = actions
      resources = [local.table_arns[table]]
    }],
    # On an index, only Query is allowed.
    [for table, actions in each.value.tables : {
      actions   = ["dynamodb:Query"]
      resources = [local.index_arns[table]]
    } if contains(actions, "dynamodb:Query")],
    length(each.value.tables) == 0 ? [] : [{ actions = ["kms:Decrypt"], resources = [aws_kms_key.data.arn] }],
    each.value.statements,
  )

  streams = [for stream in each.value.streams : {
    arn        = aws_dynamodb_table.this[stream.table].stream_arn
    filter     = { dynamodb = { Keys = { sk = { S = stream.sort_keys } } } }
    batch_size = stream.batch_size
  }]
  stream_max_age_seconds = local.stream_max_age

  queues = [for queue in each.value.queues : {
    arn         = local.queue_arns[queue.queue]
    batch_size  = queue.batch_size
    window      = queue.window
    concurrency = queue.concurrency
  }]

  asynchronous       = each.value.asynchronous
  failures_queue_arn = !contains(local.failure_queues, each.key) ? null : local.failure_queue_arns[each.key]
  triggers_wait_for = concat(
    [for queue in each.value.queues : aws_sqs_queue.this[queue.queue].arn],
    [for name, queue in aws_sqs_queue.failures : queue.arn if name == each.key],
  )
  data_key_arn     = aws_kms_key.data.arn
  messages_key_arn = aws_kms_key.messages.arn
}
