//! `token`: stands in for signing in.

use crate::Result;
use crate::oidc::Bearer;
use crate::status::Cloud;
use crate::workspace::Workspace;

/// The command.
pub fn command(workspace: &Workspace, bearer: &Bearer) -> Result<()> {
    println!("{}", Cloud::local(workspace)?.token(bearer)?);
    Ok(())
}
