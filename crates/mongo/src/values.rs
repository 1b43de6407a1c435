//! Domain values as BSON has them.

use bson::DateTime;
use bson::oid::ObjectId;
use common::{Id, Timestamp};

/// A fresh id; later ids sort after earlier ones, to the second.
#[must_use]
pub fn new_id<K>() -> Id<K> {
    typed_id(ObjectId::new())
}

/// The id as BSON has it.
#[must_use]
pub fn object_id<K>(id: Id<K>) -> ObjectId {
    ObjectId::from_bytes(id.bytes())
}

/// The id from BSON.
#[must_use]
pub fn typed_id<K>(id: ObjectId) -> Id<K> {
    Id::from_bytes(id.bytes())
}

/// The moment as BSON has it.
#[must_use]
pub fn to_date_time(moment: Timestamp) -> DateTime {
    DateTime::from_millis(moment.milliseconds())
}

/// The moment from BSON.
#[must_use]
pub fn from_date_time(moment: DateTime) -> Timestamp {
    Timestamp::from_milliseconds(moment.timestamp_millis())
}

/// The version as BSON has it, whose integers have a sign.
#[must_use]
pub fn stored_version(version: u64) -> i64 {
    i64::try_from(version).expect("nothing changes 2^63 times")
}
