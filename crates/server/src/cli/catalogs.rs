use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use clap::Args;
use serde::Deserialize;

use super::{CommandResult, block_on, eval};

/// Write what is known of databases' tables, to make examples for a model from
#[derive(Args)]
pub struct Catalogs {
    /// Where the databases are, as for `eval`
    #[arg(long, value_name = "DIR", required = true)]
    databases: Vec<PathBuf>,
    /// Questions, one JSON object a line, that say by `db_id` which databases are meant
    #[arg(long, value_name = "FILE")]
    questions: PathBuf,
    /// Where to write a NAME.json for each of them
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Deserialize)]
struct Question {
    db_id: String,
}

impl Catalogs {
    pub fn run(self) -> CommandResult {
        block_on(self.write())?
    }

    async fn write(self) -> CommandResult {
        fs::create_dir_all(&self.out)?;
        let questions: Vec<Question> = eval::lines(&self.questions)?;
        let names: BTreeSet<String> = questions.into_iter().map(|one| one.db_id).collect();
        for name in names {
            let path = self.out.join(format!("{name}.json"));
            // A database that is not there, or cannot be loaded, has no examples: the others do.
            match eval::open(&self.databases, &name).await {
                Ok(books) => fs::write(path, serde_json::to_vec(&books.catalog)?)?,
                Err(error) => writeln!(io::stderr(), "{name}: {error}")?,
            }
        }
        Ok(())
    }
}
