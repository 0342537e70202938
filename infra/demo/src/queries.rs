//! Runs an analyst's queries through the Athena API.

use xtask::athena;
use xtask::status::Cloud;
use xtask::table::table;

use super::error::{DemoError, Result};

/// The queries: name of the file in `infra/athena`, and the question it answers.
pub const QUERIES: [(&str, &str); 4] = [
    ("top_sellers", "Which products have the highest sales?"),
    ("hourly_profile", "How much does each store sell per hour?"),
    ("basket_size", "How large are the baskets?"),
    ("day_completeness", "Is the day complete?"),
];

const MAX_ROWS: usize = 8;

/// The result of a query.
#[derive(Debug)]
pub struct QueryResult {
    /// Name of the file.
    pub name: &'static str,
    pub question: &'static str,
    pub rows: usize,
    /// The first rows, as a table.
    pub table: String,
}

/// Runs all queries for one business date.
pub async fn run_all(cloud: &Cloud, business_date: &str) -> Result<Vec<QueryResult>> {
    let (cloud, date) = (cloud.clone(), business_date.to_owned());
    // The client of the tools blocks.
    tokio::task::spawn_blocking(move || QUERIES.map(|query| run(&cloud, query, &date)))
        .await
        .map_err(|error| DemoError::Unexpected(format!("the queries were not run: {error}")))?
        .into_iter()
        .collect()
}

fn run(
    cloud: &Cloud,
    (name, question): (&'static str, &'static str),
    date: &str,
) -> Result<QueryResult> {
    let infra = cloud.workspace_root.join("infra");
    let result = athena::run(cloud, &athena::statement(&infra, name, date, date)?)?;
    if result.rows.is_empty() {
        return Err(DemoError::Unexpected(format!(
            "the query {name} returned no rows"
        )));
    }
    Ok(QueryResult {
        name,
        question,
        rows: result.rows.len(),
        table: table(&result.columns, &result.rows, MAX_ROWS),
    })
}
