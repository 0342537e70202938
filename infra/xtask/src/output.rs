//! What is printed for whoever asked, as against progress and errors, which go to the standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::{Error, Result};

/// Prints a line. A reader who has seen enough, like `head`, is no error: what was begun goes on.
pub fn say(line: impl Display) -> Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::file(
            "write to",
            Path::new("the standard output"),
        )(error)),
        _ => Ok(()),
    }
}
