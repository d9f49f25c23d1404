//! The functions that a session knows. A function is on a list because somebody looked at it: it
//! computes from its arguments alone, and what it makes is no larger than what it is given, or little.
//! So there is none that repeats, pads, generates, matches regular expressions, collects rows into one
//! value, reads files, or tells of the server.

use std::sync::Arc;

use datafusion::{
    execution::SessionStateDefaults,
    logical_expr::{AggregateUDF, ScalarUDF, WindowUDF},
};

use crate::period::date_trunc;

const SCALAR: [&str; 60] = [
    // Of anything
    "coalesce",
    "nullif",
    "nvl",
    "nvl2",
    "greatest",
    "least",
    // Numbers
    "abs",
    "ceil",
    "floor",
    "round",
    "trunc",
    "signum",
    "sqrt",
    "power",
    "exp",
    "ln",
    "log",
    "log10",
    "log2",
    "isnan",
    "nanvl",
    "iszero",
    "gcd",
    "lcm",
    // Texts
    "ascii",
    "btrim",
    "character_length",
    "concat",
    "concat_ws",
    "contains",
    "ends_with",
    "initcap",
    "left",
    "levenshtein",
    "lower",
    "ltrim",
    "octet_length",
    "replace",
    "reverse",
    "right",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "translate",
    "upper",
    // Days and moments
    "current_date",
    "date_bin",
    "date_part",
    "from_unixtime",
    "make_date",
    "now",
    "to_char",
    "to_date",
    "to_timestamp",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_seconds",
    "to_unixtime",
];

const AGGREGATE: [&str; 19] = [
    "avg",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "first_value",
    "grouping",
    "last_value",
    "max",
    "median",
    "min",
    "stddev",
    "stddev_pop",
    "sum",
];

const MORE_AGGREGATE: [&str; 6] =
    ["var", "var_pop", "regr_slope", "regr_intercept", "regr_r2", "regr_count"];

const WINDOW: [&str; 11] = [
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// Of one row.
pub(crate) fn scalar() -> Vec<Arc<ScalarUDF>> {
    let mut functions = SessionStateDefaults::default_scalar_functions();
    functions.retain(|function| SCALAR.contains(&function.name()));
    functions.push(Arc::new(date_trunc()));
    functions
}

/// Of many rows.
pub(crate) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    let mut functions = SessionStateDefaults::default_aggregate_functions();
    functions.retain(|function| is_aggregate(function.name()));
    functions
}

/// Of a row among others.
pub(crate) fn window() -> Vec<Arc<WindowUDF>> {
    let mut functions = SessionStateDefaults::default_window_functions();
    functions.retain(|function| WINDOW.contains(&function.name()));
    functions
}

pub(super) fn is_scalar(name: &str) -> bool {
    SCALAR.contains(&name) || name == "date_trunc"
}

pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATE.contains(&name) || MORE_AGGREGATE.contains(&name)
}

pub(super) fn is_window(name: &str) -> bool {
    WINDOW.contains(&name) || is_aggregate(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_on_a_list_is_a_function() {
        assert_eq!(scalar().len(), SCALAR.len() + 1);
        assert_eq!(aggregate().len(), AGGREGATE.len() + MORE_AGGREGATE.len());
        assert_eq!(window().len(), WINDOW.len());
    }

    #[test]
    fn none_of_them_reads_files_amplifies_or_introspects() {
        let names: Vec<String> = scalar()
            .iter()
            .flat_map(|function| [function.aliases(), &[function.name().to_owned()]].concat())
            .collect();
        for bad in [
            "repeat",
            "lpad",
            "rpad",
            "range",
            "generate_series",
            "version",
            "input_file_name",
            "arrow_typeof",
            "uuid",
            "random",
            "regexp_replace",
            "array_repeat",
            "pg_sleep",
            "overlay",
        ] {
            assert!(!names.iter().any(|name| name == bad), "{bad}");
        }
        let aggregates = aggregate();
        assert!(!aggregates.iter().any(|function| function.name().ends_with("_agg")));
    }
}
