//! MongoDB: connection, collections, batching, transactions, replicas, errors.

pub mod batching;
mod collection;
mod connect;
mod database;
mod error;
mod metrics;
mod optimistic;
pub mod raw;
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
