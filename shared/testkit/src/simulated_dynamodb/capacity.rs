//! Consumed capacity of requests, and the throughput limits of partitions.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::bill::{Bill, CapacityKind};

/// Bytes per write unit.
const WRITE_UNIT: usize = 1024;
/// Bytes per strongly consistent read unit.
const READ_UNIT: usize = 4 * 1024;
/// A partition's capacity is counted in millionths of a unit, because it refills every microsecond.
const MICRO_UNITS: i64 = 1_000_000;

/// Returns the write units of a non-transactional write of `size` bytes.
pub fn write_units(size: usize) -> u64 {
    size.div_ceil(WRITE_UNIT).max(1) as u64
}

/// Returns the read units of a strongly consistent read of `size` bytes. An eventually consistent read takes half of them.
pub fn read_units(size: usize) -> u64 {
    size.div_ceil(READ_UNIT).max(1) as u64
}

/// The request parameter of the same name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReturnConsumedCapacity {
    /// No consumed capacity in the response.
    #[default]
    None,
    /// The total.
    Total,
    /// The total, and its parts for the table and for each index.
    Indexes,
}

/// The capacity that a request consumed from one table, in half units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumed {
    /// Consumed from the table itself.
    pub table: u64,
    /// Consumed from each index.
    pub indexes: BTreeMap<&'static str, u64>,
}

/// The kind of request. The responses of transactions report read or write units separately, the others do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// A request outside a transaction.
    Single,
    /// The reads of a transaction.
    TransactionRead,
    /// The writes of a transaction.
    TransactionWrite,
}

impl Consumed {
    /// Creates the consumption of `units` whole units of the table.
    pub fn from_table_units(units: u64) -> Self {
        Self {
            table: units * 2,
            indexes: BTreeMap::new(),
        }
    }

    /// Adds `units` whole units of an index.
    pub fn add_index(&mut self, index: &'static str, units: u64) {
        *self.indexes.entry(index).or_default() += units * 2;
    }

    /// Adds the consumption of another request.
    pub fn add(&mut self, other: &Self) {
        self.table += other.table;
        for (index, half_units) in &other.indexes {
            *self.indexes.entry(index).or_default() += half_units;
        }
    }

    /// Returns the `ConsumedCapacity` of a response, if the request asked for it.
    pub fn json(
        &self,
        table: &str,
        detail: ReturnConsumedCapacity,
        kind: RequestKind,
    ) -> Option<Json> {
        if detail == ReturnConsumedCapacity::None {
            return None;
        }
        let total = units(self.table + self.indexes.values().sum::<u64>());
        let mut json = json!({"TableName": table, "CapacityUnits": total});
        match kind {
            RequestKind::Single => {}
            RequestKind::TransactionRead => json["ReadCapacityUnits"] = total.clone(),
            RequestKind::TransactionWrite => json["WriteCapacityUnits"] = total,
        }
        if detail == ReturnConsumedCapacity::Indexes {
            json["Table"] = json!({"CapacityUnits": units(self.table)});
            for (index, half_units) in &self.indexes {
                json["GlobalSecondaryIndexes"][*index] =
                    json!({"CapacityUnits": units(*half_units)});
            }
        }
        Some(json)
    }
}

/// Converts half units to the decimal number of the wire format.
fn units(half_units: u64) -> Json {
    let half_units = u32::try_from(half_units).unwrap_or(u32::MAX);
    json!(f64::from(half_units) / 2.0)
}

/// The throughput limits of each partition. Here every value of a partition key, in a table or an index, has its own
/// partition: DynamoDB isolates a hot key in a partition of its own. It can also split that partition between sort keys,
/// which is not simulated because it helps neither a single hot item nor monotonically increasing keys.
#[derive(Debug, Clone, Copy)]
pub struct Throughput {
    /// Write units per second.
    pub writes: u32,
    /// Read units per second.
    pub reads: u32,
    /// How many seconds of unused throughput a partition accumulates. DynamoDB documents burst capacity of up to 300 s,
    /// and that no partition exceeds its maximum in any second, so the default is 1.
    pub burst_seconds: u32,
}

impl Default for Throughput {
    /// 1,000 write units and 3,000 read units per second (Developer Guide, "Best practices for designing and using
    /// partition keys").
    fn default() -> Self {
        Self {
            writes: 1000,
            reads: 3000,
            burst_seconds: 1,
        }
    }
}

/// The read or the write capacity of one partition of a table or an index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The table.
    pub table: String,
    /// The index, or none for the table itself.
    pub index: Option<&'static str>,
    /// The value of the partition key.
    pub hash: String,
    /// Whether this is the write capacity, which is limited separately from the read capacity.
    pub is_write: bool,
}

impl Partition {
    fn kind(&self) -> CapacityKind {
        match (self.is_write, self.index) {
            (false, _) => CapacityKind::Read,
            (true, None) => CapacityKind::TableWrite,
            (true, Some(_)) => CapacityKind::IndexWrite,
        }
    }
}

/// A token bucket for each partition.
#[derive(Debug, Default)]
pub struct TokenBuckets {
    throughput: Throughput,
    remaining: HashMap<Partition, (i64, Instant)>,
    /// The requests and consumed capacity since the last reset.
    pub bill: Bill,
}

impl TokenBuckets {
    /// Creates full buckets.
    pub fn new(throughput: Throughput) -> Self {
        Self {
            throughput,
            remaining: HashMap::new(),
            bill: Bill::default(),
        }
    }

    /// Whether `partition` has this much capacity left.
    pub fn has_capacity(&mut self, partition: &Partition, half_units: u64, now: Instant) -> bool {
        *self.refilled(partition, now) >= micro_units(half_units)
    }

    /// Consumes capacity. The bucket may become negative, because a commit is not throttled after its prepare.
    pub fn consume(&mut self, partition: &Partition, half_units: u64, now: Instant) {
        *self.refilled(partition, now) -= micro_units(half_units);
        self.bill.add_capacity(partition.kind(), half_units);
    }

    fn refilled(&mut self, partition: &Partition, now: Instant) -> &mut i64 {
        let rate = i64::from(if partition.is_write {
            self.throughput.writes
        } else {
            self.throughput.reads
        });
        let limit = rate * i64::from(self.throughput.burst_seconds) * MICRO_UNITS;
        let (remaining, refilled_at) = self
            .remaining
            .entry(partition.clone())
            .or_insert((limit, now));
        let elapsed = i64::try_from((now - *refilled_at).as_micros()).unwrap_or(i64::MAX);
        *remaining = remaining
            .saturating_add(elapsed.saturating_mul(rate))
            .min(limit);
        *refilled_at = now;
        remaining
    }
}

fn micro_units(half_units: u64) -> i64 {
    i64::try_from(half_units).unwrap_or(i64::MAX / MICRO_UNITS) * (MICRO_UNITS / 2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn units_round_up_to_at_least_one() {
        assert_eq!(
            (write_units(0), write_units(1024), write_units(1025)),
            (1, 1, 2)
        );
        assert_eq!(
            (read_units(0), read_units(4096), read_units(4097)),
            (1, 1, 2)
        );
    }

    #[test]
    fn partition_refills_at_its_rate_up_to_one_burst() {
        let mut buckets = TokenBuckets::new(Throughput::default());
        let partition = Partition {
            table: "stock".into(),
            index: None,
            hash: "milk".into(),
            is_write: true,
        };
        let start = Instant::now();
        let mut drain = |elapsed: Duration| {
            let now = start + elapsed;
            let mut consumed = 0;
            while buckets.has_capacity(&partition, 2, now) {
                buckets.consume(&partition, 2, now);
                consumed += 1;
            }
            consumed
        };
        assert_eq!(drain(Duration::ZERO), 1000);
        assert_eq!(drain(Duration::from_millis(100)), 100);
        assert_eq!(drain(Duration::from_mins(10)), 1000);
    }

    #[test]
    fn half_units_are_decimals_on_the_wire() {
        let mut consumed = Consumed {
            table: 1,
            indexes: BTreeMap::new(),
        };
        consumed.add_index("by_sku", 2);
        let json = consumed
            .json(
                "stock",
                ReturnConsumedCapacity::Indexes,
                RequestKind::TransactionRead,
            )
            .unwrap();
        assert_eq!(
            json,
            json!({"TableName": "stock", "CapacityUnits": 2.5, "ReadCapacityUnits": 2.5, "Table": {"CapacityUnits": 0.5},
                "GlobalSecondaryIndexes": {"by_sku": {"CapacityUnits": 2.0}}})
        );
    }
}
