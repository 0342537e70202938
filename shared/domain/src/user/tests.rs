use proptest::prelude::*;

use super::*;

const ROLES: [Role; 6] = [
    Role::StoreApp,
    Role::StoreManager,
    Role::Controller,
    Role::Logistics,
    Role::Analyst,
    Role::Admin,
];

fn any_access() -> impl Strategy<Value = UserAccess> {
    let locations = prop::collection::btree_set("[a-z]{1,3}", 0..5);
    let locations = prop::option::of(locations);
    let controller = prop::option::of("[a-z]{1,3}");
    let role = prop::sample::select(&ROLES[..]);
    (role, locations, controller, any::<bool>()).prop_map(
        |(role, locations, controller, disabled)| {
            let ids = |own: BTreeSet<String>| own.iter().map(|id| id.parse().unwrap()).collect();
            UserAccess {
                role,
                location_ids: locations.map(ids),
                controller_id: controller.map(|id| id.parse().unwrap()),
                disabled,
            }
        },
    )
}

fn lea() -> Subject {
    "lea".parse().unwrap()
}

fn admin(subject: &str, locations: Locations) -> Caller {
    Caller {
        subject: subject.to_owned(),
        role: Role::Admin,
        locations,
        controller: None,
    }
}

proptest! {
    #[test]
    fn valid_user_is_a_caller_with_the_stated_access(access in any_access()) {
        let has_id = access.controller_id.is_some();
        let is_valid = (access.role == Role::Controller) == has_id;
        let user = access.clone().of(lea());
        prop_assert_eq!(user.is_ok(), is_valid);
        let Ok(user) = user else { return Ok(()) };
        let Some(caller) = user.caller() else {
            prop_assert!(access.disabled);
            return Ok(());
        };
        prop_assert!(!access.disabled);
        prop_assert_eq!(caller.role, access.role);
        prop_assert_eq!(caller.controller, access.controller_id);
        let sees_all = access.role == Role::Admin && access.location_ids.is_none();
        match caller.locations {
            Locations::All => prop_assert!(sees_all),
            Locations::Only(own) => {
                prop_assert!(!sees_all);
                prop_assert_eq!(own, access.location_ids.unwrap_or_default());
            }
        }
    }

    #[test]
    fn only_own_loss_of_management_is_a_lockout(access in any_access()) {
        let Ok(user) = access.of(lea()) else { return Ok(()) };
        let manages = user.caller().is_some_and(|caller| may_manage_users(&caller).is_ok());
        prop_assert_eq!(is_own_lockout(&admin("lea", Locations::All), &user), !manages);
        prop_assert!(!is_own_lockout(&admin("kim", Locations::All), &user));
    }

    #[test]
    fn user_survives_json(access in any_access()) {
        let json = serde_json::to_value(&access).unwrap();
        prop_assert_eq!(serde_json::from_value::<UserAccess>(json).unwrap(), access);
    }
}

#[test]
fn subject_is_visible_ascii_without_percent() {
    for allowed in [
        "a",
        "auth0|5f7c8",
        "https://id.test/lea?x=1#y",
        "..a",
        "+",
        "~",
    ] {
        assert_eq!(allowed.parse::<Subject>().unwrap().as_str(), allowed);
    }
    let long = "x".repeat(256);
    for refused in ["", ".", "..", "a b", "a%20b", "é", "a\n", &long] {
        assert_eq!(
            refused.parse::<Subject>(),
            Err(InvalidSubject),
            "{refused:?}"
        );
    }
    assert!(long[1..].parse::<Subject>().is_ok());
}

#[test]
fn user_lists_at_most_500_locations() {
    let access = |count: usize| UserAccess {
        role: Role::StoreManager,
        location_ids: Some(
            (0..count)
                .map(|id| id.to_string().parse().unwrap())
                .collect(),
        ),
        controller_id: None,
        disabled: false,
    };
    assert!(access(500).of(lea()).is_ok());
    let errors = access(501).of(lea()).unwrap_err().errors;
    assert_eq!(errors[0].pointer, "/location_ids");
}

#[test]
fn admin_of_listed_locations_may_not_manage_users() {
    let store = BTreeSet::from(["store-1".parse().unwrap()]);
    let limited = admin("lea", Locations::Only(store));
    assert_eq!(may_manage_users(&limited), Err(Denied::Role));
    assert_eq!(may_manage_users(&admin("lea", Locations::All)), Ok(()));
    for role in ROLES {
        let caller = Caller {
            role,
            ..admin("lea", Locations::All)
        };
        assert_eq!(may_manage_users(&caller).is_ok(), role == Role::Admin);
    }
}
