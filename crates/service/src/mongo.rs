//! MongoDB: connecting, what its errors mean, transactions, and documents that carry their events.

mod connect;
mod error;
mod replica;
mod transaction;
mod values;

pub use connect::{Mongo, MongoConfig};
pub use error::{StoreError, is_duplicate_key};
pub use replica::apply_if_newer;
pub use transaction::in_transaction;
pub use values::{from_date_time, new_id, object_id, stored_version, to_date_time, typed_id};
