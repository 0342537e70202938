//! The stores on a simulated DynamoDB: they do what every store must, also where the real service throttles, refuses because
//! another transaction is under way, or loses a response.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod audits;
mod beside_an_order;
mod busy;
mod conforming;
mod costs;
mod counts_and_tills;
mod deadlines;
mod gathering;
mod held_by_others;
mod histories;
mod hot_items;
mod late_books;
mod late_counts;
mod one_moment;
mod opening;
mod placed_once;
mod policies;
mod reading;
mod requests_sent_twice;
mod splitting;
mod spread;
mod store;
mod told_in_any_order;
mod unfit_goods;
