//! Servers that are killed and restarted keep their address and their acknowledged writes.

use std::sync::Arc;

use async_nats::jetstream::{self, stream};
use bson::{Document, doc};
use mongodb::Client;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use redis::AsyncCommands;
use testkit::progress::ToStderr;
use testkit::servers::{Server, ServersSettings};
use testkit::{Servers, eventually};

async fn own_servers() -> Servers {
    let settings = ServersSettings {
        given: false,
        folder: None,
        progress: Arc::new(ToStderr),
    };
    Servers::start(settings).await.unwrap()
}

/// Kills and restarts the server, which must then run in another process.
async fn kill_and_restart(server: &Server) {
    let before = server.pid();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    assert!(before.is_none() || server.pid() != before);
    assert_eq!(server.unexpected_exit(), None);
}

#[tokio::test]
async fn acknowledged_writes_to_mongodb_survive_a_kill() {
    let servers = own_servers().await;
    let client = Client::with_uri_str(servers.mongo_uri("test"))
        .await
        .unwrap();
    let database = client.default_database().unwrap();
    assert_eq!(database.name(), "test");
    let things = database.collection::<Document>("things");
    things.insert_one(doc! { "_id": 1 }).await.unwrap();

    kill_and_restart(servers.mongo()).await;

    let found = eventually("a connection", async || things.find_one(doc! {}).await).await;
    assert_eq!(found, Some(doc! { "_id": 1 }));
    client.shutdown().await;
    servers.stop().await;
}

#[tokio::test]
async fn acknowledged_messages_of_the_broker_survive_a_kill() {
    let servers = own_servers().await;
    let client = async_nats::connect(servers.nats_url()).await.unwrap();
    let jetstream = jetstream::new(client);
    let config = stream::Config {
        name: "test".to_owned(),
        subjects: vec!["test.>".to_owned()],
        ..stream::Config::default()
    };
    jetstream.create_stream(config).await.unwrap();
    let acknowledgement = jetstream.publish("test.one", "1".into()).await.unwrap();
    acknowledgement.await.unwrap();

    kill_and_restart(servers.nats()).await;

    let messages = eventually("the stream", async || {
        let stream = jetstream.get_stream("test").await?;
        Ok::<_, async_nats::Error>(stream.cached_info().state.messages)
    });
    assert_eq!(messages.await, 1);
    servers.stop().await;
}

#[tokio::test]
async fn acknowledged_writes_to_redis_survive_a_kill() {
    let servers = own_servers().await;
    let client = redis::Client::open(servers.redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () = connection.set("test", 1).await.unwrap();

    kill_and_restart(servers.redis()).await;

    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let found: u8 = connection.get("test").await.unwrap();
    assert_eq!(found, 1);
    servers.stop().await;
}

#[tokio::test]
async fn a_broker_that_lost_its_data_restarts_empty_at_its_address() {
    let servers = own_servers().await;
    let client = async_nats::connect(servers.nats_url()).await.unwrap();
    let jetstream = jetstream::new(client);
    let config = stream::Config {
        name: "lost".to_owned(),
        ..stream::Config::default()
    };
    jetstream.create_stream(config).await.unwrap();

    servers.nats().lose_data().await.unwrap();

    let streams = eventually("an answer", async || jetstream.query_account().await);
    assert_eq!(streams.await.streams, 0);
    servers.stop().await;
}

#[tokio::test]
async fn a_redis_that_lost_its_data_restarts_empty_at_its_address() {
    let servers = own_servers().await;
    let client = redis::Client::open(servers.redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () = connection.set("lost", 1).await.unwrap();

    servers.redis().lose_data().await.unwrap();

    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let found: Option<u8> = connection.get("lost").await.unwrap();
    assert_eq!(found, None);
    servers.stop().await;
}

#[tokio::test]
async fn only_an_exit_that_was_not_requested_is_unexpected() {
    let servers = own_servers().await;
    let redis = servers.redis();
    redis.kill().await.unwrap();
    assert_eq!(redis.unexpected_exit(), None);
    redis.restart().await.unwrap();
    let pid = redis.pid().and_then(|pid| pid.try_into().ok());
    if let Some(pid) = pid {
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        eventually("an unexpected exit", async || redis.unexpected_exit()).await;
    }
    servers.stop().await;
}

#[tokio::test]
async fn a_suspended_server_hangs_until_it_is_resumed() {
    let servers = own_servers().await;
    let client = redis::Client::open(servers.redis_url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();

    servers.redis().suspend().await.unwrap();
    let refused: redis::RedisResult<()> = connection.set("slow", 1).await;
    assert!(refused.is_err(), "a suspended server answered");

    servers.redis().resume().await.unwrap();
    eventually("an answer", async || {
        connection.clone().set::<_, _, ()>("slow", 2).await
    })
    .await;
    servers.stop().await;
}

#[tokio::test]
async fn stopped_servers_leave_no_folder() {
    let servers = own_servers().await;
    let folder = servers.folder().to_owned();
    assert!(folder.is_dir());
    servers.stop().await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn every_test_gets_the_same_shared_servers() {
    let (one, other) = tokio::join!(Servers::shared(), Servers::shared());
    assert_eq!(one.mongo().url(), other.mongo().url());
    assert!(
        one.environment()
            .iter()
            .all(|(_, url)| url.contains("127.0.0.1"))
    );
}
