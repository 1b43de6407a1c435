//! MongoDB: connecting, what its errors mean, transactions, and documents that carry their events.

mod connect;
mod error;
mod ids;
mod transaction;

pub use connect::{Mongo, MongoConfig};
pub use error::{StoreError, is_duplicate_key};
pub use ids::{from_date_time, new_id, object_id, to_date_time, typed_id};
pub use transaction::in_transaction;
