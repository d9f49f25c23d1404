use std::fs;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

/// What Linux counts in `/proc` per second, on every architecture this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The process's own figures, read from `/proc` when they are asked for; where there is no `/proc`
/// there are none.
#[derive(Debug)]
pub(super) struct Process;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Figures {
    cpu_seconds: f64,
    threads: f64,
    start_seconds: f64,
    resident_bytes: f64,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        if let Some(figures) = figures() {
            let cpu = ConstCounter::new(figures.cpu_seconds);
            let help = "CPU time used, user and system";
            let counter = encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                prometheus_client::metrics::MetricType::Counter,
            )?;
            cpu.encode(counter)?;
            gauge(
                &mut encoder,
                "process_resident_memory_bytes",
                "Memory in RAM",
                figures.resident_bytes,
            )?;
            gauge(&mut encoder, "process_threads", "Threads of the process", figures.threads)?;
            let help = "When the process started, in seconds since 1970";
            gauge(&mut encoder, "process_start_time_seconds", help, figures.start_seconds)?;
        }
        let help = "Memory in RAM of the processes that run queries";
        gauge(&mut encoder, "pacioli_workers_resident_bytes", help, workers_resident_bytes())?;
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            let open = u32::try_from(entries.count()).unwrap_or(u32::MAX);
            gauge(&mut encoder, "process_open_fds", "Open file descriptors", open.into())?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: f64,
) -> Result<(), std::fmt::Error> {
    let gauge = ConstGauge::new(value);
    let kind = prometheus_client::metrics::MetricType::Gauge;
    gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)
}

/// Over all processes that this one started.
fn workers_resident_bytes() -> f64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return 0.0 };
    let children =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let text = children.collect::<Vec<_>>().join(" ");
    let status = |id: &str| fs::read_to_string(format!("/proc/{id}/status")).ok();
    text.split_whitespace().filter_map(|id| labelled(&status(id)?, "VmRSS:")).sum::<f64>() * 1024.0
}

/// The number behind a label, in a text of one label a line.
fn labelled(text: &str, label: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}

fn figures() -> Option<Figures> {
    let read = |path| fs::read_to_string(path).ok();
    parse(&read("/proc/self/stat")?, &read("/proc/self/status")?, &read("/proc/stat")?)
}

/// `stat` as proc_pid_stat(5) numbers it; the name in parentheses may hold spaces and parentheses.
fn parse(stat: &str, status: &str, system: &str) -> Option<Figures> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // `state`, the first after the name, is field 3.
    let field = |number: usize| -> Option<f64> { fields.get(number - 3)?.parse().ok() };
    Some(Figures {
        cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
        threads: field(20)?,
        start_seconds: labelled(system, "btime")? + field(22)? / TICKS_PER_SECOND,
        resident_bytes: labelled(status, "VmRSS:")? * 1024.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_read_by_their_places() {
        let stat = "42 (a) b) c) S 1 42 42 0 -1 4194560 900 0 3 0 250 150 0 0 20 0 7 0 6000 1 2 3";
        let figures = parse(stat, "Name:\tx\nVmRSS:\t  2048 kB\n", "cpu 1\nbtime 1700000000\n");
        assert_eq!(
            figures,
            Some(Figures {
                cpu_seconds: 4.0,
                threads: 7.0,
                start_seconds: 1_700_000_060.0,
                resident_bytes: 2_097_152.0,
            })
        );
        assert_eq!(parse("42 (x) S 1", "", ""), None);
        assert!(super::figures().is_some_and(|figures| figures.resident_bytes > 1e6));
    }
}
