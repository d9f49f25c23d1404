//! How far a question is, for who listens.

use tokio::sync::mpsc;

/// Tells of each stage that a question reaches.
#[derive(Debug)]
pub struct Stages(pub mpsc::Sender<&'static str>);

impl Stages {
    /// This one is reached. Who listens too slowly does not slow the question, and misses it.
    pub fn reached(&self, stage: &'static str) {
        let _ = self.0.try_send(stage);
    }
}
