//! Who is calling, and what is theirs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{ControllerId, LocationId};

/// What a caller is to the retailer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A till or a store's own app.
    StoreApp,
    /// A person who answers for a store.
    StoreManager,
    /// An automation controller in a warehouse.
    Controller,
    /// A reader of figures.
    Analyst,
    /// An operator of Stockline.
    Admin,
}

/// What a caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Place or cancel an order.
    WriteOrders,
    /// Read orders.
    ReadOrders,
    /// Count, adjust, receive or transfer stock.
    WriteStock,
    /// Read levels and movements.
    ReadStock,
    /// Set reorder points and the rest of a level's policy.
    SetPolicy,
    /// Write products and locations.
    WriteCatalog,
    /// Read products and locations.
    ReadCatalog,
    /// Report on tasks and send heartbeats.
    RunTasks,
    /// Read tasks.
    ReadTasks,
}

impl Role {
    /// Whether the role may do `action` at a location of its own.
    pub fn may(self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::Admin => true,
            Self::StoreManager => !matches!(action, A::WriteCatalog | A::RunTasks),
            Self::StoreApp => matches!(
                action,
                A::WriteOrders | A::ReadOrders | A::WriteStock | A::ReadStock | A::ReadCatalog
            ),
            Self::Controller => matches!(action, A::RunTasks | A::ReadTasks | A::ReadCatalog),
            Self::Analyst => matches!(
                action,
                A::ReadOrders | A::ReadStock | A::ReadCatalog | A::ReadTasks
            ),
        }
    }
}

/// The locations a caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locations {
    /// Every location there is.
    All,
    /// These and no others.
    Only(BTreeSet<LocationId>),
}

/// A caller whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's subject; an idempotency key is unique within it.
    pub subject: String,
    /// What the caller is.
    pub role: Role,
    /// Which locations are the caller's.
    pub locations: Locations,
    /// Which controller the caller is, where it is one.
    pub controller: Option<ControllerId>,
}

/// Why a caller is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller's role never may.
    #[error("the caller's role does not allow this")]
    Role,
    /// The caller may not see the thing; it is answered as if the thing were not there.
    #[error("there is no such thing among the caller's")]
    Hidden,
}

impl Caller {
    /// Whether the caller may do `action` anywhere.
    pub fn may(&self, action: Action) -> Result<(), Denied> {
        if self.role.may(action) {
            Ok(())
        } else {
            Err(Denied::Role)
        }
    }

    /// Whether the caller may do `action` at `location`.
    pub fn may_at(&self, action: Action, location: &LocationId) -> Result<(), Denied> {
        self.may(action)?;
        match &self.locations {
            Locations::All => Ok(()),
            Locations::Only(own) if own.contains(location) => Ok(()),
            Locations::Only(_) => Err(Denied::Hidden),
        }
    }

    /// Whether the caller is `controller`, or an admin.
    pub fn may_act_as(&self, controller: &ControllerId) -> Result<(), Denied> {
        self.may(Action::RunTasks)?;
        if self.role == Role::Admin || self.controller.as_ref() == Some(controller) {
            Ok(())
        } else {
            Err(Denied::Hidden)
        }
    }
}
