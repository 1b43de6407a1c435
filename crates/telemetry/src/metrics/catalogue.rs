//! The metrics of the process.

use super::metric::{Label, Unit};
use crate::declare_metrics;

declare_metrics! {
    pub section "Process", "every service";

    BUILD_INFO: GaugeOf<3> = new(
        "ticketing_build_info",
        "Always 1; the labels describe the build.",
        &[
            Label::bounded("service", "the services' names"),
            Label::bounded("version", "one for each build"),
            Label::bounded("commit", "one for each build"),
        ],
    );
    PHASE: GaugeOf<1> = new(
        "ticketing_phase",
        "1 for the current phase of the process, 0 for the others.",
        &[Label::one_of("phase", &["starting", "serving", "draining"])],
    );
    PROCESS_CPU: CounterOf<0> = new(
        "process_cpu_seconds_total",
        "CPU time spent in user and system mode.",
        &[],
    ).unit(Unit::Seconds);
    PROCESS_MEMORY: GaugeOf<0> = new(
        "process_resident_memory_bytes",
        "Resident memory.",
        &[],
    ).unit(Unit::Bytes);
    PROCESS_VIRTUAL_MEMORY: GaugeOf<0> = new(
        "process_virtual_memory_bytes",
        "Virtual memory.",
        &[],
    ).unit(Unit::Bytes);
    PROCESS_OPEN_FDS: GaugeOf<0> = new(
        "process_open_fds",
        "Open file descriptors.",
        &[],
    );
    PROCESS_MAX_FDS: GaugeOf<0> = new(
        "process_max_fds",
        "Limit of open file descriptors.",
        &[],
    );
    PROCESS_THREADS: GaugeOf<0> = new(
        "process_threads",
        "Threads of the process.",
        &[],
    );
    PROCESS_START: GaugeOf<0> = new(
        "process_start_time_seconds",
        "Start time of the process, in seconds since 1970.",
        &[],
    ).unit(Unit::Seconds);
    TOKIO_WORKERS: GaugeOf<0> = new(
        "tokio_workers",
        "Worker threads of the runtime.",
        &[],
    );
    TOKIO_ALIVE_TASKS: GaugeOf<0> = new(
        "tokio_alive_tasks",
        "Tasks that have not finished.",
        &[],
    );
    TOKIO_GLOBAL_QUEUE: GaugeOf<0> = new(
        "tokio_global_queue_depth",
        "Tasks in the global queue, not yet taken by a worker.",
        &[],
    );
    TOKIO_BUSY: CounterOf<0> = new(
        "tokio_workers_busy_seconds_total",
        "Time that workers were busy; its rate divided by `tokio_workers` is the busy ratio.",
        &[],
    ).unit(Unit::Seconds);
}
