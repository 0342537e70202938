//! Ctrl-C, SIGTERM, SIGHUP: what this run started is ended before it goes.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::process;

/// Process groups of running children, and clouds that are not to outlive this run.
#[derive(Default)]
struct Owned {
    groups: Vec<u32>,
    clouds: Vec<PathBuf>,
    ending: bool,
}

static OWNED: Mutex<Owned> = Mutex::new(Owned {
    groups: Vec::new(),
    clouds: Vec::new(),
    ending: false,
});

fn owned() -> MutexGuard<'static, Owned> {
    OWNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on a signal ends children and registered clouds, then this process with code 130.
pub fn install() {
    let installed = ctrlc::set_handler(|| {
        let (groups, clouds) = {
            let mut owned = owned();
            owned.ending = true;
            (owned.groups.clone(), owned.clouds.clone())
        };
        eprintln!("\ninterrupted: ending what was started");
        for group in &groups {
            process::terminate(*group);
        }
        // Test runners end their own children; a while for that, then all that is left.
        let deadline = Instant::now() + Duration::from_secs(12);
        while Instant::now() < deadline && groups.iter().any(|group| process::group_alive(*group)) {
            for group in &groups {
                process::reap(*group);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        for group in &groups {
            process::kill(*group);
        }
        for dir in &clouds {
            let _ = crate::cloud::stop(dir);
        }
        std::process::exit(130);
    });
    if installed.is_err() {
        eprintln!(
            "note: signals cannot be caught here; `cargo xtask down` ends what an interrupted run leaves"
        );
    }
}

/// Holds a child's process group for as long as it runs.
pub struct Child(u32);

impl Child {
    /// Registers the group.
    pub fn register(group: u32) -> Self {
        owned().groups.push(group);
        Self(group)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        wait_if_ending();
        owned().groups.retain(|group| *group != self.0);
    }
}

/// Registers a cloud that must not outlive this run.
pub fn register_cloud(dir: PathBuf) {
    owned().clouds.push(dir);
}

/// Takes one registration of the cloud back: it was ended in good order, or may outlive this run.
pub fn forget_cloud(dir: &Path) {
    let clouds = &mut owned().clouds;
    if let Some(at) = clouds.iter().position(|known| known == dir) {
        clouds.swap_remove(at);
    }
}

/// While the handler cleans up, the main thread must not report the failures that it causes.
pub fn wait_if_ending() {
    while owned().ending {
        std::thread::sleep(Duration::from_secs(1));
    }
}
