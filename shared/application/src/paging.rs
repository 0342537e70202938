//! Pages of lists: how many items a caller asks for, and where the next page starts.

use std::collections::BTreeMap;

/// Where the next page starts: the last key of the page before, attribute by attribute.
pub type Position = BTreeMap<String, String>;

/// How many a page holds, and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most this many, 1 to 100.
    pub limit: u8,
    /// After this; from the start, if none.
    pub after: Option<Position>,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What the page holds.
    pub items: Vec<T>,
    /// Where the next page starts; none on the last.
    pub next: Option<Position>,
}
