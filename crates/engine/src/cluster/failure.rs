//! What a query failed of, from the only thing that a scheduler says of it: a text, which writes errors
//! as Rust's `Debug` does.

use std::io;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::client::Failure;
use crate::EngineError;

type Told = fn(String) -> ArrowError;

/// What the query itself does wrong, in the words after these.
const ITS_OWN: [(&str, Told); 5] = [
    ("ArithmeticOverflow(\"", ArrowError::ArithmeticOverflow),
    ("CastError(\"", ArrowError::CastError),
    ("ComputeError(\"", ArrowError::ComputeError),
    ("ParseError(\"", ArrowError::ParseError),
    ("InvalidArgumentError(\"", ArrowError::InvalidArgumentError),
];
/// What a scheduler calls the failure of a task that no other executor would do better.
const OF_A_TASK: &str = "runtime execution error";

/// What a scheduler says of a query that is called off, and of one that no executor is left for. Any other
/// failure that is no task's own is of what was lost with an executor.
const IN_VAIN: [&str; 2] = ["Cancelled", "no executors remain"];

/// The failure as it would have been here; one of the cluster where executors or their work were lost.
pub(super) fn of(text: &str) -> Failure {
    if text.contains("ResourcesExhausted(") || text.contains("max_temp_directory_size") {
        return DataFusionError::ResourcesExhausted(text.to_owned()).into();
    }
    if text.contains("ObjectStore(") {
        let source = Box::new(io::Error::other(text.to_owned()));
        let error = if text.contains("NotFound {") {
            object_store::Error::NotFound { path: String::new(), source }
        } else {
            object_store::Error::Generic { store: "an executor's", source }
        };
        return DataFusionError::ObjectStore(Box::new(error)).into();
    }
    if text.contains("DivideByZero") {
        return DataFusionError::from(ArrowError::DivideByZero).into();
    }
    if let Some(error) = ITS_OWN.iter().find_map(|(kind, error)| quoted(text, kind).map(error)) {
        return DataFusionError::from(error).into();
    }
    if let Some(words) = quoted(text, "Execution(\"") {
        return DataFusionError::Execution(words).into();
    }
    let detail = text.to_owned();
    if text.contains(OF_A_TASK) {
        return EngineError::Failed { detail }.into();
    }
    let again = !IN_VAIN.iter().any(|words| text.contains(words));
    Failure { why: EngineError::Cluster { detail }.into(), again }
}

/// The string after `kind`, without its escapes.
fn quoted(text: &str, kind: &str) -> Option<String> {
    let (_, rest) = text.split_once(kind)?;
    let mut words = String::new();
    let mut characters = rest.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Some(words),
            '\\' => match characters.next()? {
                'n' => words.push('\n'),
                other => words.push(other),
            },
            other => words.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Author;

    fn told(text: &str) -> EngineError {
        let task = format!(
            "Job failed due to stage 1 failed: Task failed due to runtime execution error: {text}\n"
        );
        let failure = of(&task);
        assert!(!failure.again, "it would fail again: {text}");
        failure.why.of(Author::Person)
    }

    #[test]
    fn failures_are_told_as_those_of_a_worker() {
        let error = told("DataFusionError(ArrowError(DivideByZero, None))");
        assert!(
            matches!(&error, EngineError::Invalid { detail } if detail.contains("Divide by zero"))
        );
        let error =
            told(r#"ArrowError(CastError("Cannot cast string 'a \"b\"' to value of Int64 type"))"#);
        let EngineError::Invalid { detail } = &error else { panic!("{error:?}") };
        assert!(detail.contains(r#"Cannot cast string 'a "b"' to value"#), "{detail}");
        let error = told(r#"DataFusionError(ResourcesExhausted("Failed to allocate 3 MB"))"#);
        assert!(matches!(error, EngineError::TooLarge { .. }));
        let gone = r#"DataFusionError(ObjectStore(NotFound { path: "companies/x", source: y }))"#;
        assert!(matches!(told(gone), EngineError::Missing));
        let away = r#"DataFusionError(ObjectStore(Generic { store: "S3", source: y }))"#;
        assert!(matches!(told(away), EngineError::Storage { .. }));
        assert!(matches!(told("Internal(\"a fault\")"), EngineError::Failed { .. }));
        for (text, again) in [
            ("Stage 2 has failed 4 times, most recent failure reason: FetchPartitionError", true),
            ("all executors were lost …; no executors remain to run the tasks for this job", false),
            ("Cancelled", false),
        ] {
            let failure = of(text);
            assert_eq!(failure.again, again, "{text}");
            let error = failure.why.of(Author::Person);
            assert!(matches!(error, EngineError::Cluster { .. }), "{text}");
        }
    }
}
