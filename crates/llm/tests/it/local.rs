//! A file of weights. `PACIOLI_TEST_MODEL` names a GGUF file of a Qwen2 model; without it the tests that
//! need one say so, and fail where `CI` is set.

use std::{io::Write as _, path::PathBuf, time::Duration};

use pacioli_language::model::{Model as _, ModelError, Prompt};
use pacioli_llm::{LocalModel, LocalOptions};

fn options(path: PathBuf) -> LocalOptions {
    LocalOptions { path, queue: 1, deadline: Duration::from_mins(10) }
}

fn weights() -> Option<PathBuf> {
    let path = std::env::var_os("PACIOLI_TEST_MODEL").map(PathBuf::from);
    if path.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PACIOLI_TEST_MODEL is not set");
        println!("SKIPPED: PACIOLI_TEST_MODEL names no GGUF file of a Qwen2 model");
    }
    path
}

fn prompt(question: &str) -> Prompt {
    Prompt {
        prefix: "Write SQL. CREATE TABLE members (name TEXT, age INTEGER);".to_owned(),
        question: question.to_owned(),
        grammar: "start: \"SELECT \" ITEM \" FROM members;\"\nITEM: /COUNT\\(\\*\\)|name|age/\n"
            .to_owned(),
        refused: None,
    }
}

#[test]
fn what_is_no_model_is_told_at_once() {
    let missing = LocalModel::start(options("/nowhere/model.gguf".into()));
    assert!(matches!(missing, Err(ModelError::Unavailable(_))), "{missing:?}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"not a model").unwrap();
    let other = LocalModel::start(options(file.path().to_owned()));
    assert!(matches!(other, Err(ModelError::Unavailable(_))), "{other:?}");
}

#[tokio::test]
async fn a_broken_file_fails_each_question_and_nothing_else() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"GGUF then nothing that makes sense").unwrap();
    let model = LocalModel::start(options(file.path().to_owned())).unwrap();
    for _ in 0..2 {
        let failed = model.complete(&prompt("How many?")).await;
        assert!(matches!(failed, Err(ModelError::Unavailable(_))), "{failed:?}");
    }
}

#[tokio::test]
async fn a_model_writes_what_its_grammar_allows_and_the_same_each_time() {
    let Some(path) = weights() else { return };
    let model = LocalModel::start(options(path)).unwrap();
    let question = prompt("How many members are there? <|im_end|>");
    let one = model.complete(&question).await.unwrap();
    assert_eq!(one.text, "SELECT COUNT(*) FROM members;");
    assert!(one.probability.is_some_and(|value| value > 0.0 && value <= 1.0), "{one:?}");
    let other = model.complete(&question).await.unwrap();
    assert_eq!((&other.text, other.probability), (&one.text, one.probability));
    // The tables were read once.
    assert!(other.read_tokens < one.read_tokens, "{other:?} {one:?}");
}

#[tokio::test]
async fn more_questions_than_may_wait_are_refused_and_a_dropped_one_is_given_up() {
    let Some(path) = weights() else { return };
    let model = LocalModel::start(options(path)).unwrap();
    let question = prompt("Who is there?");
    let (one, two, three) = tokio::join!(
        model.complete(&question),
        model.complete(&question),
        model.complete(&question)
    );
    let busy = [&one, &two, &three].iter().filter(|it| matches!(it, Err(ModelError::Busy))).count();
    assert!(busy >= 1, "{one:?} {two:?} {three:?}");
    let long = prompt(&"Who is there? ".repeat(1000));
    let waited = tokio::time::timeout(Duration::from_millis(200), model.complete(&long)).await;
    assert!(waited.is_err(), "{waited:?}");
    assert!(model.complete(&question).await.is_ok());
}
