//! MongoDB: connecting, what is asked of a collection, what its errors mean, transactions, and replicas.

pub mod batching;
mod collection;
mod connect;
mod database;
mod error;
#[cfg(feature = "simulation")]
pub mod memory;
mod metrics;
mod optimistic;
mod replica;
mod requirements;
mod timeouts;
mod trace;
mod transaction;
mod values;

pub use collection::{Collection, Find};
pub use connect::MongoConfig;
pub use database::Database;
pub use error::StoreError;
pub use metrics::catalogue::METRICS;
pub use optimistic::until_written;
pub use replica::apply_if_newer;
pub use transaction::{Session, in_transaction};
pub use values::{from_date_time, new_id, object_id, stored_version, to_date_time, typed_id};
