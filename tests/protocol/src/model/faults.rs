//! Mistakes that the protocol avoids, planted to see that the checker finds what they lead to.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Placing looks whether there is enough, and then writes without a condition on the level.
    CheckThenWrite,
    /// Placing adds to the level with no guard against doing so again.
    BlindAdd,
    /// Placing looks at what is short before it looks whether the order is there already.
    ShortBeforeReplay,
    /// Canceling writes the order without a condition on its revision.
    ReleaseTwice,
    /// A change of stock writes the level it computed without a condition on the version it read.
    LostUpdate,
    /// A change of stock leaves no mark of having been applied.
    ChangeWithoutMark,
    /// Completing a task writes it, and its order, without conditions.
    CompleteTwice,
    /// What comes back to one item of a short level that is split is not asked whether another item owes it.
    OwedIsSold,
    /// A split level is written anew with a condition on the version of its first item alone.
    AnewByTheFirst,
    /// Goods that were moved between the items of a level are moved by another who read the same.
    EvenedTwice,
    /// The item that a short level is newly split over is not told so.
    SplitUntold,
    /// A level is split by what was read of it, whatever came since.
    SplitByAnOldReading,
    /// The ledger appends what it is given.
    MovementsAreAppended,
}
