//! Conversions between domain values and BSON.

use bson::DateTime;
use bson::oid::ObjectId;
use common::{Id, Timestamp};

/// A new id. Ids sort by time of creation, to the second.
#[must_use]
pub fn new_id<K>() -> Id<K> {
    typed_id(ObjectId::new())
}

/// Converts the id to BSON.
#[must_use]
pub fn object_id<K>(id: Id<K>) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

/// Converts the id from BSON.
#[must_use]
pub fn typed_id<K>(id: ObjectId) -> Id<K> {
    Id::from_bytes(id.bytes())
}

/// Converts the timestamp to BSON.
#[must_use]
pub fn to_date_time(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.milliseconds())
}

/// Converts the timestamp from BSON.
#[must_use]
pub fn from_date_time(time: DateTime) -> Timestamp {
    Timestamp::from_milliseconds(time.timestamp_millis())
}

/// Converts the version to BSON, which has only signed integers.
#[must_use]
pub fn stored_version(version: u64) -> i64 {
    i64::try_from(version).expect("no entity changes 2^63 times")
}
