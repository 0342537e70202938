//! Runs the analyst's queries of `infra/athena` on the Athena of a local cloud.
//!
//! The JSON protocol is spoken directly: the SDK for Athena would take three minutes of every first build, for three calls
//! that only local tools make.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::status::Cloud;
use crate::{Error, Result, files};

/// The date range in the query files.
const ALL_DATES: &str = "'2020-01-01' and '2099-12-31'";

const QUERY_TIMEOUT: Duration = Duration::from_mins(1);

/// The result of a query.
#[derive(Debug)]
pub struct QueryResult {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values as text, one vector a row.
    pub rows: Vec<Vec<String>>,
}

/// The names of the queries: the files of `infra/athena`, sorted.
///
/// # Errors
/// The folder cannot be read.
pub fn names(infra: &Path) -> Result<Vec<String>> {
    let folder = infra.join("athena");
    let entries = std::fs::read_dir(&folder).map_err(Error::file("read", &folder))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".sql")?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// The statement of a query for the business dates from `first` to `last`, both included, as `2026-03-01`. The partitions of
/// these dates are all that it reads.
///
/// # Errors
/// There is no such query, or its file does not name the range of all dates.
pub fn statement(infra: &Path, name: &str, first: &str, last: &str) -> Result<String> {
    let known = names(infra)?;
    if !known.iter().any(|known| known == name) {
        return Err(Error::Unknown {
            kind: "query",
            name: name.to_owned(),
            known: known.join(", "),
        });
    }
    let path = infra.join("athena").join(format!("{name}.sql"));
    let sql = files::read(&path)?;
    if !sql.contains(ALL_DATES) {
        return Err(Error::unreadable(path.display().to_string())(format!(
            "it does not contain the date range {ALL_DATES}"
        )));
    }
    Ok(sql.replace(ALL_DATES, &format!("'{first}' and '{last}'")))
}

/// Runs a statement and waits for its result.
///
/// # Errors
/// The cloud has no Athena, the statement fails, or it takes longer than a minute.
pub fn run(cloud: &Cloud, sql: &str) -> Result<QueryResult> {
    if cloud.athena_workgroup.is_empty() {
        return Err(Error::Missing {
            what: format!("Athena in {}", cloud.kind.title()),
            hint: "`cargo xtask up --cloud ministack` starts a cloud that has it".into(),
        });
    }
    let request = json!({
        "QueryString": sql,
        "WorkGroup": cloud.athena_workgroup,
        "QueryExecutionContext": {"Database": cloud.athena_database},
    });
    let started = call(cloud, "StartQueryExecution", &request)?;
    let execution = json!({"QueryExecutionId": started["QueryExecutionId"]});
    let start = Instant::now();
    loop {
        let status = call(cloud, "GetQueryExecution", &execution)?;
        let status = &status["QueryExecution"]["Status"];
        match status["State"].as_str().unwrap_or_default() {
            "SUCCEEDED" => return rows(cloud, &execution),
            "FAILED" | "CANCELLED" => {
                return Err(Error::unreadable("the result of the query")(
                    status["StateChangeReason"]
                        .as_str()
                        .unwrap_or("no reason given"),
                ));
            }
            _ if start.elapsed() > QUERY_TIMEOUT => {
                return Err(Error::Timeout {
                    what: "the query".into(),
                    seconds: QUERY_TIMEOUT.as_secs(),
                    hint: "Narrow its dates".into(),
                });
            }
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// All pages of a result. The first row of the first page contains the names of the columns.
fn rows(cloud: &Cloud, execution: &Value) -> Result<QueryResult> {
    let mut request = execution.clone();
    let mut rows = Vec::new();
    loop {
        let page = call(cloud, "GetQueryResults", &request)?;
        let found = page["ResultSet"]["Rows"].as_array().into_iter().flatten();
        rows.extend(found.map(cells));
        match page["NextToken"].as_str() {
            Some(token) if !token.is_empty() => request["NextToken"] = token.into(),
            _ => break,
        }
    }
    if rows.is_empty() {
        return Err(Error::unreadable("the result of the query")(
            "it has no header",
        ));
    }
    let columns = rows.remove(0);
    Ok(QueryResult { columns, rows })
}

fn cells(row: &Value) -> Vec<String> {
    let cells = row["Data"].as_array().into_iter().flatten();
    cells
        .map(|cell| cell["VarCharValue"].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn call(cloud: &Cloud, operation: &str, request: &Value) -> Result<Value> {
    cloud.call_service("athena", &format!("AmazonAthena.{operation}"), request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infra() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn every_query_reads_only_the_given_dates() {
        for name in names(&infra()).unwrap() {
            let sql = statement(&infra(), &name, "2026-03-01", "2026-03-07").unwrap();
            assert!(sql.contains("'2026-03-01' and '2026-03-07'"), "{name}");
            assert!(!sql.contains("2099"), "{name}");
        }
    }

    #[test]
    fn unknown_query_is_rejected_with_the_known_ones() {
        let error = statement(&infra(), "best_sellers", "2026-03-01", "2026-03-01").unwrap_err();
        assert!(error.to_string().contains("top_sellers"), "{error}");
    }

    #[test]
    fn row_keeps_empty_cells() {
        let row = json!({"Data": [{"VarCharValue": "milk"}, {}, {"VarCharValue": "3"}]});
        assert_eq!(cells(&row), ["milk", "", "3"]);
    }
}
