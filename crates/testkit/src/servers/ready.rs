//! Readiness checks that use the servers' own protocols.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bson::{Document, doc};
use mongodb::Client;
use mongodb::options::ClientOptions;

use super::Kind;

const TIMEOUT: Duration = Duration::from_secs(2);

/// The error code of a repeated `replSetInitiate`.
const ALREADY_INITIALIZED: i32 = 23;

/// Sends a request that only a working server can answer.
pub(super) async fn ping(kind: Kind, url: &str) -> Result<()> {
    match kind {
        Kind::Mongo => ping_mongo(url).await,
        Kind::Nats => ping_nats(url).await,
        Kind::Redis => ping_redis(url).await,
    }
}

async fn ping_mongo(url: &str) -> Result<()> {
    let hello = mongo_command(url, doc! { "hello": 1 }).await?;
    let writable = hello.get_bool("isWritablePrimary").unwrap_or(false);
    ensure!(writable, "no primary yet");
    Ok(())
}

async fn ping_nats(url: &str) -> Result<()> {
    let client = async_nats::ConnectOptions::new()
        .connection_timeout(TIMEOUT)
        .connect(url)
        .await?;
    let account = async_nats::jetstream::new(client).query_account().await;
    account.context("NATS runs without JetStream (-js)")?;
    Ok(())
}

async fn ping_redis(url: &str) -> Result<()> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let () = redis::cmd("PING").query_async(&mut connection).await?;
    Ok(())
}

/// Makes a new MongoDB server a replica set with one member, whose own address is `member`. Does nothing if it already
/// is a replica set.
pub(super) async fn initiate_replica_set(url: &str, member: &str) -> Result<()> {
    let config = doc! { "_id": "rs0", "members": [{ "_id": 0, "host": member }] };
    match mongo_command(url, doc! { "replSetInitiate": config }).await {
        Err(error) if error_code(&error) == Some(ALREADY_INITIALIZED) => Ok(()),
        answered => answered.map(drop),
    }
}

/// Limits the lifetime of transactions to the deployed value, so that those of dead clients end soon. With the default
/// of a minute, their documents would stay locked that long.
pub(super) async fn limit_transactions(url: &str) -> Result<()> {
    let limit = doc! { "setParameter": 1, "transactionLifetimeLimitSeconds": 3 };
    mongo_command(url, limit).await.map(drop)
}

fn error_code(error: &anyhow::Error) -> Option<i32> {
    match *error.downcast_ref::<mongodb::error::Error>()?.kind {
        mongodb::error::ErrorKind::Command(ref command) => Some(command.code),
        _ => None,
    }
}

async fn mongo_command(url: &str, command: Document) -> Result<Document> {
    let mut options = ClientOptions::parse(url).await?;
    options.connect_timeout = Some(TIMEOUT);
    options.server_selection_timeout = Some(TIMEOUT);
    let client = Client::with_options(options)?;
    let answer = client.database("admin").run_command(command).await;
    client.shutdown().await;
    Ok(answer?)
}
