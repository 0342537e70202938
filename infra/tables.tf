locals {
  # Keys and indexes, as shared/platform uses them. All key attributes are strings.
  tables = {
    orders = {
      stream = true
      indexes = {
        by_location = { hash = "location_key", range = "placed_key", projection = "ALL" }
        # Sparse: only orders and refunds that are written long after their business date have `late_on`.
        by_late_write = { hash = "late_on", range = "location_key", projection = "KEYS_ONLY" }
        # Sparse: only orders with units that are neither fulfilled nor canceled have `open_location`.
        open_by_location = {
          hash = "open_location", range = "placed_key", projection = "INCLUDE", include = ["channel", "currency", "lines"]
        }
        # Sparse: only orders with a reference of the caller's. Both keys never change, so only placing writes to it.
        by_reference = { hash = "external_reference", range = "location_key", projection = "KEYS_ONLY" }
      }
    }
    stock = {
      stream = true
      indexes = {
        by_location = { hash = "index_location", range = "index_sku", projection = "KEYS_ONLY" }
        by_sku      = { hash = "index_sku", range = "index_location", projection = "KEYS_ONLY" }
        # Sparse: only replenishment orders have these attributes.
        by_replenishment = { hash = "replenishment_location", range = "replenishment_key", projection = "ALL" }
      }
    }
    tasks = {
      stream = false
      indexes = {
        by_zone = { hash = "zone_key", range = "queued_key", projection = "ALL" }
      }
    }
    catalog = {
      stream = false
      indexes = {
        by_type = { hash = "type_key", range = "id_key", projection = "ALL" }
      }
    }
    # Derived from the stream of orders. It is a table of its own, so that no function that writes it can write orders, its writes
    # are in no other stream, and only its items can expire.
    sales = {
      stream  = false
      indexes = {}
      ttl     = "expires_at"
    }
  }
  table_names = { for name, _ in local.tables : name => "${local.prefix}-${name}" }
}

resource "aws_dynamodb_table" "this" {
  for_each = local.tables

  name         = local.table_names[each.key]
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  dynamic "attribute" {
    for_each = toset(concat(["pk", "sk"], flatten([for index in each.value.indexes : [index.hash, index.range]])))
    content {
      name = attribute.value
      type = "S"
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes
    content {
      name            = global_secondary_index.key
      hash_key        = global_secondary_index.value.hash
      range_key       = global_secondary_index.value.range
      projection_type = global_secondary_index.value.projection
      # For the projection INCLUDE.
      non_key_attributes = try(global_secondary_index.value.include, null)
    }
  }

  stream_enabled   = each.value.stream
  stream_view_type = each.value.stream ? "NEW_AND_OLD_IMAGES" : null

  dynamic "ttl" {
    for_each = try([each.value.ttl], [])
    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.data.arn
  }

  deletion_protection_enabled = local.deletion_protection
}
