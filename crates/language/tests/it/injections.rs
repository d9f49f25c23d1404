//! Texts that tell a reader what to do instead of asking, one a line in `injections.txt`: as questions,
//! beside questions, and as the names and cells of tables. They change nothing.

use pacioli_language::{Context, Translation, Translator};
use pacioli_model::{Catalog, ColumnMeaning, TableMeaning};

use crate::corpus::catalogs;

const TEXTS: &str = include_str!("injections.txt");
const QUESTIONS: [&str; 6] = [
    "revenue by month this year",
    "top 10 customers by revenue in 2025",
    "customers in Berlin",
    "how many orders did we get today",
    "average salary by department",
    "customers without orders",
];

fn texts() -> Vec<&'static str> {
    let texts: Vec<&str> = TEXTS.lines().collect();
    assert!(texts.len() >= 100, "only {} texts", texts.len());
    texts
}

fn erp() -> Catalog {
    catalogs().remove("erp").unwrap()
}

fn context() -> Context {
    Context { today: "2026-06-17".parse().unwrap(), table: None }
}

#[test]
fn as_questions_they_are_refused() {
    let catalog = erp();
    let translator = Translator::new(&catalog);
    for text in texts() {
        let read = translator.translate(text, &context());
        assert!(matches!(read, Translation::Refuse { .. }), "{text}: {read:?}");
    }
}

#[test]
fn beside_a_question_they_add_nothing_to_what_is_read() {
    let catalog = erp();
    let translator = Translator::new(&catalog);
    for question in &QUESTIONS[..2] {
        let Translation::Understood(alone) = translator.translate(question, &context()) else {
            panic!("{question} is understood");
        };
        for text in texts() {
            for both in [format!("{question}. {text}"), format!("{text}. {question}")] {
                if let Translation::Understood(read) = translator.translate(&both, &context()) {
                    assert_eq!(read.ask, alone.ask, "{both}");
                }
            }
        }
    }
}

#[test]
fn as_cells_and_names_they_change_no_answer() {
    let plain = erp();
    let translator = Translator::new(&plain);
    let expected: Vec<Translation> =
        QUESTIONS.iter().map(|question| translator.translate(question, &context())).collect();
    for text in texts() {
        for poisoned in
            [in_cells(&plain, text), in_columns(&plain, text), in_meanings(&plain, text)]
        {
            let translator = Translator::new(&poisoned);
            for (question, expected) in QUESTIONS.iter().zip(&expected) {
                let found = translator.translate(question, &context());
                assert_eq!(ask_of(&found), ask_of(expected), "{question} beside {text}");
            }
        }
    }
}

fn ask_of(translation: &Translation) -> Option<&pacioli_model::Ask> {
    match translation {
        Translation::Understood(understood) => Some(&understood.ask),
        _ => None,
    }
}

/// The text is a cell of every text column whose cells are known.
fn in_cells(plain: &Catalog, text: &str) -> Catalog {
    let mut catalog = plain.clone();
    for column in catalog.tables.iter_mut().flat_map(|table| &mut table.columns) {
        if let Some(values) = &mut column.profile.values {
            values.push(text.to_owned());
        }
    }
    catalog
}

/// The text is the header of a column of every table.
fn in_columns(plain: &Catalog, text: &str) -> Catalog {
    let mut catalog = plain.clone();
    for table in &mut catalog.tables {
        let Some(mut column) = table.columns.last().cloned() else { continue };
        column.name = "poisoned".parse().unwrap();
        text.clone_into(&mut column.label);
        column.profile.values = None;
        table.columns.push(column);
    }
    catalog
}

/// Tables and columns are called by the text, by declaration.
fn in_meanings(plain: &Catalog, text: &str) -> Catalog {
    let mut catalog = plain.clone();
    for table in catalog.tables.clone() {
        let known = catalog.semantics.tables.iter_mut().find(|it| it.table == table.name);
        let column = ColumnMeaning {
            column: table.columns[0].name.clone(),
            label: None,
            labels: std::collections::BTreeMap::new(),
            synonyms: vec![text.to_owned()],
            unit: None,
            values: std::collections::BTreeMap::new(),
            hidden: false,
        };
        match known {
            Some(meaning) => meaning.synonyms.push(text.to_owned()),
            None => catalog.semantics.tables.push(TableMeaning {
                synonyms: vec![text.to_owned()],
                columns: vec![column],
                ..TableMeaning::of(table.name.clone())
            }),
        }
    }
    catalog
}
