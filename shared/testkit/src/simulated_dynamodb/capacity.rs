//! What requests consume, and what a partition gives.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::bill::Bill;

/// Bytes of one write unit.
const WRITE_UNIT: usize = 1024;
/// Bytes of one strongly consistent read unit.
const READ_UNIT: usize = 4 * 1024;
/// Millionths, in which a partition's units are counted: they come back microsecond by microsecond.
const MILLION: i64 = 1_000_000;

/// The write units of a write of `size` bytes, outside a transaction.
pub fn write_units(size: usize) -> u64 {
    size.div_ceil(WRITE_UNIT).max(1) as u64
}

/// The strongly consistent read units of `size` bytes; an eventually consistent read takes half of them.
pub fn read_units(size: usize) -> u64 {
    size.div_ceil(READ_UNIT).max(1) as u64
}

/// How much of `ConsumedCapacity` was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Detail {
    /// None of it.
    #[default]
    None,
    /// One sum.
    Total,
    /// The sum, and what of it is the table's and each index's.
    Indexes,
}

/// What a request consumed of one table, in halves of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consumed {
    /// By the table itself.
    pub table: u64,
    /// By each index.
    pub indexes: BTreeMap<&'static str, u64>,
}

/// Whose units a transaction consumed; a single request's answer does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A single request's.
    Single,
    /// A transaction's reads.
    TransactionRead,
    /// A transaction's writes.
    TransactionWrite,
}

impl Consumed {
    /// `units` of the table.
    pub fn units(units: u64) -> Self {
        Self {
            table: units * 2,
            indexes: BTreeMap::new(),
        }
    }

    /// `units` more of an index.
    pub fn add_index(&mut self, index: &'static str, units: u64) {
        *self.indexes.entry(index).or_default() += units * 2;
    }

    /// This and `other` together.
    pub fn add(&mut self, other: &Self) {
        self.table += other.table;
        for (index, halves) in &other.indexes {
            *self.indexes.entry(index).or_default() += halves;
        }
    }

    /// As the answer tells it, if it was asked for.
    pub fn json(&self, table: &str, detail: Detail, kind: Kind) -> Option<Json> {
        if detail == Detail::None {
            return None;
        }
        let total = units(self.table + self.indexes.values().sum::<u64>());
        let mut told = json!({"TableName": table, "CapacityUnits": total});
        match kind {
            Kind::Single => {}
            Kind::TransactionRead => told["ReadCapacityUnits"] = total.clone(),
            Kind::TransactionWrite => told["WriteCapacityUnits"] = total,
        }
        if detail == Detail::Indexes {
            told["Table"] = json!({"CapacityUnits": units(self.table)});
            for (index, halves) in &self.indexes {
                told["GlobalSecondaryIndexes"][*index] = json!({"CapacityUnits": units(*halves)});
            }
        }
        Some(told)
    }
}

/// Halves as the decimal that the wire has.
fn units(halves: u64) -> Json {
    let halves = u32::try_from(halves).unwrap_or(u32::MAX);
    json!(f64::from(halves) / 2.0)
}

/// What each partition gives in a second. A partition is here what one partition key's value holds, in a table or in an
/// index: DynamoDB gives a key that stays hot a partition of its own, and can split it further between sort keys, which
/// helps neither a single item nor keys that rise with time.
#[derive(Debug, Clone, Copy)]
pub struct Throughput {
    /// Write units a second.
    pub writes: u32,
    /// Read units a second.
    pub reads: u32,
    /// How many seconds' worth an idle partition saves up. Documented is that bursts are saved (up to 300 s' worth), and
    /// that no partition gives more than its maximum in a second: so it is one second here.
    pub burst_seconds: u32,
}

impl Default for Throughput {
    /// 1,000 write units and 3,000 read units (Developer Guide, "Best practices for designing and using partition keys").
    fn default() -> Self {
        Self {
            writes: 1000,
            reads: 3000,
            burst_seconds: 1,
        }
    }
}

/// A partition of a table, or of an index of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The table.
    pub table: String,
    /// The index, if it is one's.
    pub index: Option<&'static str>,
    /// The partition key's value.
    pub hash: String,
    /// Whether its writes are meant, which are counted apart from its reads.
    pub of_writes: bool,
}

/// The units every partition has left.
#[derive(Debug, Default)]
pub struct Buckets {
    throughput: Throughput,
    left: HashMap<Partition, (i64, Instant)>,
    /// What they gave since this was last taken.
    pub bill: Bill,
}

impl Buckets {
    /// Full ones.
    pub fn new(throughput: Throughput) -> Self {
        Self {
            throughput,
            left: HashMap::new(),
            bill: Bill::default(),
        }
    }

    /// Whether `partition` has `halves` of a unit left.
    pub fn has(&mut self, partition: &Partition, halves: u64, now: Instant) -> bool {
        *self.left_in(partition, now) >= millionths(halves)
    }

    /// Takes `halves` of a unit, also more than there are: a commit is not refused after its prepare.
    pub fn take(&mut self, partition: &Partition, halves: u64, now: Instant) {
        *self.left_in(partition, now) -= millionths(halves);
        self.bill.gave(partition, halves);
    }

    fn left_in(&mut self, partition: &Partition, now: Instant) -> &mut i64 {
        let rate = i64::from(if partition.of_writes {
            self.throughput.writes
        } else {
            self.throughput.reads
        });
        let most = rate * i64::from(self.throughput.burst_seconds) * MILLION;
        let (left, since) = self.left.entry(partition.clone()).or_insert((most, now));
        let elapsed = i64::try_from((now - *since).as_micros()).unwrap_or(i64::MAX);
        *left = left.saturating_add(elapsed.saturating_mul(rate)).min(most);
        *since = now;
        left
    }
}

fn millionths(halves: u64) -> i64 {
    i64::try_from(halves).unwrap_or(i64::MAX / MILLION) * (MILLION / 2)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_unit_is_begun_with_its_first_byte() {
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
    fn a_partition_gives_its_rate_and_saves_up_one_burst() {
        let mut buckets = Buckets::new(Throughput::default());
        let partition = Partition {
            table: "stock".into(),
            index: None,
            hash: "milk".into(),
            of_writes: true,
        };
        let start = Instant::now();
        let mut given = |at: Duration| {
            let now = start + at;
            let mut given = 0;
            while buckets.has(&partition, 2, now) {
                buckets.take(&partition, 2, now);
                given += 1;
            }
            given
        };
        assert_eq!(given(Duration::ZERO), 1000);
        assert_eq!(given(Duration::from_millis(100)), 100);
        assert_eq!(given(Duration::from_mins(10)), 1000);
    }

    #[test]
    fn halves_are_told_as_decimals() {
        let mut consumed = Consumed {
            table: 1,
            indexes: BTreeMap::new(),
        };
        consumed.add_index("by_sku", 2);
        let told = consumed
            .json("stock", Detail::Indexes, Kind::TransactionRead)
            .unwrap();
        assert_eq!(
            told,
            json!({"TableName": "stock", "CapacityUnits": 2.5, "ReadCapacityUnits": 2.5, "Table": {"CapacityUnits": 0.5},
                "GlobalSecondaryIndexes": {"by_sku": {"CapacityUnits": 2.0}}})
        );
    }
}
