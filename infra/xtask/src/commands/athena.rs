//! `athena`: runs a query of `infra/athena` on the local cloud and prints its result.

use clap::Args;

use crate::Result;
use crate::athena;
use crate::output::say;
use crate::status::Cloud;
use crate::table::table;
use crate::workspace::Workspace;

/// Arguments of `athena`.
#[derive(Debug, Args)]
pub struct AthenaArgs {
    /// Name of the query, as its file in infra/athena without `.sql`; without it, the names are printed
    query: Option<String>,
    /// First business date
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2020-01-01", value_parser = date)]
    from: String,
    /// Last business date
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2099-12-31", value_parser = date)]
    to: String,
    /// Maximum number of rows to print
    #[arg(long, default_value_t = 40)]
    rows: usize,
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &AthenaArgs) -> Result<()> {
    let infra = workspace.infra();
    let Some(query) = &args.query else {
        for name in athena::names(&infra)? {
            say(name)?;
        }
        return Ok(());
    };
    let sql = athena::statement(&infra, query, &args.from, &args.to)?;
    let result = athena::run(&Cloud::local(workspace)?, &sql)?;
    if result.rows.is_empty() {
        eprintln!(
            "no rows: no day between {} and {} is exported",
            args.from, args.to
        );
    }
    say(table(&result.columns, &result.rows, args.rows))
}

/// A date of the calendar. It becomes part of the statement, so nothing else may pass.
fn date(text: &str) -> std::result::Result<String, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let digits =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_date = matches!(parts[..], [year, month, day]
        if digits(year, 4) && digits(month, 2) && digits(day, 2)
            && ("01"..="12").contains(&month) && ("01"..="31").contains(&day));
    is_date
        .then(|| text.to_owned())
        .ok_or_else(|| "a date looks like 2026-03-01".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_accepts_nothing_but_a_date() {
        assert!(date("2026-03-01").is_ok());
        for text in [
            "2026-3-1",
            "2026-13-01",
            "2026-03-32",
            "2026-03-01' or '1'='1",
            "",
        ] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
