//! The addresses of the pages.

use lambda_http::http::Method;

/// A page, or a form that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// The caller's stores.
    Stores,
    /// The stock of a store.
    Stock(&'a str),
    /// One item of a store.
    Item(&'a str, &'a str),
    /// A form of an item: the store, the SKU and the form.
    ItemForm(&'a str, &'a str, ItemForm),
    /// The orders of a store.
    Orders(&'a str),
    /// One order.
    Order(&'a str),
    /// The replenishment orders of a store.
    Replenishment(&'a str),
    /// The form that cancels a replenishment order of a store.
    CancelReplenishment(&'a str, &'a str),
    /// Begins a sign-in.
    SignIn,
    /// The provider's response.
    Callback,
    /// Ends the session.
    SignOut,
    /// Says that the session has ended.
    SignedOut,
    /// The stylesheet or the script.
    Asset(&'a str),
}

/// A form of the page of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemForm {
    /// A count.
    Count,
    /// An adjustment.
    Adjustment,
    /// The reorder policy.
    Policy,
}

impl ItemForm {
    /// The last segment of the form's address.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Adjustment => "adjustment",
            Self::Policy => "policy",
        }
    }
}

impl<'a> Route<'a> {
    /// Finds the route of a path.
    pub fn of(path: &'a [String]) -> Option<Self> {
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        Some(match segments.as_slice() {
            [] => Self::Stores,
            ["stores", store, "stock"] => Self::Stock(store),
            ["stores", store, "stock", sku] => Self::Item(store, sku),
            ["stores", store, "stock", sku, form] => {
                let mut forms = [ItemForm::Count, ItemForm::Adjustment, ItemForm::Policy].iter();
                Self::ItemForm(store, sku, *forms.find(|known| known.segment() == *form)?)
            }
            ["stores", store, "orders"] => Self::Orders(store),
            ["orders", order] => Self::Order(order),
            ["stores", store, "replenishment"] => Self::Replenishment(store),
            ["stores", store, "replenishment", order, "cancel"] => {
                Self::CancelReplenishment(store, order)
            }
            ["sign-in"] => Self::SignIn,
            ["callback"] => Self::Callback,
            ["sign-out"] => Self::SignOut,
            ["signed-out"] => Self::SignedOut,
            ["assets", name] => Self::Asset(name),
            _ => return None,
        })
    }

    /// The name in log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stores => "/",
            Self::Stock(_) => "/stores/{location}/stock",
            Self::Item(..) => "/stores/{location}/stock/{sku}",
            Self::ItemForm(_, _, ItemForm::Count) => "/stores/{location}/stock/{sku}/count",
            Self::ItemForm(_, _, ItemForm::Adjustment) => {
                "/stores/{location}/stock/{sku}/adjustment"
            }
            Self::ItemForm(_, _, ItemForm::Policy) => "/stores/{location}/stock/{sku}/policy",
            Self::Orders(_) => "/stores/{location}/orders",
            Self::Order(_) => "/orders/{order}",
            Self::Replenishment(_) => "/stores/{location}/replenishment",
            Self::CancelReplenishment(..) => "/stores/{location}/replenishment/{order}/cancel",
            Self::SignIn => "/sign-in",
            Self::Callback => "/callback",
            Self::SignOut => "/sign-out",
            Self::SignedOut => "/signed-out",
            Self::Asset(_) => "/assets/{name}",
        }
    }

    /// Whether the route takes forms. All others only show something.
    pub fn takes(self, method: &Method) -> bool {
        let is_form = matches!(
            self,
            Self::ItemForm(..) | Self::CancelReplenishment(..) | Self::SignOut
        );
        *method == Method::POST && is_form || *method == Method::GET && self != Self::SignOut
    }

    /// The path of the page that shows what the route is about. It may be visited again, unlike the address of a form.
    pub fn page(self) -> String {
        match self {
            Self::Stock(store) => stock_path(store),
            Self::Item(store, sku) | Self::ItemForm(store, sku, _) => item_path(store, sku),
            Self::Orders(store) => orders_path(store),
            Self::Order(order) => order_path(order),
            Self::Replenishment(store) | Self::CancelReplenishment(store, _) => {
                replenishment_path(store)
            }
            _ => "/".to_owned(),
        }
    }
}

/// The path of the stock of a store.
pub fn stock_path(store: &str) -> String {
    format!("/stores/{store}/stock")
}

/// The path of one item of a store.
pub fn item_path(store: &str, sku: &str) -> String {
    format!("/stores/{store}/stock/{sku}")
}

/// The path of the orders of a store.
pub fn orders_path(store: &str) -> String {
    format!("/stores/{store}/orders")
}

/// The path of one order.
pub fn order_path(order: &str) -> String {
    format!("/orders/{order}")
}

/// The path of the replenishment orders of a store.
pub fn replenishment_path(store: &str) -> String {
    format!("/stores/{store}/replenishment")
}
