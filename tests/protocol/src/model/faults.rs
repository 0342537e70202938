//! Protocol defects that tests inject to show that the model checker finds them.

/// An injected defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Placing an order checks the level with a read and then writes it without a condition.
    CheckThenWrite,
    /// Placing an order writes the order without a condition, so that a retry takes the stock again.
    PlaceWithoutCondition,
    /// Placing an order reports a shortage before it checks whether the order exists already.
    ShortageBeforeReplay,
    /// An order is written without a condition on its revision.
    UpdateOrderWithoutRevision,
    /// A stock change replaces a level without a condition on the version it read.
    ReplaceWithoutVersion,
    /// A stock change does not write its applied-change marker.
    ChangeWithoutMarker,
    /// Completing a task writes the task and its order without conditions.
    CompleteWithoutConditions,
    /// A release to one bucket ignores that another bucket of the short level is owed the units.
    IgnoreWholeShort,
    /// Replacing the buckets of a split level checks only the version of the first bucket.
    CheckFirstBucketOnly,
    /// A rebalance does not check whether the same movement was already applied.
    RebalanceTwice,
    /// Splitting a short level does not set `whole_short` on the new bucket.
    SplitWithoutShortFlag,
    /// Splitting a level does not check whether it changed since it was read.
    SplitByStaleRead,
    /// The ledger appends every record it receives, duplicates included.
    AppendMovements,
}
