//! The types of columns, all of which every engine reads alike, and the declaration of a dataset's columns.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Date32Builder, Decimal64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, SchemaRef, TimeUnit};
use stockline_domain::export::{DECIMAL_PRECISION, DECIMAL_SCALE};

/// The columns of a dataset, with the values of some rows.
pub trait Columns {
    /// Creates columns without rows.
    fn new() -> Self;

    /// Returns the columns in file order. The business date is the partition key, not a column.
    fn schema() -> SchemaRef;

    /// Takes the rows that were added.
    fn take(&mut self) -> Result<RecordBatch, ArrowError>;
}

/// One column.
pub trait Column {
    /// A value.
    type Value<'v>;

    /// Creates a column without values.
    fn new() -> Self;

    /// Returns the field of a column with this name.
    fn field(name: &str) -> Field;

    /// Appends a value.
    fn append(&mut self, value: Self::Value<'_>);

    /// Takes the values.
    fn finish(&mut self) -> ArrayRef;
}

/// Declares a column type: its values, its builder, its Arrow type, and `required append_value` or `optional append_option`.
macro_rules! column_type {
    (
        $(#[$doc:meta])*
        $name:ident: <$life:lifetime> $value:ty, $builder:ty, $new:expr, $data_type:expr, $nullable:ident $append:ident
    ) => {
        $(#[$doc])*
        pub struct $name($builder);

        impl Column for $name {
            type Value<$life> = $value;

            fn new() -> Self {
                Self($new)
            }

            fn field(name: &str) -> Field {
                Field::new(name, $data_type, stringify!($nullable) == "optional")
            }

            fn append(&mut self, value: Self::Value<'_>) {
                self.0.$append(value);
            }

            fn finish(&mut self) -> ArrayRef {
                Arc::new(self.0.finish())
            }
        }
    };
}

column_type!(
    /// A text.
    Text: <'v> &'v str, StringBuilder, StringBuilder::new(), DataType::Utf8, required append_value
);
column_type!(
    /// A text or null.
    OptionalText: <'v> Option<&'v str>, StringBuilder, StringBuilder::new(), DataType::Utf8, optional append_option
);
column_type!(
    /// A small number.
    Int: <'v> i32, Int32Builder, Int32Builder::new(), DataType::Int32, required append_value
);
column_type!(
    /// A number.
    BigInt: <'v> i64, Int64Builder, Int64Builder::new(), DataType::Int64, required append_value
);
column_type!(
    /// True or false.
    Boolean: <'v> bool, BooleanBuilder, BooleanBuilder::new(), DataType::Boolean, required append_value
);
column_type!(
    /// A date, in days since 1970-01-01.
    Date: <'v> i32, Date32Builder, Date32Builder::new(), DataType::Date32, required append_value
);
column_type!(
    /// An amount in the major unit: DECIMAL(18,4), stored as INT64 because it has at most 18 digits.
    Amount: <'v> i64, Decimal64Builder, decimals(), decimal(), required append_value
);
column_type!(
    /// An amount or null.
    OptionalAmount: <'v> Option<i64>, Decimal64Builder, decimals(), decimal(), optional append_option
);
column_type!(
    /// An instant, in microseconds since 1970-01-01T00:00:00Z.
    Instant: <'v> i64, TimestampMicrosecondBuilder,
    TimestampMicrosecondBuilder::new().with_timezone("UTC"),
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), required append_value
);
column_type!(
    /// A local time, in microseconds since 1970-01-01 00:00 local time.
    LocalTime: <'v> i64, TimestampMicrosecondBuilder, TimestampMicrosecondBuilder::new(),
    DataType::Timestamp(TimeUnit::Microsecond, None), required append_value
);

fn decimal() -> DataType {
    DataType::Decimal64(DECIMAL_PRECISION, DECIMAL_SCALE.cast_signed())
}

fn decimals() -> Decimal64Builder {
    Decimal64Builder::new().with_data_type(decimal())
}

/// Declares a dataset: its columns in file order, each with its type and its value in a row.
macro_rules! dataset {
    (
        $(#[$doc:meta])*
        $name:ident of $row:ident: $type:ty {
            $($column:ident: $kind:ty = $value:expr,)*
        }
    ) => {
        $(#[$doc])*
        pub struct $name {
            $($column: $kind,)*
        }

        impl Columns for $name {
            fn new() -> Self {
                Self {
                    $($column: <$kind>::new(),)*
                }
            }

            fn schema() -> SchemaRef {
                Arc::new(Schema::new(vec![$(<$kind>::field(stringify!($column)),)*]))
            }

            fn take(&mut self) -> Result<RecordBatch, ArrowError> {
                RecordBatch::try_new(Self::schema(), vec![$(self.$column.finish(),)*])
            }
        }

        impl $name {
            /// Appends a row.
            ///
            /// # Errors
            /// An amount exceeds the decimals of the file.
            #[allow(clippy::unnecessary_wraps, reason = "some datasets have no amounts")]
            pub fn push(&mut self, $row: $type) -> Result<(), TooLarge> {
                $(self.$column.append($value);)*
                Ok(())
            }
        }
    };
}
pub(super) use dataset;
