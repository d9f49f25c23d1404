//! `pacioli-training examples` writes what to learn from, `pacioli-training train` learns it.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use candle_core::Device;
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use pacioli_llm::Target;
use pacioli_model::Catalog;
use pacioli_training::{
    examples::{Checker, Count, Example, Gold, converted, of_companies},
    train::{Options, train},
};
use serde::de::DeserializeOwned;

type Failure = Box<dyn Error>;

/// Makes an adapter for a local model of language: see README.md.
#[derive(Parser)]
#[command(name = "pacioli-training", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write examples, one JSON object a line: prefix, question, answer
    Examples(ExampleArgs),
    /// Train an adapter
    Train(Box<TrainArgs>),
}

#[derive(Args)]
struct ExampleArgs {
    /// Where to write them
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Made-up companies
    #[arg(long, default_value_t = 400)]
    companies: u64,
    /// Questions to each of them
    #[arg(long, default_value_t = 25)]
    each: usize,
    /// The same seed gives the same examples
    #[arg(long, default_value_t = 1494)]
    seed: u64,
    /// Questions of a public set's training part, and the folder of its databases' catalogs, as
    /// `pacioli catalogs` writes them
    #[arg(long, value_names = ["QUESTIONS", "CATALOGS"], num_args = 2, action = clap::ArgAction::Append)]
    public: Vec<PathBuf>,
}

#[derive(Args)]
struct TrainArgs {
    /// The model, a GGUF file of a Qwen2 or Qwen2.5 model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// What to learn from; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    examples: Vec<PathBuf>,
    /// Where the adapter, the log and the state go; a training that was cut off goes on from there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[arg(long, value_enum, default_value_t = Place::Cpu)]
    device: Place,
    #[arg(long, default_value_t = Options::default().rank)]
    rank: usize,
    /// [default: twice the rank]
    #[arg(long)]
    alpha: Option<f64>,
    /// Matrices that get a pair: attn_q, attn_k, attn_v, attn_output, ffn_gate, ffn_up, ffn_down
    #[arg(long, value_delimiter = ',', value_parser = target, default_value = "attn_q,attn_k,attn_v,attn_output,ffn_gate,ffn_up,ffn_down")]
    targets: Vec<Target>,
    /// The highest rate of learning
    #[arg(long, default_value_t = Options::default().rate)]
    rate: f64,
    /// Steps until it is reached
    #[arg(long, default_value_t = Options::default().warm_up)]
    warm_up: u32,
    #[arg(long, default_value_t = Options::default().decay)]
    decay: f64,
    /// The greatest length of a gradient
    #[arg(long, default_value_t = Options::default().clip)]
    clip: f64,
    /// Steps at most
    #[arg(long, default_value_t = Options::default().steps)]
    steps: u32,
    /// Minutes at most, without reading the weights and the loss before and after
    #[arg(long)]
    minutes: Option<f64>,
    /// Tokens of a batch
    #[arg(long, default_value_t = Options::default().batch_tokens)]
    batch_tokens: usize,
    /// Batches of a step
    #[arg(long, default_value_t = Options::default().accumulate)]
    accumulate: usize,
    /// Tokens of the longest example that is taken
    #[arg(long, default_value_t = Options::default().longest)]
    longest: usize,
    /// Examples whose loss is told before and after, and that are not learnt from
    #[arg(long, default_value_t = Options::default().held_out)]
    held_out: usize,
    #[arg(long, default_value_t = Options::default().seed)]
    seed: u64,
    /// Steps between savings of the state
    #[arg(long, default_value_t = Options::default().save_every)]
    save_every: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Place {
    Cpu,
    Cuda,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Examples(arguments) => arguments.run(),
        Command::Train(arguments) => arguments.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "pacioli-training: {error}");
            ExitCode::FAILURE
        }
    }
}

fn target(name: &str) -> Result<Target, String> {
    Target::parse(name).ok_or_else(|| format!("no matrix is called {name}"))
}

impl TrainArgs {
    fn run(self) -> Result<(), Failure> {
        if self.rank == 0 {
            return Err("--rank is at least 1".into());
        }
        let device = match self.device {
            Place::Cpu => Device::Cpu,
            Place::Cuda => Device::new_cuda(0)?,
        };
        #[expect(clippy::cast_precision_loss, reason = "a rank is a small number")]
        let alpha = self.alpha.unwrap_or(2.0 * self.rank as f64);
        let options = Options {
            rank: self.rank,
            alpha,
            targets: self.targets,
            rate: self.rate,
            warm_up: self.warm_up,
            decay: self.decay,
            clip: self.clip,
            steps: self.steps,
            minutes: self.minutes,
            batch_tokens: self.batch_tokens,
            accumulate: self.accumulate,
            longest: self.longest,
            held_out: self.held_out,
            seed: self.seed,
            save_every: self.save_every,
        };
        let mut examples: Vec<Example> = Vec::new();
        for path in &self.examples {
            examples.extend(lines(path)?);
        }
        let report = train(&self.model, &examples, &self.out, &options, &device)?;
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        Ok(())
    }
}

impl ExampleArgs {
    fn run(self) -> Result<(), Failure> {
        let mut out = BufWriter::new(File::create(&self.out)?);
        let mut checker = Checker::new()?;
        let mut write = |example: &Example| -> Result<(), Failure> {
            Ok(writeln!(out, "{}", serde_json::to_string(example)?)?)
        };
        let take = |example: Example| write(&example).map_err(|error| error.to_string());
        let made = of_companies(self.seed, self.companies, self.each, &mut checker, take)?;
        tell("made-up companies", &made)?;
        for pair in self.public.chunks(2) {
            let [questions, catalogs] = pair else { return Err("--public takes two paths".into()) };
            tell(
                &questions.display().to_string(),
                &public(questions, catalogs, &mut checker, &mut write)?,
            )?;
        }
        Ok(out.flush()?)
    }
}

/// The day that public questions are asked on.
const TODAY: NaiveDate = match NaiveDate::from_ymd_opt(2025, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

fn public(
    questions: &Path,
    catalogs: &Path,
    checker: &mut Checker,
    write: &mut impl FnMut(&Example) -> Result<(), Failure>,
) -> Result<Count, Failure> {
    // Other parts are for scoring, and never learnt from.
    let name = questions.file_name().unwrap_or_default().to_string_lossy();
    if !name.starts_with("train") {
        return Err(format!("{name} is not called as a training part is: train….jsonl").into());
    }
    let set = questions.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let (mut count, mut known) = (Count::default(), HashMap::new());
    for gold in lines::<Gold>(questions)? {
        if gold.split.as_ref().is_some_and(|split| !split.starts_with("train")) {
            count.leave_out(&"it is of another part");
            continue;
        }
        let path = catalogs.join(format!("{}.json", gold.db_id));
        if !known.contains_key(&gold.db_id) {
            let catalog: Option<Catalog> = match fs::read(&path) {
                Ok(bytes) => Some(serde_json::from_slice(&bytes)?),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(format!("{}: {error}", path.display()).into()),
            };
            known.insert(gold.db_id.clone(), catalog);
        }
        let Some(Some(catalog)) = known.get(&gold.db_id) else {
            count.leave_out(&"its database has no catalog");
            continue;
        };
        let answer = match converted(&gold.query, catalog) {
            Ok(answer) => answer,
            Err(reason) => {
                count.leave_out(&reason);
                continue;
            }
        };
        let wordings: HashSet<&String> =
            [&gold.question].into_iter().chain(&gold.syn_question).collect();
        let mut wordings: Vec<&String> = wordings.into_iter().collect();
        wordings.sort();
        for words in wordings {
            let source = format!("{set}/{}", gold.db_id);
            match checker.example(source, words, &answer, catalog, TODAY) {
                Ok((example, _)) => {
                    write(&example)?;
                    count.made += 1;
                }
                Err(reason) => count.leave_out(&reason),
            }
        }
    }
    Ok(count)
}

fn tell(what: &str, count: &Count) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{what}: {} examples", count.made)?;
    for (reason, number) in &count.left_out {
        writeln!(out, "{number:>7} left out: {reason}")?;
    }
    Ok(())
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failure> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut items = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let at = |error| format!("{}, line {}: {error}", path.display(), number + 1);
        items.push(serde_json::from_str(&line?).map_err(at)?);
    }
    Ok(items)
}
