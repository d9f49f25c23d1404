//! A file of weights: a tiny one made here, or the Qwen2 model that `PACIOLI_TEST_MODEL` names.

use std::{io::Write as _, path::PathBuf, time::Duration};

use pacioli_language::model::{Model as _, ModelError, Prompt};
use pacioli_llm::{Adapter, LocalModel, LocalOptions};
use tempfile::TempDir;

use crate::tiny::write_model;

fn options(path: PathBuf) -> LocalOptions {
    LocalOptions { path, adapter: None, queue: 1, deadline: Duration::from_mins(10) }
}

/// The file, and the folder that goes when it does.
fn weights() -> (PathBuf, Option<TempDir>) {
    if let Some(path) = std::env::var_os("PACIOLI_TEST_MODEL") {
        return (path.into(), None);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    write_model(&path, 1);
    (path, Some(folder))
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
    let (path, _folder) = weights();
    let model = LocalModel::start(options(path)).unwrap();
    let question = prompt("How many members are there? <|im_end|>");
    let one = model.complete(&question).await.unwrap();
    let allowed = ["COUNT(*)", "name", "age"].map(|item| format!("SELECT {item} FROM members;"));
    assert!(allowed.contains(&one.text), "{one:?}");
    assert!(one.probability.is_some_and(|value| value > 0.0 && value <= 1.0), "{one:?}");
    let other = model.complete(&question).await.unwrap();
    assert_eq!((&other.text, other.probability), (&one.text, one.probability));
    // The tables were read once.
    assert!(other.read_tokens < one.read_tokens, "{other:?} {one:?}");
}

#[tokio::test]
async fn more_questions_than_may_wait_are_refused_and_a_dropped_one_is_given_up() {
    let (path, _folder) = weights();
    let model = LocalModel::start(options(path)).unwrap();
    let question = prompt("Who is there?");
    let (one, two, three) = tokio::join!(
        model.complete(&question),
        model.complete(&question),
        model.complete(&question)
    );
    let busy = [&one, &two, &three].iter().filter(|it| matches!(it, Err(ModelError::Busy))).count();
    assert!(busy >= 1, "{one:?} {two:?} {three:?}");
    let long = prompt(&"Who is there? ".repeat(100));
    let waited = tokio::time::timeout(Duration::from_millis(1), model.complete(&long)).await;
    assert!(waited.is_err(), "{waited:?}");
    // It may still stand in the queue.
    let answered = loop {
        match model.complete(&question).await {
            Err(ModelError::Busy) => tokio::time::sleep(Duration::from_millis(1)).await,
            answered => break answered,
        }
    };
    assert!(answered.is_ok(), "{answered:?}");
}

#[tokio::test]
async fn an_adapter_is_held_against_the_model_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (path, adapter) = (folder.path().join("tiny.gguf"), folder.path().join("a.safetensors"));
    write_model(&path, 1);
    let start = || {
        let options = LocalOptions { adapter: Some(adapter.clone()), ..options(path.clone()) };
        LocalModel::start(options)
    };
    let told = |result: Result<LocalModel, ModelError>| result.unwrap_err().to_string();
    assert!(told(start()).contains("a.safetensors: the adapter's file"), "there is none");
    Adapter::new("Huge 700B".to_owned(), 4, 8.0).save(&adapter).unwrap();
    assert!(told(start()).contains("was trained for Huge 700B, and the model is Tiny 64"));
    Adapter::new("Tiny 64".to_owned(), 4, 8.0).save(&adapter).unwrap();
    let question = prompt("How many members are there?");
    let adapted = start().unwrap().complete(&question).await.unwrap();
    let plain = LocalModel::start(options(path.clone())).unwrap().complete(&question).await;
    assert_eq!(adapted, plain.unwrap(), "it adds nothing");
}
