//! The first day of a calendar period. DataFusion's own `date_trunc` counts in nanoseconds and so
//! fails on days after 2262, which books are full of (`9999-12-31` for "no end").

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Date32Array},
    datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{Datelike, NaiveDate};
use datafusion::{
    common::exec_err,
    error::Result,
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};
use pacioli_model::TimeGrain;

const DAY_MICROS: i64 = 86_400_000_000;

/// The first day of the `grain` that `moment` falls in, as a date.
pub(crate) fn period_start(grain: TimeGrain, moment: Expr) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(PeriodStart { grain, signature }).call(vec![moment])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PeriodStart {
    grain: TimeGrain,
    signature: Signature,
}

impl ScalarUDFImpl for PeriodStart {
    fn name(&self) -> &'static str {
        match self.grain {
            TimeGrain::Day => "first_of_day",
            TimeGrain::Week => "first_of_week",
            TimeGrain::Month => "first_of_month",
            TimeGrain::Quarter => "first_of_quarter",
            TimeGrain::Year => "first_of_year",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [moments] = ColumnarValue::values_to_arrays(&args.args)?
            .try_into()
            .map_err(|_| datafusion::common::exec_datafusion_err!("one argument is taken"))?;
        Ok(ColumnarValue::Array(self.starts(&moments)?))
    }
}

impl PeriodStart {
    fn starts(&self, moments: &ArrayRef) -> Result<ArrayRef> {
        let days: Date32Array = match moments.data_type() {
            DataType::Date32 => {
                moments.as_primitive::<Date32Type>().unary(|day| first_day(self.grain, day))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let micros = moments.as_primitive::<TimestampMicrosecondType>();
                micros.unary(|micros| {
                    // 64 bits of microseconds are fewer than 32 bits of days.
                    let day = i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX);
                    first_day(self.grain, day)
                })
            }
            other => return exec_err!("{other} has no periods"),
        };
        Ok(Arc::new(days))
    }
}

/// Days since 1970. A day outside the calendar is its own period.
fn first_day(grain: TimeGrain, day: i32) -> i32 {
    let Some(date) = NaiveDate::from_epoch_days(day) else { return day };
    let first = match grain {
        TimeGrain::Day => Some(date),
        TimeGrain::Week => {
            NaiveDate::from_epoch_days(day - date.weekday().num_days_from_monday().cast_signed())
        }
        TimeGrain::Month => date.with_day(1),
        TimeGrain::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1),
        TimeGrain::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
    };
    first.map_or(day, |first| first.to_epoch_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_on_their_first_day() {
        let check = |grain, day: &str, first: &str| {
            let day: NaiveDate = day.parse().unwrap();
            let found = NaiveDate::from_epoch_days(first_day(grain, day.to_epoch_days())).unwrap();
            assert_eq!(found.to_string(), first, "{day} {grain:?}");
        };
        check(TimeGrain::Day, "2024-05-15", "2024-05-15");
        check(TimeGrain::Week, "2024-05-15", "2024-05-13");
        check(TimeGrain::Week, "2024-05-13", "2024-05-13");
        check(TimeGrain::Week, "2023-01-01", "2022-12-26");
        check(TimeGrain::Week, "1969-12-30", "1969-12-29");
        check(TimeGrain::Month, "2024-02-29", "2024-02-01");
        check(TimeGrain::Quarter, "2024-05-15", "2024-04-01");
        check(TimeGrain::Quarter, "2024-12-31", "2024-10-01");
        check(TimeGrain::Year, "1600-05-15", "1600-01-01");
        check(TimeGrain::Year, "9999-12-31", "9999-01-01");
    }
}
