//! Weight and volume of quantities of products.
//!
//! A weight or a volume is either exact or unknown, never a sum of what happens to be known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Product, UnitOfMeasure};
use crate::ids::Sku;
use crate::invalid::Checks;

/// The maximum weight of a unit, in grams: a tonne.
pub const MAX_WEIGHT_GRAMS: i64 = 1_000_000;

/// The maximum length, width and height of a unit, in millimetres: 100 m.
pub const MAX_LENGTH_MM: i64 = 100_000;

/// The maximum volume of a unit, in cubic millimetres: 90 m³, more than a shipping container. An order has at most 100 lines
/// of 1,000,000 units, so the volume of an order fits in 64 bits.
pub const MAX_VOLUME_MM3: i64 = 90_000_000_000;

/// The outer dimensions of a product's unit, in millimetres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimensions {
    /// The length, 1 to 100,000.
    pub length: i64,
    /// The width, 1 to 100,000.
    pub width: i64,
    /// The height, 1 to 100,000.
    pub height: i64,
}

impl Dimensions {
    /// Returns the volume of the enclosing box, in cubic millimetres.
    pub fn volume_mm3(self) -> i64 {
        let area = self.length.saturating_mul(self.width);
        area.saturating_mul(self.height)
    }

    /// Records every rule that the dimensions at `pointer` break.
    pub(crate) fn check(self, pointer: &str, checks: &mut Checks) {
        for (field, length) in [
            ("length", self.length),
            ("width", self.width),
            ("height", self.height),
        ] {
            checks.require(
                (1..=MAX_LENGTH_MM).contains(&length),
                format!("{pointer}/{field}"),
                format!("must be 1 to {MAX_LENGTH_MM}, got {length}"),
            );
        }
        let volume = self.volume_mm3();
        checks.require(
            volume <= MAX_VOLUME_MM3,
            pointer,
            format!("must have a volume of at most {MAX_VOLUME_MM3} mm³ (90 m³), got {volume}"),
        );
    }
}

/// Weight and volume of a product's unit, as far as they are known.
///
/// The unit of a product counted in pieces is one piece. The unit of a product measured in grams or millilitres is 1,000 of
/// them, a kilogram or a litre: a gram of packaging or a millilitre of oil has no whole number of grams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitMeasures {
    /// How much of the product's quantity the unit is: 1 or 1,000.
    quantity: i64,
    weight_grams: Option<i64>,
    volume_mm3: Option<i64>,
}

impl UnitMeasures {
    /// Returns the measures of the product's unit. A product measured in grams weighs its quantity, unless its unit weight,
    /// which can include packaging, says otherwise.
    pub fn of(product: &Product) -> Self {
        let (quantity, own_weight) = match product.unit_of_measure {
            UnitOfMeasure::Each => (1, None),
            UnitOfMeasure::Gram => (1000, Some(1000)),
            UnitOfMeasure::Millilitre => (1000, None),
        };
        Self {
            quantity,
            weight_grams: product.unit_weight_grams.or(own_weight),
            volume_mm3: product.dimensions_mm.map(Dimensions::volume_mm3),
        }
    }

    /// Whether weight and volume are known.
    pub fn is_complete(&self) -> bool {
        self.weight_grams.is_some() && self.volume_mm3.is_some()
    }

    /// Returns weight and volume of `quantity`, 0 to 1,000,000, rounded up to whole grams and cubic millimetres.
    pub fn of_quantity(&self, quantity: i64) -> Measures {
        // (quantity x measure) is at most 1,000,000 x 90,000,000,000, which fits.
        let share = |measure: i64| (quantity * measure + self.quantity - 1) / self.quantity;
        Measures {
            weight_grams: self.weight_grams.map(share),
            volume_mm3: self.volume_mm3.map(share),
        }
    }
}

/// A weight and a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Measures {
    /// The weight in grams. `None` if it is unknown.
    pub weight_grams: Option<i64>,
    /// The volume in cubic millimetres. `None` if it is unknown.
    pub volume_mm3: Option<i64>,
}

/// What is known of the units of products, by SKU.
pub type MeasuresBySku = BTreeMap<Sku, UnitMeasures>;

/// Returns weight and volume of `quantity` of `sku`. Both are unknown for a SKU without an entry in `known`.
pub fn measures_of(sku: &Sku, quantity: i64, known: &MeasuresBySku) -> Measures {
    let unit = known.get(sku);
    unit.map(|unit| unit.of_quantity(quantity))
        .unwrap_or_default()
}

/// The sum of quantities of several SKUs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// The quantities added up, each in its SKU's unit of measure.
    pub units: i64,
    /// The weight in grams, each line rounded up. `None` if that of any SKU is unknown.
    pub weight_grams: Option<i64>,
    /// The volume in cubic millimetres, each line rounded up. `None` if that of any SKU is unknown.
    pub volume_mm3: Option<i64>,
    /// The SKUs whose weight is unknown, in the order of the lines.
    pub skus_without_weight: Vec<Sku>,
    /// The SKUs whose volume is unknown, in the order of the lines.
    pub skus_without_volume: Vec<Sku>,
}

impl Totals {
    /// Adds up lines of a SKU and a quantity each. Lines of quantity 0 are skipped.
    pub fn of<'a>(lines: impl Iterator<Item = (&'a Sku, i64)>, known: &MeasuresBySku) -> Self {
        let mut totals = Self {
            weight_grams: Some(0),
            volume_mm3: Some(0),
            ..Self::default()
        };
        for (sku, quantity) in lines.filter(|(_, quantity)| *quantity > 0) {
            let line = measures_of(sku, quantity, known);
            totals.units += quantity;
            totals.weight_grams = sum(totals.weight_grams, line.weight_grams);
            totals.volume_mm3 = sum(totals.volume_mm3, line.volume_mm3);
            if line.weight_grams.is_none() && !totals.skus_without_weight.contains(sku) {
                totals.skus_without_weight.push(sku.clone());
            }
            if line.volume_mm3.is_none() && !totals.skus_without_volume.contains(sku) {
                totals.skus_without_volume.push(sku.clone());
            }
        }
        totals
    }
}

fn sum(total: Option<i64>, line: Option<i64>) -> Option<i64> {
    total?.checked_add(line?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn unit(unit_of_measure: &str, fields: &Value) -> UnitMeasures {
        let mut body = json!({"sku": "x", "name": "X", "unit_of_measure": unit_of_measure});
        let fields = fields.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        let product: Product = serde_json::from_value(body).unwrap();
        UnitMeasures::of(&product)
    }

    fn weight(unit_of_measure: &str, unit_weight: i64, quantity: i64) -> Option<i64> {
        let unit = unit(unit_of_measure, &json!({"unit_weight_grams": unit_weight}));
        unit.of_quantity(quantity).weight_grams
    }

    #[test]
    fn piece_has_the_unit_weight() {
        assert_eq!(weight("each", 1030, 3), Some(3090));
        assert_eq!(
            unit("each", &json!({})).of_quantity(3),
            Measures::default(),
            "without a weight and dimensions nothing is known"
        );
    }

    #[test]
    fn unit_weight_of_grams_is_that_of_a_kilogram() {
        assert_eq!(
            unit("gram", &json!({})).of_quantity(750).weight_grams,
            Some(750)
        );
        // 20 g of packaging a kilogram: 765 g, which is exact, and 1.02 g, which is rounded up.
        assert_eq!(weight("gram", 1020, 750), Some(765));
        assert_eq!(weight("gram", 1020, 1), Some(2));
    }

    #[test]
    fn unit_weight_of_millilitres_is_that_of_a_litre() {
        // Olive oil: 916 g a litre.
        assert_eq!(weight("millilitre", 916, 1000), Some(916));
        assert_eq!(weight("millilitre", 916, 250), Some(229));
        assert_eq!(
            unit("millilitre", &json!({})).of_quantity(250).weight_grams,
            None
        );
        let bottle = json!({"dimensions_mm": {"length": 80, "width": 80, "height": 250}});
        let half_a_litre = unit("millilitre", &bottle).of_quantity(500);
        assert_eq!(half_a_litre.volume_mm3, Some(800_000));
    }

    #[test]
    fn total_with_an_unknown_sku_is_unknown_and_names_it() {
        let known = MeasuresBySku::from([
            (
                "milk".parse().unwrap(),
                unit("each", &json!({"unit_weight_grams": 1030})),
            ),
            ("egg".parse().unwrap(), unit("each", &json!({}))),
        ]);
        let [milk, egg, gone] = ["milk", "egg", "gone"].map(|sku| sku.parse::<Sku>().unwrap());
        let lines = [(&milk, 2), (&egg, 6), (&gone, 1), (&egg, 6)];
        assert_eq!(
            Totals::of(lines.into_iter(), &known),
            Totals {
                units: 15,
                weight_grams: None,
                volume_mm3: None,
                skus_without_weight: vec![egg.clone(), gone.clone()],
                skus_without_volume: vec![milk.clone(), egg.clone(), gone],
            }
        );
        let only_milk = Totals::of([(&milk, 2), (&egg, 0)].into_iter(), &known);
        assert_eq!((only_milk.units, only_milk.weight_grams), (2, Some(2060)));
        assert!(only_milk.skus_without_weight.is_empty());
    }

    #[test]
    fn largest_order_does_not_overflow() {
        let dimensions = json!({"length": 90_000, "width": 1000, "height": 1000});
        let fields = json!({"unit_weight_grams": MAX_WEIGHT_GRAMS, "dimensions_mm": dimensions});
        let sku: Sku = "x".parse().unwrap();
        let known = MeasuresBySku::from([(sku.clone(), unit("each", &fields))]);
        let totals = Totals::of(std::iter::repeat_n((&sku, 1_000_000), 100), &known);
        assert_eq!(totals.weight_grams, Some(100_000_000_000_000));
        assert_eq!(totals.volume_mm3, Some(9_000_000_000_000_000_000));
    }

    #[test]
    fn dimensions_out_of_range_are_reported() {
        let errors = |length, width, height| {
            let dimensions = Dimensions {
                length,
                width,
                height,
            };
            let mut checks = Checks::new();
            dimensions.check("/dimensions_mm", &mut checks);
            let errors = checks
                .finish(())
                .map_or_else(|invalid| invalid.errors, |()| Vec::new());
            let pointers = errors.into_iter().map(|error| error.pointer);
            pointers.collect::<Vec<_>>()
        };
        assert_eq!(errors(100_000, 900, 1000), [""; 0]);
        assert_eq!(
            errors(0, 100_001, 1),
            ["/dimensions_mm/length", "/dimensions_mm/width"]
        );
        assert_eq!(errors(100_000, 100_000, 100_000), ["/dimensions_mm"]);
    }

    /// Ten SKUs: of those with an even number the weight is known, 10 g for each.
    fn half_known() -> MeasuresBySku {
        let entry = |number: i64| {
            let fields = if number % 2 == 0 {
                json!({"unit_weight_grams": 10})
            } else {
                json!({})
            };
            (sku(number), unit("each", &fields))
        };
        (0..10).map(entry).collect()
    }

    fn sku(number: i64) -> Sku {
        format!("sku-{number}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn total_is_exact_or_names_what_is_unknown(lines in prop::collection::vec((0_i64..10, 0_i64..5), 0..12)) {
            let lines: Vec<(Sku, i64)> =
                lines.into_iter().map(|(number, quantity)| (sku(number), quantity)).collect();
            let totals = Totals::of(lines.iter().map(|(sku, quantity)| (sku, *quantity)), &half_known());
            let units: i64 = lines.iter().map(|(_, quantity)| quantity).sum();
            prop_assert_eq!(totals.units, units);
            match totals.weight_grams {
                Some(weight) => {
                    prop_assert_eq!(weight, 10 * units);
                    prop_assert!(totals.skus_without_weight.is_empty());
                }
                None => prop_assert!(!totals.skus_without_weight.is_empty()),
            }
        }

        /// Splitting a line never makes it lighter, and adds at most one gram a part.
        #[test]
        fn parts_of_a_line_weigh_at_least_the_whole(
            grams in 1..=MAX_WEIGHT_GRAMS, first in 0_i64..=1_000_000, second in 0_i64..=1_000_000,
        ) {
            let oil = unit("millilitre", &json!({"unit_weight_grams": grams}));
            let weight = |quantity| oil.of_quantity(quantity).weight_grams.unwrap();
            let (whole, parts) = (weight(first + second), weight(first) + weight(second));
            prop_assert!((whole..=whole + 1).contains(&parts), "{} {}", whole, parts);
        }
    }
}
