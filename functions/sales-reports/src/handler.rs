//! Reads the parameters of a report, and encodes it as JSON or CSV.

use jiff::civil::Date;
use stockline_application::ports::catalog::{CatalogStore, ProductReader};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::sales_tally::TallyReader;
use stockline_application::sales_report::{ReportError, ReportRequest, SalesReports};
use stockline_domain::caller::Action;
use stockline_domain::ids::LocationId;
use stockline_domain::invalid::Invalid;
use stockline_domain::tally::{Grouping, ReportRange};
use stockline_platform::edge::{Call, MediaType, Reply};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::body::ReportBody;
use crate::csv;

const DATE: &str = "a business date, such as 2026-03-01";
const GROUPINGS: &str = "hour, day, category or sku";

/// Handles one request; a problem becomes the error response.
pub async fn handle<Tally, Catalog, Time>(
    reports: &SalesReports<Tally, Catalog, Time>,
    call: Call,
) -> Result<Reply, Problem>
where
    Tally: TallyReader,
    Catalog: CatalogStore + ProductReader,
    Time: Clock,
{
    call.caller.may(Action::ReadSalesReports)?;
    let location_id: LocationId = call.path("location_id")?;
    call.caller.may_at(Action::ReadSalesReports, &location_id)?;
    let media_type = call.accepted_media_type()?;
    let request = ReportRequest {
        location_id,
        range: ReportRange::new(date(&call, "from")?, date(&call, "to")?)?,
        by: call.query("by", GROUPINGS)?.unwrap_or(Grouping::Day),
        deadline: call.deadline,
    };
    let report = reports.report(request).await.map_err(problem)?;
    let report = report.ok_or_else(Problem::not_found)?;
    match media_type {
        MediaType::Json => Reply::ok(&ReportBody::from(&report)),
        MediaType::Csv => Ok(Reply::csv(csv::encode(&report))),
    }
}

fn date(call: &Call, name: &str) -> Result<Date, Problem> {
    let text: String = call
        .query(name, DATE)?
        .ok_or_else(|| Invalid::field(name, format!("must be {DATE}")))?;
    // A time is a valid civil date as well, and would be cut.
    text.parse()
        .ok()
        .filter(|date: &Date| date.to_string() == text)
        .ok_or_else(|| Invalid::field(name, format!("must be {DATE}")).into())
}

fn problem(error: ReportError) -> Problem {
    match error {
        ReportError::Store(error) => error.into(),
        ReportError::Invalid(invalid) => invalid.into(),
        error @ (ReportError::TooManyOrders | ReportError::TooManyRows) => Problem::new(
            ProblemKind::ReportTooLarge,
            format!("Ask for fewer days: {error}."),
        ),
        ReportError::TooLarge(_) => Problem::new(
            ProblemKind::ReportTooLarge,
            "Ask for fewer days: a sum has more than 18 digits.",
        ),
    }
}

#[cfg(test)]
mod tests;
