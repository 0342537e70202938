//! Results go to standard output. Progress and errors go to standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::{Error, Result};

/// Prints a line. A closed pipe, as `head` leaves it, is no error: the command goes on.
pub fn say(line: impl Display) -> Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::file("write to", Path::new("standard output"))(error))
        }
        _ => Ok(()),
    }
}
