//! Conformance suites: what every implementation of a port must do, one story for each behavior.
//!
//! A story is an async function over a backend, which is the implementation under test. A backend that a story receives is
//! empty. [`conformance_tests!`](crate::conformance_tests) makes a named test of each story of a suite.

pub mod alerts;
pub mod audit;
pub mod audit_records;
pub mod catalog;
pub mod export_bucket;
pub mod orders;
pub mod replenishment;
pub mod sales;
pub mod sales_tally;
pub mod split_levels;
pub mod stock;
pub mod stock_lookup;
mod suites;
pub mod tasks;
#[cfg(test)]
mod tests;
pub mod users;

/// Expands to one test for each story of a conformance suite, named `suite::backend::story`.
///
/// The arguments are the suite (see `conformance/suites.rs`), a name for the backend, and an expression for the backends: an
/// array of one, an iterator of several, or an `Option` that is `None` where the backend is unavailable. Each test evaluates
/// the expression itself, may await in it, and runs its story on each backend in turn. The expression sees the names of the
/// invoking module. Arguments of `#[tokio::test]` follow the backend's name in parentheses.
///
/// ```ignore
/// conformance_tests!(orders, memory, [MemoryShop::default()]);
/// conformance_tests!(orders, simulated_dynamodb(start_paused = true), SEEDS.map(new_shop));
/// conformance_tests!(orders, dynamodb, shop_on_test_cloud().await);
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($suite:ident, $backend:ident $(($($argument:tt)*))?, $backends:expr) => {
        mod $suite {
            mod $backend {
                #[allow(clippy::wildcard_imports)]
                use super::super::*;

                $crate::conformance_stories! {
                    $suite, conformance_test_functions ([$($($argument)*)?] $backends)
                }
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test_functions {
    ($arguments:tt $suite:tt $($story:ident)*) => {
        $($crate::conformance_test_function! { $arguments $suite $story })*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_test_function {
    (([$($argument:tt)*] $backends:expr) [$($suite:tt)*] $story:ident) => {
        #[tokio::test($($argument)*)]
        async fn $story() {
            let backends = IntoIterator::into_iter($backends);
            for backend in backends {
                Box::pin($($suite)*::stories::$story(&backend)).await;
            }
        }
    };
}

/// Expands to the module `stories` of a suite, which has a public function for each story in the suite's list.
///
/// The stories themselves stay private, so the compiler warns of a story that is missing in the list. The arguments are the
/// suite, the generic parameters of its stories, the path that owns the stories, and the type of the backend.
macro_rules! story_functions {
    ($suite:ident, [$($generics:tt)*], [$($owner:tt)*], $backend:ty) => {
        $crate::conformance_stories! {
            $suite, conformance_story_functions ([$($generics)*] [$($owner)*] $backend)
        }
    };
}
pub(crate) use story_functions;

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_story_functions {
    ($signature:tt $suite:tt $($story:ident)*) => {
        #[doc(hidden)]
        pub mod stories {
            #[allow(clippy::wildcard_imports)]
            use super::*;

            $($crate::conformance_story_function! { $signature $story })*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! conformance_story_function {
    (([$($generics:tt)*] [$($owner:tt)*] $backend:ty) $story:ident) => {
        pub async fn $story<$($generics)*>(backend: &$backend) {
            $($owner)*::$story(backend).await;
        }
    };
}
