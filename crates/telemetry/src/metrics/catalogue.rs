//! The process itself.

use super::metric::{Label, Unit};
use crate::declare_metrics;

declare_metrics! {
    pub section "Process", "every service";

    BUILD_INFO: GaugeOf<3> = new(
        "ticketing_build_info",
        "1; what runs is in the labels.",
        &[
            Label::bounded("service", "the services"),
            Label::bounded("version", "one a build"),
            Label::bounded("commit", "one a build"),
        ],
    );
    PHASE: GaugeOf<1> = new(
        "ticketing_phase",
        "Where the process is in its life: 1 for that phase, 0 for the others.",
        &[Label::one_of("phase", &["starting", "serving", "draining"])],
    );
    PROCESS_CPU: CounterOf<0> = new(
        "process_cpu_seconds_total",
        "Processor time spent, user's and system's.",
        &[],
    ).unit(Unit::Seconds);
    PROCESS_MEMORY: GaugeOf<0> = new(
        "process_resident_memory_bytes",
        "Memory that is resident.",
        &[],
    ).unit(Unit::Bytes);
    PROCESS_VIRTUAL_MEMORY: GaugeOf<0> = new(
        "process_virtual_memory_bytes",
        "Memory that is mapped.",
        &[],
    ).unit(Unit::Bytes);
    PROCESS_OPEN_FDS: GaugeOf<0> = new(
        "process_open_fds",
        "File descriptors that are open.",
        &[],
    );
    PROCESS_MAX_FDS: GaugeOf<0> = new(
        "process_max_fds",
        "File descriptors that may be open.",
        &[],
    );
    PROCESS_THREADS: GaugeOf<0> = new(
        "process_threads",
        "Threads.",
        &[],
    );
    PROCESS_START: GaugeOf<0> = new(
        "process_start_time_seconds",
        "When the process began, in seconds since 1970.",
        &[],
    ).unit(Unit::Seconds);
    TOKIO_WORKERS: GaugeOf<0> = new(
        "tokio_workers",
        "Threads that run tasks.",
        &[],
    );
    TOKIO_ALIVE_TASKS: GaugeOf<0> = new(
        "tokio_alive_tasks",
        "Tasks that have not ended.",
        &[],
    );
    TOKIO_GLOBAL_QUEUE: GaugeOf<0> = new(
        "tokio_global_queue_depth",
        "Tasks that are ready and belong to no worker yet.",
        &[],
    );
    TOKIO_BUSY: CounterOf<0> = new(
        "tokio_workers_busy_seconds_total",
        "Time that workers were busy; its rate over `tokio_workers` is the busy ratio.",
        &[],
    ).unit(Unit::Seconds);
}
