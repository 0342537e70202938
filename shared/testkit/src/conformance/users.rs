//! What every store of users must do.

use std::time::Duration;

use futures::future::join_all;
use stockline_application::deadline::Deadline;
use stockline_application::paging::Page;
use stockline_application::ports::users::{UserStore, UserWriteOutcome};
use stockline_domain::caller::Role;
use stockline_domain::user::{MAX_LOCATIONS, StoredUser, Subject, User, UserAccess};

use super::story_functions;
use crate::memory::users::user;

story_functions!(users, [Users: UserStore], [super], Users);

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

fn at_version(user: User, version: u64) -> StoredUser {
    StoredUser { user, version }
}

fn lea() -> Subject {
    "lea".parse().unwrap()
}

async fn replace<Users: UserStore>(
    users: &Users,
    next: &StoredUser,
    before: Option<u64>,
) -> UserWriteOutcome {
    users.replace_user(next, before, deadline()).await.unwrap()
}

async fn user_reads_back_and_unknown_user_does_not<Users: UserStore>(users: &Users) {
    assert_eq!(users.find_user(&lea()).await.unwrap(), None);
    let access = |role| UserAccess {
        role,
        location_ids: None,
        controller_id: None,
        disabled: false,
    };
    let controller = UserAccess {
        controller_id: Some("controller-1".parse().unwrap()),
        disabled: true,
        ..access(Role::Controller)
    };
    for (subject, access) in [
        ("lea", access(Role::Admin)),
        ("auth0|5f7c8#1", controller),
        ("kim", user("kim", Role::Analyst, &[]).access),
        (
            "ana",
            user("ana", Role::StoreManager, &["store-2", "store-1"]).access,
        ),
    ] {
        let subject: Subject = subject.parse().unwrap();
        let stored = at_version(access.of(subject.clone()).unwrap(), 1);
        assert_eq!(
            replace(users, &stored, None).await,
            UserWriteOutcome::Written
        );
        assert_eq!(users.find_user(&subject).await.unwrap(), Some(stored));
    }
}

async fn user_is_replaced_at_its_version_only<Users: UserStore>(users: &Users) {
    let first = at_version(user("lea", Role::StoreApp, &["store-1"]), 1);
    let second = at_version(user("lea", Role::StoreManager, &["store-1"]), 2);
    let missing = replace(users, &second, Some(1)).await;
    assert_eq!(missing, UserWriteOutcome::Conflict(None));
    replace(users, &first, None).await;
    assert_eq!(
        replace(users, &second, Some(1)).await,
        UserWriteOutcome::Written
    );
    let stale = at_version(user("lea", Role::Analyst, &[]), 2);
    let refused = replace(users, &stale, Some(1)).await;
    assert_eq!(refused, UserWriteOutcome::Conflict(Some(second.clone())));
    assert_eq!(users.find_user(&lea()).await.unwrap(), Some(second));
}

async fn second_creation_is_a_conflict<Users: UserStore>(users: &Users) {
    let first = at_version(user("lea", Role::StoreApp, &["store-1"]), 1);
    let other = at_version(user("lea", Role::Admin, &[]), 1);
    replace(users, &first, None).await;
    let refused = replace(users, &other, None).await;
    assert_eq!(refused, UserWriteOutcome::Conflict(Some(first)));
}

async fn repeated_change_is_stored_once<Users: UserStore>(users: &Users) {
    let first = at_version(user("lea", Role::StoreApp, &["store-1"]), 1);
    let second = at_version(user("lea", Role::StoreManager, &["store-1"]), 2);
    for (next, before) in [(&first, None), (&second, Some(1))] {
        for _ in 0..2 {
            assert_eq!(
                replace(users, next, before).await,
                UserWriteOutcome::Written
            );
        }
        assert_eq!(users.find_user(&lea()).await.unwrap().as_ref(), Some(next));
    }
}

async fn concurrent_changes_of_one_version_apply_once<Users: UserStore>(users: &Users) {
    replace(
        users,
        &at_version(user("lea", Role::StoreApp, &[]), 1),
        None,
    )
    .await;
    let changes: Vec<StoredUser> = (0..8)
        .map(|store| format!("store-{store}"))
        .map(|store| at_version(user("lea", Role::StoreApp, &[&store]), 2))
        .collect();
    let outcomes = join_all(changes.iter().map(|next| replace(users, next, Some(1)))).await;
    let stored = users.find_user(&lea()).await.unwrap().unwrap();
    for (next, outcome) in changes.iter().zip(outcomes) {
        let expected = if *next == stored {
            UserWriteOutcome::Written
        } else {
            UserWriteOutcome::Conflict(Some(stored.clone()))
        };
        assert_eq!(outcome, expected);
    }
    assert!(changes.contains(&stored));
}

async fn deleted_user_is_gone_and_may_be_created_again<Users: UserStore>(users: &Users) {
    let stored = at_version(user("lea", Role::StoreApp, &["store-1"]), 1);
    replace(users, &stored, None).await;
    for _ in 0..2 {
        users.delete_user(&lea(), deadline()).await.unwrap();
        assert_eq!(users.find_user(&lea()).await.unwrap(), None);
    }
    assert_eq!(
        replace(users, &stored, None).await,
        UserWriteOutcome::Written
    );
}

async fn largest_user_is_stored<Users: UserStore>(users: &Users) {
    let ids = (0..MAX_LOCATIONS).map(|number| format!("{number:064}").parse().unwrap());
    let access = UserAccess {
        role: Role::StoreManager,
        location_ids: Some(ids.collect()),
        controller_id: None,
        disabled: false,
    };
    let subject: Subject = "x".repeat(255).parse().unwrap();
    let stored = at_version(access.of(subject.clone()).unwrap(), 1);
    assert_eq!(
        replace(users, &stored, None).await,
        UserWriteOutcome::Written
    );
    assert_eq!(users.find_user(&subject).await.unwrap(), Some(stored));
}

async fn many_users_of_many_stores_are_listed_in_pages<Users: UserStore>(users: &Users) {
    let stores: Vec<String> = (0..100).map(|store| format!("store-{store}")).collect();
    let stores: Vec<&str> = stores.iter().map(String::as_str).collect();
    let mut expected = Vec::new();
    for number in 0..500 {
        let subject = format!("user-{number}");
        let stored = at_version(user(&subject, Role::StoreManager, &stores), 1);
        replace(users, &stored, None).await;
        expected.push(stored);
    }
    expected.sort_by(|a, b| a.user.subject.cmp(&b.user.subject));
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = Page { limit: 100, after };
        let found = users.list_users(page).await.unwrap();
        assert!(found.items.len() <= 100);
        listed.extend(found.items);
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);
}
