//! Configuration from environment variables: every variable is read before failing, and all mistakes are reported at once.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The environment, and what was found wrong in it so far.
///
/// Readers give `None` after taking note of a fault, so that a configuration is put together with `?` inside the
/// closure given to [`Environment::finish`], which then reports all faults together.
#[derive(Debug)]
pub struct Environment {
    variables: HashMap<String, String>,
    faults: Vec<String>,
    asked_for: Vec<Variable>,
}

/// A variable that the configuration asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether it must be set.
    pub required: bool,
    /// Whether its value must not be seen.
    pub secret: bool,
    /// What holds where it is not set, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// Every mistake in the environment, a line each.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(Vec<String>);

impl ConfigError {
    /// The mistakes, each naming its variable.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is wrong:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        // Variables that are not Unicode cannot be ours.
        Self::of(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// An environment of these variables.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            faults: Vec::new(),
            asked_for: Vec::new(),
        }
    }

    /// Every variable that was asked for so far, each once, by name.
    #[must_use]
    pub fn variables(&self) -> Vec<Variable> {
        let mut variables = self.asked_for.clone();
        variables.sort_by(|one, other| one.name.cmp(&other.name));
        variables.dedup_by(|again, first| again.name == first.name);
        variables
    }

    fn asked(&mut self, name: &str, required: bool, secret: bool, default: Option<String>) {
        self.asked_for.push(Variable {
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

    /// The variable, which must be set.
    pub fn required<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.asked(name, true, false, None);
        match self.value(name) {
            Some(value) => self.parse(name, &value),
            None => self.fault(name, "must be set"),
        }
    }

    /// The variable, or `default` if it is not set.
    pub fn with_default<T>(&mut self, name: &str, default: T) -> Option<T>
    where
        T: FromStr<Err: fmt::Display> + fmt::Display,
    {
        self.asked(name, false, false, Some(default.to_string()));
        match self.value(name) {
            Some(value) => self.parse(name, &value),
            None => Some(default),
        }
    }

    /// The variable, if it is set; of one that is set wrongly a note is taken.
    pub fn optional<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.asked(name, false, false, None);
        let value = self.value(name)?;
        self.parse(name, &value)
    }

    /// A secret, if it is set.
    pub fn optional_secret(&mut self, name: &str) -> Option<SecretString> {
        self.asked(name, false, true, None);
        self.value(name).map(Into::into)
    }

    /// A secret, which must be set and at least `least` bytes long. Its value appears in no message.
    pub fn secret(&mut self, name: &str, least: usize) -> Option<SecretString> {
        self.asked(name, true, true, None);
        match self.value(name) {
            Some(value) if value.len() >= least => Some(value.into()),
            Some(_) => self.fault(name, format_args!("must be at least {least} bytes long")),
            None => self.fault(name, "must be set"),
        }
    }

    /// Takes note that the variable is wrong.
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

    /// The configuration, or every fault found on the way to it.
    pub fn finish<T>(self, config: Option<T>) -> Result<T, ConfigError> {
        match config {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(ConfigError(self.faults)),
        }
    }
}

/// Where a service listens.
#[derive(Debug, Clone, Copy)]
pub struct ListenConfig {
    /// `BIND_ADDRESS` (default 0.0.0.0) with `PORT` (default 3000): the API.
    pub api: SocketAddr,
    /// `BIND_ADDRESS` with `ADMIN_PORT` (default 9000): health, for the platform only.
    pub admin: SocketAddr,
}

impl ListenConfig {
    /// The variable that sets the API's port, and the port where it is not set.
    pub const API: (&str, u16) = ("PORT", 3000);
    /// The same of the admin port.
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
