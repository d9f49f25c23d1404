use std::{fs::File, path::PathBuf, time::Duration};

use candle_core::{DType, Tensor};
use pacioli_language::model::{Model as _, ModelError, Prompt, prompt};
use pacioli_llm::{LocalModel, LocalOptions};
use tempfile::TempDir;

use super::*;
use crate::examples::{Checker, Company, Drawn, drawn};

#[path = "../../../crates/llm/tests/it/tiny.rs"]
mod tiny;

/// A folder with a tiny model of two layers in it.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        tiny::write_model(&bench.model(), 2);
        bench
    }

    fn model(&self) -> PathBuf {
        self.0.path().join("tiny.gguf")
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn network(&self) -> Network {
        let mut file = File::open(self.model()).unwrap();
        let content = Content::read(&mut file).unwrap();
        Network::read(&content, &mut file, &Device::Cpu).unwrap()
    }

    /// What the server writes for a prompt, with an adapter or without one, and how probable it is.
    async fn writes(
        &self,
        adapter: Option<PathBuf>,
        prompt: &Prompt,
    ) -> Result<(String, f64), ModelError> {
        let deadline = Duration::from_mins(5);
        let options = LocalOptions { path: self.model(), adapter, queue: 1, deadline };
        let completion = LocalModel::start(options)?.complete(prompt).await?;
        Ok((completion.text, completion.probability.unwrap()))
    }
}

/// Pairs whose second halves are not zero, so that all of them have gradients.
fn pairs(network: &Network) -> Pairs {
    let mut pairs = Pairs::new(network, 3, 6.0, &Target::ALL, 5).unwrap();
    let names: Vec<String> = pairs.halves().into_iter().map(|(name, _)| name).collect();
    for (number, name) in names.iter().enumerate().filter(|(_, name)| name.ends_with("up")) {
        let shape = pairs.halves()[number].1.dims().to_vec();
        let places = u32::try_from(shape.iter().product::<usize>()).unwrap();
        let places = Tensor::arange(0, places, &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
        let turn = 0.3 + 0.01 * f64::from(u32::try_from(number).unwrap());
        let numbers = ((places * turn).unwrap().sin().unwrap() * 0.05).unwrap();
        pairs.replace(name, &numbers.reshape(shape).unwrap()).unwrap();
    }
    pairs
}

fn batch() -> Batch {
    let one = Sequence { tokens: vec![9, 40, 77, 12, 200, 31, 5], answer: 4 };
    let other = Sequence { tokens: vec![3, 250, 18, 66], answer: 2 };
    Batch::of(&[&one, &other])
}

#[test]
fn gradients_are_what_small_changes_of_the_numbers_do_to_the_loss() {
    let network = Bench::new().network();
    let (pairs, batch) = (pairs(&network), batch());
    let mut gradients = Gradients::default();
    let weight = 0.5;
    let loss = network.learn(&batch, &pairs, weight, &mut gradients).unwrap();
    assert!((loss - network.loss(&batch, &pairs).unwrap()).abs() < 1e-4, "{loss}");
    let mut looked_at = 0;
    for (name, half) in pairs.halves() {
        let gradient: Vec<f32> =
            gradients.get(&name).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let numbers: Vec<f32> = half.flatten_all().unwrap().to_vec1().unwrap();
        // Where it is steepest, rounding matters least.
        let steepest = (0..gradient.len())
            .max_by(|a, b| gradient[*a].abs().total_cmp(&gradient[*b].abs()))
            .unwrap();
        let loss_at = |change: f32| {
            let mut changed = numbers.clone();
            changed[steepest] += change;
            let mut other = pairs.clone();
            other
                .replace(&name, &Tensor::from_vec(changed, half.dims(), &Device::Cpu).unwrap())
                .unwrap();
            network.loss(&batch, &other).unwrap()
        };
        let step = 4e-3;
        let measured = weight * (loss_at(step) - loss_at(-step)) / (2.0 * f64::from(step));
        let computed = f64::from(gradient[steepest]);
        assert!(
            (measured - computed).abs() < 0.02 * computed.abs() + 2e-3,
            "{name}: {measured} {computed}"
        );
        looked_at += 1;
    }
    assert_eq!(looked_at, 2 * 7 * 2);
}

#[test]
fn padding_and_company_change_no_loss() {
    let network = Bench::new().network();
    let pairs = pairs(&network);
    let one = Sequence { tokens: vec![9, 40, 77, 12, 200, 31, 5], answer: 4 };
    let other = Sequence { tokens: vec![3, 250, 18, 66], answer: 2 };
    let alone = |sequence: &Sequence| network.loss(&Batch::of(&[sequence]), &pairs).unwrap();
    let together = network.loss(&Batch::of(&[&one, &other]), &pairs).unwrap();
    assert!((alone(&one) + alone(&other) - together).abs() < 1e-4);
}

#[tokio::test]
async fn the_server_gives_a_text_the_probability_that_is_trained_for() {
    let bench = Bench::new();
    let network = bench.network();
    let pairs = pairs(&network);
    let adapter = bench.out("a.safetensors");
    pairs.adapter("Tiny 64").unwrap().save(&adapter).unwrap();
    // As the file has them: in 16 bits.
    let mut saved = pairs.clone();
    for (name, half) in pairs.halves() {
        let rounded = half.to_dtype(DType::F16).unwrap().to_dtype(DType::F32).unwrap();
        saved.replace(&name, &rounded).unwrap();
    }
    let example = Example {
        source: String::new(),
        prefix: "Tables.".to_owned(),
        question: "How many?".to_owned(),
        answer: "x".to_owned(),
    };
    let asked = Prompt {
        prefix: example.prefix.clone(),
        question: example.question.clone(),
        grammar: "start: \"x\" | \"y\"\n".to_owned(),
        refused: None,
    };
    let mut file = File::open(bench.model()).unwrap();
    let vocabulary = Vocabulary::read(&Content::read(&mut file).unwrap()).unwrap();
    let sequence = Sequence::of(&example, &vocabulary).unwrap();
    let logits = network.logits(&Batch::of(&[&sequence]), &saved).unwrap();
    let logits: Vec<f32> = logits.flatten_all().unwrap().to_vec1().unwrap();
    let logit = |text| f64::from(logits[vocabulary.encode(text).unwrap()[0] as usize]);
    let (x, y) = (logit("x"), logit("y"));
    let (text, probability) = bench.writes(Some(adapter), &asked).await.unwrap();
    assert_eq!(text, if x > y { "x" } else { "y" });
    let expected = 1.0 / (1.0 + (-(x - y).abs()).exp());
    assert!((probability - expected).abs() < 1e-3, "{probability} {expected}");
}

/// Steps that two lessons take.
const STEPS: u32 = 90;

fn quick(steps: u32) -> Options {
    Options {
        rank: 8,
        alpha: 16.0,
        rate: 2e-2,
        warm_up: 4,
        decay: 0.0,
        steps,
        batch_tokens: 4000,
        accumulate: 1,
        longest: 4000,
        held_out: 0,
        save_every: 4,
        ..Options::default()
    }
}

/// Two questions to a small made-up company, as the server asks them but for the tables' description,
/// which is cut short to be read in little time; and what should be written.
fn lessons() -> (Vec<Prompt>, Vec<Example>) {
    let small = |company: &Company| company.catalog.tables.len() == 2;
    let company = (0..500).map(|number| Company::make(3, number)).find(small).unwrap();
    let mut drawn = drawn(&company, 1, 40);
    drawn.sort_by_key(|one| one.answer.len());
    drawn.truncate(2);
    let mut checker = Checker::new().unwrap();
    let lesson = |one: &Drawn| {
        let (words, catalog) = (&one.words, &company.catalog);
        let made =
            checker.example(String::new(), words, &one.answer, catalog, company.today).unwrap();
        let prefix = made.0.prefix[..24].to_owned();
        let prompt = prompt(words, company.today, catalog);
        (Prompt { prefix: prefix.clone(), ..prompt }, Example { prefix, ..made.0 })
    };
    drawn.iter().map(lesson).unzip()
}

#[tokio::test]
async fn what_was_trained_is_what_the_server_writes() {
    let bench = Bench::new();
    let (prompts, examples) = lessons();
    for (prompt, example) in prompts.iter().zip(&examples) {
        // Nobody trained the model: it may not even come to an end.
        let written = bench.writes(None, prompt).await.map(|(text, _)| text);
        assert_ne!(written.ok().as_ref(), Some(&example.answer));
    }
    let out = bench.out("trained");
    let report = train(&bench.model(), &examples, &out, &quick(STEPS), &Device::Cpu).unwrap();
    assert_eq!((report.steps, report.examples), (STEPS, 2));
    assert!(report.adapter_bytes < 40_000_000);
    let log = fs::read_to_string(out.join("log.jsonl")).unwrap();
    let losses: Vec<f64> = log
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["loss"].as_f64().unwrap()
        })
        .collect();
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    // Weights so small and random cannot be sure of anything, whatever is added to them.
    assert!(last < first / 2.0, "{losses:?}");
    for (prompt, example) in prompts.iter().zip(&examples) {
        let adapter = out.join("adapter.safetensors");
        let (text, probability) = bench.writes(Some(adapter), prompt).await.unwrap();
        assert_eq!(text, example.answer, "{}", prompt.question);
        assert!(probability > 0.5, "{probability}");
    }
}

#[test]
fn a_training_that_was_cut_off_comes_to_the_same_adapter() {
    let bench = Bench::new();
    let (_, examples) = lessons();
    let trained = |name: &str, steps| {
        let options = Options { held_out: 1, ..quick(steps) };
        train(&bench.model(), &examples, &bench.out(name), &options, &Device::Cpu).unwrap()
    };
    let whole = trained("whole", 6);
    assert!(whole.loss_before > 0.0 && whole.examples == 1);
    // The rate falls with the steps that there will be, so the first part is of the same training.
    let cut = Options { held_out: 1, ..quick(6) };
    let out = bench.out("cut");
    let mut interrupted =
        Training::prepare(&bench.model(), &examples, &out, &cut, &Device::Cpu).unwrap();
    interrupted.run(5).unwrap();
    // It was saved after the fourth step; the fifth is lost, and done again.
    assert_eq!(interrupted.state.optimiser.steps, 5);
    let rest = train(&bench.model(), &examples, &out, &cut, &Device::Cpu).unwrap();
    assert_eq!(rest.steps, 6);
    let adapter = |name: &str| fs::read(bench.out(name).join("adapter.safetensors")).unwrap();
    assert!(adapter("whole") == adapter("cut"), "the same bytes");
    let other = Options { rank: 4, ..cut };
    let told = train(&bench.model(), &examples, &out, &other, &Device::Cpu).unwrap_err();
    assert!(told.to_string().contains("state.safetensors: it is of"), "{told}");
    let few = Options { held_out: 2, ..quick(1) };
    let told = train(&bench.model(), &examples, &bench.out("few"), &few, &Device::Cpu);
    assert!(matches!(told, Err(TrainError::Examples(_))), "{told:?}");
}
