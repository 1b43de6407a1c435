//! What a metric is: its name, kind, unit, meaning and labels. Everything that is measured is declared with these types in
//! the [catalogue](super::catalogue), and nothing is measured under a name that is not there.

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many observations were at most each of these bounds, their sum and their number.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The kind as Prometheus calls it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// What its numbers count or measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Number,
    /// Seconds; the name says so.
    Seconds,
    /// Bytes; the name says so.
    Bytes,
    /// Cents of a dollar; the name says so.
    Cents,
}

impl Unit {
    /// The unit in a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Cents => "cents",
        }
    }
}

/// What a label may say. There is no third case: what clients send freely is never a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// One of these; anything else becomes the last of them.
    OneOf(&'static [&'static str]),
    /// One of a few that the program's text or its configuration bounds, as these words say.
    Bounded(&'static str),
}

/// A label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it may say.
    pub values: Values,
}

impl Label {
    /// A label that says one of these.
    #[must_use]
    pub const fn one_of(name: &'static str, values: &'static [&'static str]) -> Self {
        Self {
            name,
            values: Values::OneOf(values),
        }
    }

    /// A label whose values are bounded by what these words say.
    #[must_use]
    pub const fn bounded(name: &'static str, by: &'static str) -> Self {
        Self {
            name,
            values: Values::Bounded(by),
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name, by Prometheus's rules: counters end with `_total`, and the unit is the word before.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it counts or measures.
    pub unit: Unit,
    /// What it means, in a sentence.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [Label],
    /// Labels that always say the same.
    pub fixed: &'static [(&'static str, &'static str)],
}

macro_rules! typed {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name<const N: usize>(pub(super) Metric);

        impl<const N: usize> $name<N> {
            /// The same in another unit than numbers.
            #[must_use]
            pub const fn unit(mut self, unit: Unit) -> Self {
                self.0.unit = unit;
                self
            }

            /// The same with these labels, which always say the same.
            #[must_use]
            pub const fn fixed(mut self, labels: &'static [(&'static str, &'static str)]) -> Self {
                self.0.fixed = labels;
                self
            }

            /// The metric without the number of its labels.
            #[must_use]
            pub const fn definition(&self) -> &Metric {
                &self.0
            }
        }
    };
}

typed! {
    /// A counter with so many labels.
    CounterOf
}
typed! {
    /// A gauge with so many labels.
    GaugeOf
}
typed! {
    /// A histogram with so many labels.
    HistogramOf
}

impl<const N: usize> CounterOf<N> {
    /// A counter of things.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str, labels: &'static [Label; N]) -> Self {
        Self(definition(name, Kind::Counter, help, labels))
    }
}

impl<const N: usize> GaugeOf<N> {
    /// A gauge of things.
    #[must_use]
    pub const fn new(name: &'static str, help: &'static str, labels: &'static [Label; N]) -> Self {
        Self(definition(name, Kind::Gauge, help, labels))
    }
}

impl<const N: usize> HistogramOf<N> {
    /// A histogram of seconds with these bounds.
    #[must_use]
    pub const fn seconds(
        name: &'static str,
        help: &'static str,
        labels: &'static [Label; N],
        bounds: &'static [f64],
    ) -> Self {
        Self(definition(name, Kind::Histogram(bounds), help, labels)).unit(Unit::Seconds)
    }
}

const fn definition(
    name: &'static str,
    kind: Kind,
    help: &'static str,
    labels: &'static [Label],
) -> Metric {
    Metric {
        name,
        kind,
        unit: Unit::Number,
        help,
        labels,
        fixed: &[],
    }
}
