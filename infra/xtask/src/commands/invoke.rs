//! `invoke`: invokes a deployed function with an event.

use std::path::Path;

use serde_json::Value;

use crate::output::say;
use crate::status::Cloud;
use crate::workspace::Workspace;
use crate::{Error, Result, files};

/// Runs the command.
pub fn command(workspace: &Workspace, function: &str, event: &Path) -> Result<()> {
    let function = workspace.function(function)?;
    let text = files::read(event)?;
    serde_json::from_str::<Value>(&text).map_err(Error::unreadable(event.display().to_string()))?;
    let cloud = Cloud::local(workspace)?;
    let (payload, error) = cloud.invoke(&function, text.as_bytes())?;
    match serde_json::from_str::<Value>(&payload) {
        Ok(value) => say(format_args!("{value:#}"))?,
        Err(_) => say(format_args!("{payload}"))?,
    }
    match error {
        None => Ok(()),
        Some(kind) => Err(Error::Check {
            step: format!("the invocation of {function} ({kind})"),
        }),
    }
}
