//! Ctrl-C, SIGTERM and SIGHUP: runs the registered cleanups, then ends this process.
//!
//! This module knows neither processes nor clouds. Each of them registers a closure that ends it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Cleanup = Box<dyn FnOnce() + Send>;

struct Registry {
    cleanups: Vec<(u64, Cleanup)>,
    next_id: u64,
    is_interrupted: bool,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    cleanups: Vec::new(),
    next_id: 0,
    is_interrupted: false,
});

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Installs the signal handler. It runs the cleanups, the latest first, and exits with code 130.
pub fn install() {
    let installed = ctrlc::set_handler(|| {
        let cleanups = {
            let mut registry = registry();
            registry.is_interrupted = true;
            std::mem::take(&mut registry.cleanups)
        };
        eprintln!("\ninterrupted: ending the processes of this run");
        for (_, cleanup) in cleanups.into_iter().rev() {
            cleanup();
        }
        std::process::exit(130);
    });
    if installed.is_err() {
        eprintln!(
            "note: signals cannot be handled here; after an interrupt, `cargo xtask down` ends the remaining processes"
        );
    }
}

/// A registered cleanup. It is removed when this value is dropped.
#[must_use]
pub struct Registration(u64);

/// Registers a cleanup to run on an interrupt.
pub fn on_interrupt(cleanup: impl FnOnce() + Send + 'static) -> Registration {
    let mut registry = registry();
    let id = registry.next_id;
    registry.next_id += 1;
    registry.cleanups.push((id, Box::new(cleanup)));
    Registration(id)
}

impl Drop for Registration {
    fn drop(&mut self) {
        block_if_interrupted();
        registry().cleanups.retain(|(id, _)| *id != self.0);
    }
}

/// Blocks for ever once a signal has arrived, so that the main thread does not report the failures that the cleanups cause.
/// The handler ends the process.
pub fn block_if_interrupted() {
    while registry().is_interrupted {
        std::thread::sleep(Duration::from_secs(1));
    }
}
