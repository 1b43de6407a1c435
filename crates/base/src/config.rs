//! Configuration from environment variables. All variables are read before failing, and all faults are reported at
//! once.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The environment variables and the faults found in them so far.
///
/// Readers return `None` after recording a fault. Read all variables first, combine them with `?`, and pass the result
/// to [`Environment::finish`], which returns all faults.
#[derive(Debug)]
pub struct Environment {
    variables: HashMap<String, String>,
    faults: Vec<String>,
    read: Vec<Variable>,
}

/// A variable that the configuration reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether it must be set.
    pub required: bool,
    /// Whether its value is secret.
    pub secret: bool,
    /// The default value, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// All faults in the environment, one per line.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// The faults, each with the name of its variable.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is invalid:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        // No variable that we read has a name or value that is not Unicode.
        Self::of(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// An environment of these variables.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            faults: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Every variable that was read so far, sorted by name, without duplicates.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let mut variables = self.read.clone();
        variables.sort_by(|one, other| one.name.cmp(&other.name));
        variables.dedup_by(|one, other| one.name == other.name);
        variables
    }

    fn record(&mut self, name: &str, required: bool, secret: bool, default: Option<String>) {
        self.read.push(Variable {
            name: name.to_owned(),
            required,
            secret,
            default: default.filter(|text| !text.is_empty()),
        });
    }

    fn value(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Reads a variable that must be set.
    pub fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.record(name, true, false, None);
        match self.value(name) {
            Some(value) => self.parse(name, &value),
            None => self.fault(name, "must be set"),
        }
    }

    /// Reads a variable; `default` if it is not set.
    pub fn with_default<T>(&mut self, name: &str, default: T) -> Option<T>
    where
        T: FromStr<Err: fmt::Display> + fmt::Display,
    {
        self.record(name, false, false, Some(default.to_string()));
        match self.value(name) {
            Some(value) => self.parse(name, &value),
            None => Some(default),
        }
    }

    /// Reads a variable; `None` if it is not set, or is invalid, which is recorded as a fault.
    pub fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.record(name, false, false, None);
        let value = self.value(name)?;
        self.parse(name, &value)
    }

    /// Reads a secret; `None` if it is not set.
    pub fn optional_secret(&mut self, name: &str) -> Option<SecretString> {
        self.record(name, false, true, None);
        self.value(name).map(Into::into)
    }

    /// Reads a secret that must be set and have at least `length` bytes. No message contains its value.
    pub fn secret(&mut self, name: &str, length: usize) -> Option<SecretString> {
        self.record(name, true, true, None);
        match self.value(name) {
            Some(value) if value.len() >= length => Some(value.into()),
            Some(_) => self.fault(name, format_args!("must be at least {length} bytes long")),
            None => self.fault(name, "must be set"),
        }
    }

    /// Records a fault of the variable and returns `None`.
    pub fn fault<T>(&mut self, name: &str, problem: impl fmt::Display) -> Option<T> {
        self.faults.push(format!("{name}: {problem}"));
        None
    }

    fn parse<T>(&mut self, name: &str, value: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        match value.parse() {
            Ok(value) => Some(value),
            Err(error) => self.fault(name, error),
        }
    }

    /// The configuration, or all faults.
    pub fn finish<T>(self, config: Option<T>) -> Result<T, ConfigError> {
        match config {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(ConfigError(self.faults)),
        }
    }
}

/// The addresses on which a service listens.
#[derive(Debug, Clone, Copy)]
pub struct ListenConfig {
    /// `BIND_ADDRESS` (default 0.0.0.0) with `PORT` (default 3000): the API.
    pub api: SocketAddr,
    /// `BIND_ADDRESS` with `ADMIN_PORT` (default 9000): the admin port, for the platform only.
    pub admin: SocketAddr,
}

impl ListenConfig {
    /// The variable of the API's port, and its default.
    pub const API: (&str, u16) = ("PORT", 3000);
    /// The variable of the admin port, and its default.
    pub const ADMIN: (&str, u16) = ("ADMIN_PORT", 9000);

    /// Reads `BIND_ADDRESS`, `PORT` and `ADMIN_PORT`.
    pub fn read(environment: &mut Environment) -> Option<Self> {
        let address = environment.with_default("BIND_ADDRESS", IpAddr::from([0, 0, 0, 0]));
        let api = environment.with_default(Self::API.0, Self::API.1);
        let admin = environment.with_default(Self::ADMIN.0, Self::ADMIN.1);
        let (address, api, admin) = (address?, api?, admin?);
        if api == admin && api != 0 {
            return environment.fault("ADMIN_PORT", "must differ from PORT");
        }
        Some(Self {
            api: (address, api).into(),
            admin: (address, admin).into(),
        })
    }
}
