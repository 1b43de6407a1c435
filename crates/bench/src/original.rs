//! The figures of the original in Node, for comparison: its author's final code with production settings, on a machine
//! with two processors, with 32 connections and the same database server.

use std::fmt;

use serde::Serialize;

/// The best and the worst measurement.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Range(pub(crate) f64, pub(crate) f64);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(best, worst) = self;
        if (best - worst).abs() < f64::EPSILON {
            write!(f, "{best}")
        } else {
            write!(f, "{best}–{worst}")
        }
    }
}

/// What one request costs the original.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Original {
    /// Microseconds of its services.
    pub(crate) services: Option<Range>,
    /// Microseconds of its services, the database and the broker.
    pub(crate) everything: Option<Range>,
    /// Requests a second.
    pub(crate) rate: Option<Range>,
}

pub(crate) const LIST: Original = Original {
    services: Some(Range(1_100.0, 1_800.0)),
    everything: Some(Range(1_280.0, 2_090.0)),
    rate: Some(Range(816.0, 450.0)),
};

pub(crate) const CURRENT_USER: Original = Original {
    services: Some(Range(320.0, 380.0)),
    everything: None,
    rate: Some(Range(3_255.0, 1_720.0)),
};

pub(crate) const CREATE: Original = Original {
    services: Some(Range(1_400.0, 2_000.0)),
    everything: Some(Range(1_800.0, 3_000.0)),
    rate: Some(Range(922.0, 576.0)),
};

pub(crate) const ORDER: Original = Original {
    services: None,
    everything: Some(Range(11_600.0, 13_700.0)),
    rate: Some(Range(123.0, 97.0)),
};

/// Among 20,000 stored orders. It has no index, so the cost grows with their number.
pub(crate) const ORDER_AMONG_MANY: Original = Original {
    services: None,
    everything: Some(Range(27_000.0, 27_000.0)),
    rate: Some(Range(48.0, 48.0)),
};

/// Among 27,009 tickets, all of which it lists at once.
pub(crate) const LIST_OF_MANY: Original = Original {
    services: None,
    everything: None,
    rate: Some(Range(0.22, 0.22)),
};

pub(crate) const SIGN_UP: Original = Original {
    services: Some(Range(43_000.0, 49_000.0)),
    everything: None,
    rate: None,
};

/// Seconds until one of its services is ready.
pub(crate) const START: Range = Range(0.6, 1.0);

/// The resident sets (`VmRSS`) of its five services in MiB, idle and after load. Its working set was not measured.
pub(crate) const RESIDENT: (f64, f64) = (460.0, 640.0);

/// How often it sold one ticket when fifty shoppers ordered it.
pub(crate) const SOLD: &str = "one ticket sold up to 50 times";
