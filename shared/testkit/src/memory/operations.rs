//! The messages to operations, in memory.

use std::sync::{Arc, Mutex};

use stockline_application::ports::operations::{AuditMessage, OperationsTopic};
use stockline_application::store_error::StoreError;

/// A channel that keeps its messages. A clone is the same channel.
#[derive(Debug, Clone, Default)]
pub struct MemoryOperations(Arc<Mutex<Vec<AuditMessage>>>);

impl MemoryOperations {
    /// The messages, oldest first.
    pub fn messages(&self) -> Vec<AuditMessage> {
        self.0.lock().unwrap().clone()
    }
}

impl OperationsTopic for MemoryOperations {
    async fn publish(&self, message: &AuditMessage) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }
}
