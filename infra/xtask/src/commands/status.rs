//! `status`: what is where.

use crate::status::Cloud;
use crate::workspace::Workspace;
use crate::{Error, Result};

/// The command.
pub fn command(workspace: &Workspace, as_json: bool) -> Result<()> {
    let cloud = Cloud::local(workspace)?;
    if as_json {
        println!(
            "{}",
            serde_json::to_string_pretty(&cloud).map_err(Error::unreadable("the status"))?
        );
    } else {
        println!("{}", cloud.describe());
    }
    Ok(())
}
