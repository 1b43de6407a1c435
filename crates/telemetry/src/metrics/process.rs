//! Metrics of the process, read from `/proc` at each scrape. There are none on systems other than Linux.

use procfs::WithCurrentSystemInfo;
use procfs::process::{LimitValue, Process};

use super::catalogue::{
    PROCESS_CPU, PROCESS_MAX_FDS, PROCESS_MEMORY, PROCESS_OPEN_FDS, PROCESS_START, PROCESS_THREADS,
    PROCESS_VIRTUAL_MEMORY,
};
use super::instrument::{Counter, Gauge};
use super::registry::Metrics;

struct Instruments {
    cpu: Counter,
    memory: Gauge,
    virtual_memory: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    threads: Gauge,
    start: Gauge,
}

pub(super) fn measure(metrics: &Metrics) {
    let instruments = Instruments {
        cpu: metrics.counter(&PROCESS_CPU),
        memory: metrics.gauge(&PROCESS_MEMORY),
        virtual_memory: metrics.gauge(&PROCESS_VIRTUAL_MEMORY),
        open_fds: metrics.gauge(&PROCESS_OPEN_FDS),
        max_fds: metrics.gauge(&PROCESS_MAX_FDS),
        threads: metrics.gauge(&PROCESS_THREADS),
        start: metrics.gauge(&PROCESS_START),
    };
    metrics.on_scrape(move || {
        if let Err(error) = instruments.update() {
            tracing::debug!(%error, "process metrics not read");
        }
    });
}

impl Instruments {
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus stores floats, exact up to 2^53"
    )]
    fn update(&self) -> Result<(), procfs::ProcError> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second() as f64;
        self.cpu
            .advance_to((stat.utime + stat.stime) as f64 / ticks);
        self.memory.set(stat.rss_bytes().get() as f64);
        self.virtual_memory.set(stat.vsize as f64);
        self.threads.set(stat.num_threads as f64);
        let since_boot = stat.starttime as f64 / ticks;
        self.start
            .set(procfs::boot_time_secs()? as f64 + since_boot);
        self.open_fds.set_number(process.fd_count()?);
        if let LimitValue::Value(limit) = process.limits()?.max_open_files.soft_limit {
            self.max_fds.set(limit as f64);
        }
        Ok(())
    }
}
