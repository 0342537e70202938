//! `token`: prints an access token, in place of a sign-in.

use crate::Result;
use crate::oidc::Bearer;
use crate::output::say;
use crate::status::Cloud;
use crate::workspace::Workspace;

/// Runs the command.
pub fn command(workspace: &Workspace, bearer: &Bearer) -> Result<()> {
    say(Cloud::local(workspace)?.token(bearer)?)?;
    Ok(())
}
