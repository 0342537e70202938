//! Callers, their roles, and the actions and locations that they may access.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{ControllerId, LocationId};

/// The role of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A till or an app of a store.
    StoreApp,
    /// A manager of a store.
    StoreManager,
    /// An automation controller in a warehouse.
    Controller,
    /// A packer or shipper of a store or a warehouse.
    Logistics,
    /// An analyst with read access.
    Analyst,
    /// An operator of Stockline.
    Admin,
}

/// An action that needs permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Place, cancel or refund an order.
    WriteOrders,
    /// Fulfil an order by hand.
    FulfilOrders,
    /// Read orders.
    ReadOrders,
    /// Read sales reports.
    ReadSalesReports,
    /// Count, adjust, receive or transfer stock.
    WriteStock,
    /// Remove stock by an adjustment: for damage, theft, loss or a correction downwards.
    WriteOffStock,
    /// Read levels and movements.
    ReadStock,
    /// Set the reorder policy of a level.
    SetPolicy,
    /// Read and cancel replenishment orders.
    ManageReplenishment,
    /// Write products and locations.
    WriteCatalog,
    /// Read products and locations.
    ReadCatalog,
    /// Report on tasks and send heartbeats.
    RunTasks,
    /// Read tasks.
    ReadTasks,
    /// Read and change who has which role at which locations.
    ManageUsers,
}

impl Role {
    /// Whether the role may do `action` at the locations of the caller.
    pub fn may(self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::Admin => true,
            Self::StoreManager => !matches!(action, A::WriteCatalog | A::RunTasks | A::ManageUsers),
            Self::StoreApp => matches!(
                action,
                A::WriteOrders
                    | A::FulfilOrders
                    | A::ReadOrders
                    | A::WriteStock
                    | A::ReadStock
                    | A::ReadCatalog
            ),
            Self::Logistics => matches!(
                action,
                A::FulfilOrders | A::ReadOrders | A::ReadStock | A::ReadCatalog
            ),
            Self::Controller => matches!(action, A::RunTasks | A::ReadTasks | A::ReadCatalog),
            Self::Analyst => matches!(
                action,
                A::ReadOrders | A::ReadSalesReports | A::ReadStock | A::ReadCatalog | A::ReadTasks
            ),
        }
    }
}

/// The locations that a caller may access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locations {
    /// Every location.
    All,
    /// Only these locations.
    Only(BTreeSet<LocationId>),
}

/// A caller whose token was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The subject of the token. Idempotency keys are scoped to it.
    pub subject: String,
    /// The role of the caller.
    pub role: Role,
    /// The locations that the caller may access.
    pub locations: Locations,
    /// The controller that the caller is, for role [`Role::Controller`].
    pub controller: Option<ControllerId>,
}

/// Why access is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller's role does not allow the action anywhere.
    #[error("the caller's role does not allow this")]
    Role,
    /// The caller may access no location at all. No location's existence is disclosed by saying so.
    #[error("the caller may access no location")]
    NoLocations,
    /// The caller may not access this object. It is reported as not found, so that its existence is not disclosed.
    #[error("not found among the objects of the caller")]
    Hidden,
}

impl Caller {
    /// Checks that the role of the caller allows `action`.
    pub fn may(&self, action: Action) -> Result<(), Denied> {
        if self.role.may(action) {
            Ok(())
        } else {
            Err(Denied::Role)
        }
    }

    /// Checks that the caller may do `action` at one location at least.
    pub fn may_somewhere(&self, action: Action) -> Result<(), Denied> {
        self.may(action)?;
        match &self.locations {
            Locations::Only(own) if own.is_empty() => Err(Denied::NoLocations),
            Locations::All | Locations::Only(_) => Ok(()),
        }
    }

    /// Checks that the caller may do `action` at `location`.
    pub fn may_at(&self, action: Action, location: &LocationId) -> Result<(), Denied> {
        self.may_somewhere(action)?;
        match &self.locations {
            Locations::All => Ok(()),
            Locations::Only(own) if own.contains(location) => Ok(()),
            Locations::Only(_) => Err(Denied::Hidden),
        }
    }

    /// Checks that the caller is `controller` or an admin.
    pub fn may_act_as(&self, controller: &ControllerId) -> Result<(), Denied> {
        self.may(Action::RunTasks)?;
        if self.role == Role::Admin || self.controller.as_ref() == Some(controller) {
            Ok(())
        } else {
            Err(Denied::Hidden)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every action, with the roles that may do it besides [`Role::Admin`].
    const TABLE: [(Action, &[Role]); 14] = {
        use Role::{Analyst, Controller, Logistics, StoreApp, StoreManager};
        [
            (Action::WriteOrders, &[StoreApp, StoreManager]),
            (Action::FulfilOrders, &[StoreApp, StoreManager, Logistics]),
            (
                Action::ReadOrders,
                &[StoreApp, StoreManager, Logistics, Analyst],
            ),
            (Action::WriteStock, &[StoreApp, StoreManager]),
            (Action::WriteOffStock, &[StoreManager]),
            (
                Action::ReadStock,
                &[StoreApp, StoreManager, Logistics, Analyst],
            ),
            (Action::SetPolicy, &[StoreManager]),
            (Action::ManageReplenishment, &[StoreManager]),
            (Action::WriteCatalog, &[]),
            (Action::ManageUsers, &[]),
            (Action::ReadSalesReports, &[StoreManager, Analyst]),
            (
                Action::ReadCatalog,
                &[StoreApp, StoreManager, Controller, Logistics, Analyst],
            ),
            (Action::RunTasks, &[Controller]),
            (Action::ReadTasks, &[StoreManager, Controller, Analyst]),
        ]
    };

    #[test]
    fn roles_allow_what_the_table_lists() {
        let roles = [
            Role::StoreApp,
            Role::StoreManager,
            Role::Controller,
            Role::Logistics,
            Role::Analyst,
        ];
        for (action, allowed) in TABLE {
            assert!(Role::Admin.may(action), "{action:?}");
            for role in roles {
                assert_eq!(
                    role.may(action),
                    allowed.contains(&role),
                    "{role:?} {action:?}"
                );
            }
        }
    }

    #[test]
    fn foreign_location_is_hidden_and_a_wrong_role_is_told() {
        let packer = Caller {
            subject: "lea".to_owned(),
            role: Role::Logistics,
            locations: Locations::Only(BTreeSet::from(["hub-1".parse().unwrap()])),
            controller: None,
        };
        let at = |action, location: &str| packer.may_at(action, &location.parse().unwrap());
        assert_eq!(at(Action::FulfilOrders, "hub-1"), Ok(()));
        assert_eq!(at(Action::FulfilOrders, "hub-2"), Err(Denied::Hidden));
        assert_eq!(at(Action::WriteOrders, "hub-2"), Err(Denied::Role));
    }

    #[test]
    fn caller_without_locations_is_told() {
        let mut analyst = Caller {
            subject: "ada".to_owned(),
            role: Role::Analyst,
            locations: Locations::Only(BTreeSet::new()),
            controller: None,
        };
        let store = "store-1".parse().unwrap();
        let denied = Err(Denied::NoLocations);
        assert_eq!(analyst.may_at(Action::ReadStock, &store), denied);
        assert_eq!(analyst.may_somewhere(Action::ReadStock), denied);
        assert_eq!(
            analyst.may_at(Action::WriteStock, &store),
            Err(Denied::Role)
        );
        analyst.locations = Locations::All;
        assert_eq!(analyst.may_at(Action::ReadStock, &store), Ok(()));
    }
}
