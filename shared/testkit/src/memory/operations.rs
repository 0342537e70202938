//! What the people of operations were told.

use std::sync::{Arc, Mutex};

use stockline_application::ports::operations::{AuditMessage, OperationsTopic};
use stockline_application::store_error::StoreError;

/// Remembers what it was told. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct MemoryOperations(Arc<Mutex<Vec<AuditMessage>>>);

impl MemoryOperations {
    /// What it was told, the first first.
    pub fn told(&self) -> Vec<AuditMessage> {
        self.0.lock().unwrap().clone()
    }
}

impl OperationsTopic for MemoryOperations {
    async fn publish(&self, message: &AuditMessage) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(message.clone());
        Ok(())
    }
}
