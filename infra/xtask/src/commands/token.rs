//! `token`: stands in for signing in.

use crate::Result;
use crate::oidc::Bearer;
use crate::output::say;
use crate::status::Cloud;
use crate::workspace::Workspace;

/// The command.
pub fn command(workspace: &Workspace, bearer: &Bearer) -> Result<()> {
    say(Cloud::local(workspace)?.token(bearer)?)?;
    Ok(())
}
