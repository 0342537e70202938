//! Batches of records: each record succeeds, is retried or is rejected on its own. A panic fails only its own record.

mod failures;
mod process;
mod queue;
mod serve;
mod stream;

pub use failures::BatchFailures;
pub use process::{
    process_queue_batch, process_queue_messages, process_queue_records, process_stream_records,
};
pub use queue::queue_records;
pub use serve::{serve_queue, serve_queue_batch, serve_stream};
pub use stream::{StreamRecord, UnreadableRecord, stream_records};
