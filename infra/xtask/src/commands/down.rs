//! `down`: ends every cloud, whichever command started it.

use crate::progress::Step;
use crate::workspace::{CLOUDS, Workspace};
use crate::{Result, cloud};

/// Runs the command.
pub fn command(workspace: &Workspace) -> Result<()> {
    let mut ended = 0;
    for name in CLOUDS {
        let dir = workspace.cloud_dir(name);
        if !dir.is_dir() {
            continue;
        }
        let step = Step::begin(format!("ending the {name} cloud"));
        let was_running = cloud::stop(&dir)?;
        step.done(if was_running {
            "ended"
        } else {
            "none was running"
        });
        ended += usize::from(was_running);
    }
    if ended == 0 {
        eprintln!("Nothing was running.");
    }
    Ok(())
}
