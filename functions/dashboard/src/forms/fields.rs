//! Reads the fields of a form, and collects what is wrong with them.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use stockline_domain::invalid::Invalid;
use stockline_platform::edge::Form;

/// An error of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMessage {
    /// The name of the field.
    pub field: String,
    /// The rule that the field breaks, to be read after the field's label.
    pub message: String,
}

/// The fields of one form.
pub struct Fields<'a> {
    form: &'a Form,
    errors: Vec<FieldMessage>,
}

impl<'a> Fields<'a> {
    /// Reads `form`.
    pub fn new(form: &'a Form) -> Self {
        Self {
            form,
            errors: Vec::new(),
        }
    }

    /// Returns a whole number. A missing or malformed one is an error, and is returned as 0.
    pub fn number<N: FromStr + Default>(&mut self, field: &str) -> N {
        // The page itself writes numbers with commas between digits, and with a minus sign that is no hyphen.
        let text = self.text(field).replace(',', "").replace('\u{2212}', "-");
        text.parse().unwrap_or_else(|_| {
            self.refuse(field, "must be a whole number");
            N::default()
        })
    }

    /// Returns a value of a list of choices. Another one is an error.
    pub fn choice<T: DeserializeOwned>(&mut self, field: &str) -> Option<T> {
        let chosen = serde_json::from_value(self.text(field).into()).ok();
        if chosen.is_none() {
            self.refuse(field, "must be one of the choices");
        }
        chosen
    }

    /// Returns a text; empty if there is none.
    pub fn text(&self, field: &str) -> &'a str {
        self.form.get(field).unwrap_or_default()
    }

    /// Adds the errors of a use case. Their pointers end with the names of the fields.
    pub fn refuse_all(&mut self, invalid: Invalid) {
        for error in invalid.errors {
            let field = error.pointer.rsplit('/').next().unwrap_or_default();
            self.refuse(field, &error.detail);
        }
    }

    /// Returns the errors; empty if every field can be read.
    pub fn finish(self) -> Vec<FieldMessage> {
        self.errors
    }

    /// Whether a field has an error.
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    fn refuse(&mut self, field: &str, message: &str) {
        self.errors.push(FieldMessage {
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }
}
