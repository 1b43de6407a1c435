//! What a server must offer. A service that starts without it would fail later, and less clearly.

use bson::{Document, doc};
use mongodb::Client;
use mongodb::options::UpdateOneModel;

use super::StoreError;
use super::timeouts::within_limit;

/// The oldest version that the fleet runs on.
const OLDEST: i32 = 8;

/// What the server lacks, for the operator; none if it has all.
///
/// The service's user may read and write its own database and nothing else. So the feature compatibility version, which
/// only an administrator may read, is seen from the command that needs it: a `bulkWrite` that changes nothing.
pub(super) async fn missing(
    client: &Client,
    database: &mongodb::Database,
) -> Result<Option<String>, StoreError> {
    let ask = |command: &'static str| {
        let database = database.clone();
        within_limit(async move { database.run_command(doc! { command: 1 }).await })
    };
    if let Some(missing) = lacks(&ask("hello").await?, &ask("buildInfo").await?) {
        return Ok(Some(missing));
    }
    let nothing = UpdateOneModel::builder()
        .namespace(database.collection::<Document>("requirements").namespace())
        .filter(doc! { "_id": "nothing" })
        .update(doc! { "$set": { "is": "changed" } })
        .build();
    let client = client.clone();
    let written = within_limit(async move { client.bulk_write([nothing]).await });
    match written.await {
        Err(error) if error.is_unsupported() => Ok(Some(
            "MongoDB refuses bulkWrite, so its feature compatibility version is below 8.0: an administrator must run \
             db.adminCommand({ setFeatureCompatibilityVersion: \"8.0\", confirm: true })"
                .to_owned(),
        )),
        written => written.map(|_| None),
    }
}

/// What a server lacks that says this of itself.
fn lacks(hello: &Document, build_info: &Document) -> Option<String> {
    let is_router = hello.get_str("msg").ok() == Some("isdbgrid");
    if !is_router && !hello.contains_key("setName") {
        return Some(
            "MongoDB does not run as a replica set, which transactions need: start it with --replSet and run \
             rs.initiate()"
                .to_owned(),
        );
    }
    let version = build_info.get_str("version").unwrap_or("unknown");
    let major = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    (major < Some(OLDEST))
        .then(|| format!("MongoDB {OLDEST} or later is needed, this is version {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standalone_server_lacks_a_replica_set() {
        let (standalone, build_info) = (doc! { "ok": 1.0 }, doc! { "version": "8.0.1" });
        let missing = lacks(&standalone, &build_info).unwrap();
        assert!(missing.contains("rs.initiate()"), "{missing}");
        for sufficient in [doc! { "setName": "rs0" }, doc! { "msg": "isdbgrid" }] {
            assert_eq!(lacks(&sufficient, &build_info), None);
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let set = doc! { "setName": "rs0" };
        for new in ["8.0.0", "8.2.11", "10.0.0-rc1"] {
            assert_eq!(lacks(&set, &doc! { "version": new }), None, "{new}");
        }
        for old in ["7.0.14", "4.4.29", "nonsense"] {
            assert!(lacks(&set, &doc! { "version": old }).is_some(), "{old}");
        }
    }
}
