//! Requirements on the server, checked at start: without them a service would fail later and less clearly.

use bson::{Document, doc};
use mongodb::Client;
use mongodb::options::UpdateOneModel;

use super::StoreError;
use super::timeouts::within_limit;

/// The oldest supported version.
const OLDEST: i32 = 8;

/// What the server lacks, as a message for the operator; `None` if it lacks nothing.
///
/// The service's user has access to its own database only, and the feature compatibility version is readable only for
/// administrators. So the check is the command that needs that version: a `bulkWrite` that changes nothing.
pub(super) async fn missing(
    client: &Client,
    database: &mongodb::Database,
) -> Result<Option<String>, StoreError> {
    let run = |command: &'static str| {
        let database = database.clone();
        within_limit(async move { database.run_command(doc! { command: 1 }).await })
    };
    if let Some(missing) = check(&run("hello").await?, &run("buildInfo").await?) {
        return Ok(Some(missing));
    }
    let no_change = UpdateOneModel::builder()
        .namespace(database.collection::<Document>("requirements").namespace())
        .filter(doc! { "_id": "nothing" })
        .update(doc! { "$set": { "is": "changed" } })
        .build();
    let client = client.clone();
    let write = within_limit(async move { client.bulk_write([no_change]).await });
    match write.await {
        Err(error) if error.is_unsupported() => Ok(Some(
            "MongoDB refuses bulkWrite, so its feature compatibility version is below 8.0: an administrator must run \
             db.adminCommand({ setFeatureCompatibilityVersion: \"8.0\", confirm: true })"
                .to_owned(),
        )),
        outcome => outcome.map(|_| None),
    }
}

/// What a server lacks with these responses.
fn check(hello: &Document, build_info: &Document) -> Option<String> {
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
        let missing = check(&standalone, &build_info).unwrap();
        assert!(missing.contains("rs.initiate()"), "{missing}");
        for sufficient in [doc! { "setName": "rs0" }, doc! { "msg": "isdbgrid" }] {
            assert_eq!(check(&sufficient, &build_info), None);
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let set = doc! { "setName": "rs0" };
        for new in ["8.0.0", "8.2.11", "10.0.0-rc1"] {
            assert_eq!(check(&set, &doc! { "version": new }), None, "{new}");
        }
        for old in ["7.0.14", "4.4.29", "nonsense"] {
            assert!(check(&set, &doc! { "version": old }).is_some(), "{old}");
        }
    }
}
