//! JSON as its writer meant it: a record is an object with its own fields, and what is wrong is pointed at.
//!
//! Left to itself, serde reads an array as the fields of a record in their order: `[100, "EUR"]` would be money, and
//! another amount once a field is added.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde_json::Value;
use serde_path_to_error::{Path, Segment, Track};

/// The most characters of a pointer that are told.
const LONGEST_POINTER: usize = 256;

/// The most characters of what is wrong that are told.
const LONGEST_DETAIL: usize = 2000;

/// What is wrong, and where. In both may stand what the writer wrote, of which no more is told than the contract allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Fault {
    /// A JSON pointer (RFC 6901), empty for the whole.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// Reads `T` from text that holds one JSON value and no more.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, Fault> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = read(&mut json)?;
    json.end().map_err(|error| Fault {
        pointer: String::new(),
        detail: error.to_string(),
    })?;
    Ok(value)
}

/// Reads `T` from a value.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    read(value)
}

fn read<'de, T, D>(json: D) -> Result<T, Fault>
where
    T: serde::Deserialize<'de>,
    D: Deserializer<'de>,
    D::Error: fmt::Display,
{
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(json, &mut track);
    T::deserialize(Strict(tracked)).map_err(|error| Fault {
        detail: cut(&error.to_string(), LONGEST_DETAIL),
        pointer: cut(&pointer(&track.path()), LONGEST_POINTER),
    })
}

fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

fn pointer(path: &Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

/// A reader, visitor or seed whose records, at any depth, are objects.
struct Strict<T>(T);

/// A visitor of what may be anything but an array: an entry that says by one of its fields what it is.
///
/// Nothing within it is strict, because serde reads it twice and the second time from a copy of its own.
struct NoArray<V>(V);

macro_rules! forward {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method(Strict(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Strict(visitor))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(NoArray(visitor))
    }

    forward! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, Strict(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Strict(visitor))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, Strict(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, len, Strict(visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, Strict(visitor))
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty))*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        })*

        fn visit_none<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_none()
        }

        fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_unit()
        }

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            self.0.expecting(f)
        }
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    scalars! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Strict(json))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, json: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Strict(json))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Strict(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Strict(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(variant)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for NoArray<V> {
    type Value = V::Value;

    scalars! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _entries: A) -> Result<V::Value, A::Error> {
        Err(A::Error::invalid_type(Unexpected::Seq, &"an object"))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(entries)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Strict(json))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Strict(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;
    use stockline_domain::catalog::Location;
    use stockline_domain::place_order::PlaceOrder;
    use stockline_domain::stock_change::StockChanges;

    use super::*;

    fn fault<T: DeserializeOwned>(body: &Value) -> (String, String) {
        let read = from_slice::<T>(body.to_string().as_bytes());
        let by_value = from_value::<T>(body.clone()).map(|_| ()).unwrap_err();
        let fault = read.map(|_| ()).unwrap_err();
        assert_eq!(fault.pointer, by_value.pointer);
        (fault.pointer, fault.detail)
    }

    fn order() -> Value {
        json!({
            "location_id": "store-1", "channel": "pos", "currency": "EUR",
            "lines": [{"sku": "milk", "quantity": 1, "unit_price": {"amount": 100, "currency": "EUR"}}],
            "total": {"amount": 100, "currency": "EUR"},
        })
    }

    #[test]
    fn what_is_right_is_read() {
        let order = from_value::<PlaceOrder>(order()).unwrap();
        assert_eq!(order.lines.len(), 1);
        let changes = json!({"changes": [
            {"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 1},
        ]});
        assert_eq!(
            from_value::<StockChanges>(changes).unwrap().changes.len(),
            1
        );
        let location = json!({"location_id": "w", "name": "W", "kind": "warehouse", "time_zone": "UTC",
                              "close_out_hour": 0, "zones": [{"zone_id": "zone-a", "aisles": 2}]});
        assert_eq!(from_value::<Location>(location).unwrap().zones.len(), 1);
    }

    #[test]
    fn an_array_in_place_of_an_object_is_refused_at_any_depth_and_pointed_at() {
        let mut total = order();
        total["total"] = json!([100, "EUR"]);
        assert_eq!(fault::<PlaceOrder>(&total).0, "/total");
        let mut price = order();
        price["lines"][0]["unit_price"] = json!([100, "EUR"]);
        assert_eq!(fault::<PlaceOrder>(&price).0, "/lines/0/unit_price");
        let mut optional = order();
        optional["lines"][0]["tax"] = json!([7, "EUR"]);
        assert_eq!(fault::<PlaceOrder>(&optional).0, "/lines/0/tax");
        let mut line = order();
        line["lines"][0] = json!(["milk", 1, {"amount": 100, "currency": "EUR"}]);
        assert_eq!(fault::<PlaceOrder>(&line).0, "/lines/0");
        assert_eq!(fault::<PlaceOrder>(&json!(["store-1", "pos"])).0, "");
        let change = json!({"changes": [["receipt", "store-1", "milk", 1]]});
        let (pointer, detail) = fault::<StockChanges>(&change);
        assert_eq!(pointer, "/changes/0");
        assert!(detail.contains("expected an object"), "{detail}");
    }

    #[test]
    fn an_entry_that_is_read_later_may_hold_arrays_and_be_none() {
        #[derive(Debug, Deserialize)]
        struct Batch {
            locations: Vec<Value>,
        }
        let batch = json!({"locations": [{"zones": [{"zone_id": "a"}]}]});
        assert_eq!(from_value::<Batch>(batch).unwrap().locations.len(), 1);
        assert_eq!(
            fault::<Batch>(&json!({"locations": [[]]})).0,
            "/locations/0"
        );
    }

    #[test]
    fn what_is_wrong_is_told_in_no_more_characters_than_the_contract_allows() {
        let mut unknown = order();
        unknown["ü".repeat(3000)] = json!(1);
        let (pointer, detail) = fault::<PlaceOrder>(&unknown);
        assert_eq!(
            (pointer.chars().count(), detail.chars().count()),
            (256, 2000)
        );
    }

    #[test]
    fn a_field_given_twice_a_second_value_and_a_broken_one_are_refused() {
        let twice = br#"{"changes": [], "changes": []}"#;
        assert!(from_slice::<StockChanges>(twice).is_err());
        assert!(from_slice::<StockChanges>(br#"{"changes": []} {}"#).is_err());
        assert!(from_slice::<StockChanges>(br#"{"changes": ["#).is_err());
    }
}
