//! A change of one stored item, as the stream of its table reports it.

/// A change of one stored item. A stream may deliver it several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamChange<Item> {
    /// The item before the change; `None` if the change created it.
    pub before: Option<Item>,
    /// The item after the change; `None` if the change deleted it.
    pub after: Option<Item>,
}
