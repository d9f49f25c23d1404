use clap::Args;

use super::{CommandResult, Settings, print};
use crate::{
    clock::{Clock, Random},
    compose::{claim_folder, compose, own_program, tend},
    config::Config,
    serve::{Listeners, serve, stop_on_signal},
    telemetry::{init_logging, install_panic_hook},
};

/// Run the server
#[derive(Args)]
pub struct Serve {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Serve {
    pub fn run(self, settings: &Settings) -> CommandResult {
        let mut sources = settings.sources();
        sources.listen = self.listen;
        let config = Config::load(&sources)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let traces = {
            let _within = runtime.enter();
            init_logging(&config.log, &config.telemetry, Clock::System)
        };
        let served = runtime.block_on(run(config));
        traces.stop();
        served
    }
}

async fn run(config: Config) -> CommandResult {
    let lock = claim_folder(&config)?;
    let app = compose(config, Clock::System, Random, own_program()?).await?;
    let listeners = Listeners::bind(&app).await?;
    stop_on_signal(&app)?;
    install_panic_hook(app.metrics.clone());
    tend(&app);
    // The one line that programs wait for; everything after it is the log.
    print(&format!("pacioli is ready at http://{}", listeners.address()?))?;
    let metrics = listeners.metrics_address().map(|address| address.to_string());
    tracing::info!(
        event = "server.started",
        store = app.store.kind(),
        cache = app.cache.kind().as_str(),
        metrics,
        version = env!("CARGO_PKG_VERSION"),
        "pacioli {} started",
        env!("CARGO_PKG_VERSION")
    );
    serve(&app, listeners).await;
    tracing::info!(event = "server.stopped", "stopped");
    drop(lock);
    Ok(())
}
