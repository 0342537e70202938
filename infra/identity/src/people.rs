//! Who can sign in: some people with fixed roles, and anyone that the form describes.

use std::str::FromStr as _;

use stockline_domain::ids::LocationId;
use xtask::files;
use xtask::oidc::Bearer;

use crate::parameters::Parameters;

/// The longest name, in characters.
const MAX_NAME_CHARACTERS: usize = 100;
/// The most locations of one person.
const MAX_LOCATIONS: usize = 100;

/// The roles of people, each with its title. A controller is a machine and signs in nowhere.
pub const ROLES: [(&str, &str); 5] = [
    ("store_manager", "Store manager"),
    ("store_app", "Store app (till)"),
    ("analyst", "Analyst"),
    ("logistics", "Logistics"),
    ("admin", "Administrator"),
];

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `sub`: 1 to 255 visible ASCII characters.
    pub subject: String,
    /// The name to show.
    pub name: String,
    /// One of [`ROLES`].
    pub role: &'static str,
    /// The locations that the person may access. An admin without locations may access all of them.
    pub location_ids: Vec<String>,
}

impl Person {
    /// The claims of the access token.
    pub fn bearer(&self) -> Bearer {
        Bearer::new(self.role)
            .named(&self.subject)
            .at(&self.location_ids)
    }
}

/// A person with a button of its own on the sign-in page.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The value of the button.
    pub key: &'static str,
    /// The name to show.
    pub name: &'static str,
    /// One of [`ROLES`].
    pub role: &'static str,
    /// The locations that the person may access.
    pub location_ids: &'static [&'static str],
    /// Role and locations in words.
    pub title: &'static str,
    /// What the person may see and change.
    pub may: &'static str,
}

/// The people with buttons. The location ids are those of the examples in the documentation.
pub const PRESETS: [Preset; 6] = [
    Preset {
        key: "manager",
        name: "Mira Lindt",
        role: "store_manager",
        location_ids: &["store-1"],
        title: "Store manager of store-1",
        may: "Sees and changes stock, policies, orders and replenishment of store-1.",
    },
    Preset {
        key: "regional-manager",
        name: "Ravi Anand",
        role: "store_manager",
        location_ids: &["store-1", "store-2"],
        title: "Store manager of store-1 and store-2",
        may: "Sees and changes the same, in two stores.",
    },
    Preset {
        key: "till",
        name: "Till 4",
        role: "store_app",
        location_ids: &["store-1"],
        title: "Store app (till) of store-1",
        may: "Sees stock and orders of store-1, counts stock. Changes no policy and sees no replenishment.",
    },
    Preset {
        key: "analyst",
        name: "Ana Keller",
        role: "analyst",
        location_ids: &["store-1", "store-2", "warehouse-1"],
        title: "Analyst for store-1, store-2 and warehouse-1",
        may: "Sees stock and orders. Changes nothing.",
    },
    Preset {
        key: "logistics",
        name: "Luca Moreau",
        role: "logistics",
        location_ids: &["warehouse-1"],
        title: "Logistics of warehouse-1",
        may: "Sees stock and orders of warehouse-1, and ships orders from there.",
    },
    Preset {
        key: "administrator",
        name: "Ada Osei",
        role: "admin",
        location_ids: &[],
        title: "Administrator",
        may: "Sees and changes everything, in every location.",
    },
];

impl Preset {
    /// The person.
    pub fn person(&self) -> Person {
        Person {
            subject: self.key.to_owned(),
            name: self.name.to_owned(),
            role: self.role,
            location_ids: self.location_ids.iter().map(|&id| id.to_owned()).collect(),
        }
    }
}

/// A field of the form that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPerson {
    /// The name is missing, too long or has control characters.
    #[error("Enter a name of 1 to {MAX_NAME_CHARACTERS} characters.")]
    Name,
    /// The role is none of [`ROLES`].
    #[error("Choose one of the roles.")]
    Role,
    /// A location id is malformed.
    #[error("“{0}” is no location id. An id has 1 to 64 of A-Z, a-z, 0-9, “_” and “-”.")]
    Location(String),
    /// There are more than [`MAX_LOCATIONS`].
    #[error("Enter at most {MAX_LOCATIONS} location ids.")]
    TooManyLocations,
    /// The button belongs to nobody.
    #[error("Choose one of the people.")]
    Preset,
}

impl InvalidPerson {
    /// The form field that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Role => "role",
            Self::Location(_) | Self::TooManyLocations => "location_ids",
            Self::Preset => "person",
        }
    }
}

/// The person of a submitted form: the one of the button `person`, or else the one that the fields describe.
pub fn from_form(form: &Parameters) -> Result<Person, InvalidPerson> {
    if let Some(key) = form.get("person") {
        let preset = PRESETS.iter().find(|preset| preset.key == key);
        return Ok(preset.ok_or(InvalidPerson::Preset)?.person());
    }
    let name = form.get("name").unwrap_or_default().trim();
    let is_valid_name = (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count())
        && !name.chars().any(char::is_control);
    if !is_valid_name {
        return Err(InvalidPerson::Name);
    }
    let role = form.get("role").unwrap_or_default();
    let (role, _) = ROLES
        .into_iter()
        .find(|(known, _)| *known == role)
        .ok_or(InvalidPerson::Role)?;
    let mut location_ids: Vec<String> = Vec::new();
    let ids = form.get("location_ids").unwrap_or_default().split(',');
    for id in ids.map(str::trim).filter(|id| !id.is_empty()) {
        if LocationId::from_str(id).is_err() {
            let shown: String = id.chars().take(64).collect();
            return Err(InvalidPerson::Location(shown));
        }
        if !location_ids.iter().any(|known| known == id) {
            location_ids.push(id.to_owned());
        }
    }
    if location_ids.len() > MAX_LOCATIONS {
        return Err(InvalidPerson::TooManyLocations);
    }
    Ok(Person {
        subject: subject(name),
        name: name.to_owned(),
        role,
        location_ids,
    })
}

/// The subject of a name. The same name gives the same subject, because an idempotency key belongs to one subject. The digest
/// tells names apart that have the same ASCII letters.
fn subject(name: &str) -> String {
    let words = name
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_ascii_lowercase).collect();
    let digest = files::digest(name.as_bytes());
    format!("person-{}-{}", words.join("-"), &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Result<Person, InvalidPerson> {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(fields);
        from_form(&Parameters::parse(encoded.finish().as_bytes()).unwrap())
    }

    #[test]
    fn button_selects_its_person() {
        let person = form(&[("person", "regional-manager"), ("role", "admin")]).unwrap();
        assert_eq!(person.role, "store_manager");
        assert_eq!(person.location_ids, ["store-1", "store-2"]);
        assert_eq!(form(&[("person", "nobody")]), Err(InvalidPerson::Preset));
    }

    #[test]
    fn presets_have_known_roles_and_valid_locations() {
        for preset in PRESETS {
            assert!(ROLES.iter().any(|(role, _)| *role == preset.role));
            for id in preset.location_ids {
                assert!(LocationId::from_str(id).is_ok(), "{id}");
            }
        }
    }

    #[test]
    fn fields_describe_any_person() {
        let ids = " store-7, warehouse_2,store-7,, ";
        let fields = [
            ("name", " Zoë O'Hara "),
            ("role", "analyst"),
            ("location_ids", ids),
        ];
        let person = form(&fields).unwrap();
        assert_eq!(person.name, "Zoë O'Hara");
        assert_eq!(person.role, "analyst");
        assert_eq!(person.location_ids, ["store-7", "warehouse_2"]);
        assert!(person.subject.starts_with("person-zo-o-hara-"));
        assert!(person.subject.bytes().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn wrong_field_is_named() {
        let field = |fields: &[(&str, &str)]| form(fields).unwrap_err().field();
        let long = "x".repeat(MAX_NAME_CHARACTERS + 1);
        assert_eq!(field(&[("name", "  "), ("role", "admin")]), "name");
        assert_eq!(field(&[("name", &long), ("role", "admin")]), "name");
        assert_eq!(field(&[("name", "a\nb"), ("role", "admin")]), "name");
        assert_eq!(field(&[("name", "Mira"), ("role", "controller")]), "role");
        let bad = [
            ("name", "Mira"),
            ("role", "admin"),
            ("location_ids", "store 1"),
        ];
        assert_eq!(field(&bad), "location_ids");
    }

    #[test]
    fn subject_depends_on_the_whole_name() {
        assert_eq!(subject("Zoë"), subject("Zoë"));
        assert_ne!(subject("Zoë"), subject("Zoé"));
        assert!(subject(&"x".repeat(MAX_NAME_CHARACTERS)).len() <= 255);
    }
}
