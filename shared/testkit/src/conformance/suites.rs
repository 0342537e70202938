//! The stories of each conformance suite.

/// Invokes `$macro` with `$arguments`, the module of the suite, and the names of the suite's stories.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_stories {
    (orders, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::orders]
            sale_takes_stock_and_online_order_allocates_it
            replayed_request_places_one_order
            reused_key_with_other_body_is_rejected
            short_order_takes_nothing_and_lists_short_skus
            short_order_reports_available_without_allocated
            unstocked_sku_is_named
            concurrent_buyers_never_oversell
            concurrent_duplicates_place_one_order
            list_pages_orders_by_placement_time
            open_orders_are_those_that_hold_stock
            orders_to_ship_are_open_ones_oldest_first
        }
    };
    (cancellations, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::orders::cancellations]
            concurrent_cancellations_release_stock_once
            cancellation_reason_is_read_back
            fulfilled_order_is_too_late_to_cancel
            partly_fulfilled_order_cancels_the_rest
            replayed_cancellation_returns_first_response
            concurrent_cancel_and_fulfil_settle_every_unit
        }
    };
    (refunds, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::orders::refunds]
            refund_restocks_at_the_return_location
            refund_is_read_back_with_its_own_time
            replayed_refund_returns_first_refund
            reused_key_with_other_refund_is_rejected
            concurrent_duplicates_make_one_refund
            concurrent_refunds_never_exceed_fulfilled_quantity
            restock_creates_a_missing_level
            concurrent_restocks_create_one_level
            two_lines_of_one_sku_restock_together
        }
    };
    (order_search, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::orders::search]
            placement_range_is_searched_across_business_dates
            search_pages_over_filtered_orders
            reference_finds_orders_of_its_location
            ids_find_the_orders_that_exist
        }
    };
    (fulfilments, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::orders::fulfilments]
            partial_fulfilments_complete_the_order
            replay_returns_first_fulfilment_and_reused_key_is_rejected
            concurrent_duplicates_fulfil_once
            fulfilment_beyond_on_hand_is_short
            completion_is_read_back_with_its_shipment
            replayed_completion_returns_the_first_shipment
            completion_of_a_canceled_order_changes_nothing
            concurrent_completions_ship_each_unit_once
        }
    };
    (max_skus, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::orders::max_skus]
            max_skus_are_allocated_and_released
            max_skus_leave_in_one_fulfilment_and_return_in_two_refunds
            shipment_of_max_skus_is_read_back
        }
    };
    (split_levels, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::split_levels]
            stock_survives_changes_of_bucket_count
            split_level_sells_its_last_unit_and_no_more
            concurrent_buyers_sell_all_of_a_split_level
            canceled_split_allocation_is_released_once
            short_split_level_sells_nothing
            canceled_stock_covers_split_shortage_first
            new_buckets_of_a_short_level_sell_nothing
            splitting_while_selling_loses_no_stock
        }
    };
    (max_skus_split_levels, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::split_levels::max_skus]
            orders_of_max_skus_combine_stock_of_many_buckets
            canceled_order_covers_many_short_split_levels
        }
    };
    (stock, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::stock]
            every_change_kind_updates_its_levels
            late_count_keeps_later_movements
            replayed_change_returns_original_levels
            reused_key_with_other_body_is_rejected
            refused_change_stays_refused
            missing_level_is_reported_without_a_write
            transfer_changes_both_levels_or_neither
            stale_expected_version_is_rejected
            concurrent_changes_add_up_and_leave_every_movement
            concurrent_duplicates_apply_one_change
            crossing_transfers_both_succeed
            list_pages_levels_by_sku
            location_has_stock_from_its_first_level
            policy_is_set_without_a_movement
            policy_survives_later_changes
            movement_is_recorded_once_and_never_replaced
        }
    };
    (stock_lookup, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::stock_lookup]
            sku_is_listed_in_pages_at_requested_locations
            history_reaches_back_to_the_last_count
        }
    };
    (alerts, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::alerts]
            record_is_found_with_its_pending_alert
            published_alert_is_not_pending
            later_alert_stays_pending_when_earlier_is_published
            one_of_concurrent_advances_succeeds
            repeated_advance_is_no_conflict
        }
    };
    (replenishment, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::replenishment]
            low_level_gets_one_order_and_expects_it
            repeated_alerts_place_one_order
            concurrent_alerts_place_one_order
            second_open_order_is_a_conflict
            order_decided_on_outdated_incoming_is_a_conflict
            receipts_add_up_until_the_order_is_received
            arrivals_of_a_transfer_close_its_order
            over_receipt_closes_the_order_at_zero_incoming
            replayed_receipt_counts_once
            concurrent_receipts_all_count
            concurrent_duplicates_of_a_receipt_count_once
            receipt_of_an_order_that_expects_nothing_is_refused
            receipt_of_another_levels_order_is_refused
            canceled_order_expects_nothing
            concurrent_cancel_and_receipt_keep_incoming_exact
            next_cycle_starts_after_the_order_is_closed
            handled_alert_places_no_order_after_a_cancellation
            other_changes_keep_what_is_incoming
            split_level_keeps_what_is_incoming
            receipt_of_a_selling_split_level_counts_once
            orders_are_listed_by_state_in_pages
        }
    };
    (tasks, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::tasks]
            task_is_added_once_and_reads_back
            second_writer_is_rejected_and_first_may_retry
            zone_lists_its_controllers_and_tasks
            repeated_completion_moves_stock_and_order_once
            one_of_contradicting_reports_ends_the_task
            concurrent_completions_of_one_order_both_count
            canceled_order_cancels_its_tasks_and_moves_no_stock
            completion_after_order_cancellation_moves_no_stock
            line_fulfilled_by_hand_cancels_its_task
            line_partly_fulfilled_by_hand_completes_the_rest
            completion_beyond_on_hand_changes_nothing
            report_of_another_controller_is_unknown
        }
    };
    (audit, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::audit]
            each_fault_is_found_and_repaired
            conflicting_repair_changes_nothing
            unrecorded_recent_movement_is_no_difference
        }
    };
    (audit_records, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::audit_records]
            findings_are_kept_by_day_until_a_later_run
        }
    };
    (catalog, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::catalog]
            unknown_product_and_location_are_not_found
            product_reads_back_and_is_replaced
            location_reads_back_and_is_replaced
            product_and_location_may_share_an_id
            locations_are_listed_by_id
            shards_list_every_product_once
            products_are_found_by_sku
        }
    };
    (users, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::users]
            user_reads_back_and_unknown_user_does_not
            user_is_replaced_at_its_version_only
            second_creation_is_a_conflict
            repeated_change_is_stored_once
            concurrent_changes_of_one_version_apply_once
            deleted_user_is_gone_and_may_be_created_again
            largest_user_is_stored
            many_users_of_many_stores_are_listed_in_pages
        }
    };
    (sales, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::sales]
            pages_return_every_order_of_a_day_once
            refunds_are_listed_by_their_own_place_and_day
            orders_are_found_by_id
            late_write_is_found_by_its_day_of_writing
            refund_reported_late_is_found_by_its_day_of_writing
        }
    };
    (sales_tally, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::sales_tally]
            contribution_reads_back_and_adds_to_its_hour
            repeated_write_changes_nothing
            next_revision_adds_the_difference
            outdated_revision_is_a_conflict
            concurrent_contributions_of_one_hour_all_count
            concurrent_duplicates_count_once
            range_lists_its_dates_only
            large_order_has_one_contribution
        }
    };
    (export_bucket, $macro:ident $arguments:tt) => {
        $crate::$macro! { $arguments [$crate::conformance::export_bucket]
            put_replaces_the_whole_file
            put_over_an_outdated_version_is_a_conflict
        }
    };
}
