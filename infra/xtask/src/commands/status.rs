//! `status`: prints the names and addresses of the local cloud.

use crate::output::say;
use crate::status::Cloud;
use crate::workspace::Workspace;
use crate::{Error, Result};

/// Runs the command.
pub fn command(workspace: &Workspace, as_json: bool) -> Result<()> {
    let cloud = Cloud::local(workspace)?;
    if as_json {
        say(serde_json::to_string_pretty(&cloud).map_err(Error::unreadable("the status"))?)?;
    } else {
        say(cloud.describe())?;
    }
    Ok(())
}
