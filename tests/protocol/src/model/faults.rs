//! Protocol defects that tests inject to show that the model checker finds them.

/// An injected defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Placing an order checks the level with a read and then writes it without a condition.
    CheckThenWrite,
    /// Placing an order writes the order without a condition, so that a retry takes the stock again.
    BlindAdd,
    /// Placing an order reports a shortage before it checks whether the order exists already.
    ShortBeforeReplay,
    /// An order is written without a condition on its revision.
    ReleaseTwice,
    /// A stock change replaces a level without a condition on the version it read.
    LostUpdate,
    /// A stock change does not write its applied-change marker.
    ChangeWithoutMark,
    /// Completing a task writes the task and its order without conditions.
    CompleteTwice,
    /// A release to one bucket ignores that another bucket of the short level is owed the units.
    OwedIsSold,
    /// Replacing the buckets of a split level checks only the version of the first bucket.
    AnewByTheFirst,
    /// A rebalance does not check whether the same movement was already applied.
    EvenedTwice,
    /// Splitting a short level does not set `whole_short` on the new bucket.
    SplitUntold,
    /// Splitting a level does not check whether it changed since it was read.
    SplitByAnOldReading,
    /// The ledger appends every record it receives, duplicates included.
    MovementsAreAppended,
}
