//! The two programs against a real broker.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Stdio;
use std::time::Duration;

use base::Environment;
use messaging::{Broker, BrokerConfig};
use testkit::{Namespace, Servers};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const PUBLISHER: &str = env!("CARGO_BIN_EXE_publisher");
const LISTENER: &str = env!("CARGO_BIN_EXE_listener");
const TIMEOUT: Duration = Duration::from_secs(15);

fn command(program: &str, url: &str, namespace: &Namespace) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--nats-url", url])
        .args(["--stream", namespace.stream()])
        .args(["--subject-prefix", namespace.subject_prefix()])
        .kill_on_drop(true);
    command
}

/// Creates the stream as the services do.
async fn stream(url: &str, namespace: &Namespace) -> Broker {
    let mut environment = Environment::of([
        ("NATS_URL".to_owned(), url.to_owned()),
        ("NATS_CLUSTER_ID".to_owned(), namespace.stream().to_owned()),
        (
            "NATS_SUBJECT_PREFIX".to_owned(),
            namespace.subject_prefix().to_owned(),
        ),
    ]);
    let config = BrokerConfig::read(&mut environment, "test").unwrap();
    Broker::connect(&config, "test").await.unwrap()
}

fn listen(mut command: Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

async fn next_line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = timeout(TIMEOUT, lines.next_line()).await;
    line.expect("a line in time").unwrap().expect("a line")
}

#[tokio::test]
async fn a_listener_prints_what_a_publisher_publishes() {
    let url = Servers::shared().await.nats_url();
    let namespace = Namespace::fresh();
    let broker = stream(&url, &namespace).await;
    let mut grouped = command(LISTENER, &url, &namespace);
    grouped.args(["--queue-group", "audience"]);
    for listener in [command(LISTENER, &url, &namespace), grouped] {
        let (mut child, mut lines) = listen(listener);
        assert!(next_line(&mut lines).await.starts_with("listening to "));
        let mut publish = command(PUBLISHER, &url, &namespace);
        publish.args(["--title", "Front row", "--price", "19.99", "--count", "2"]);
        let published = timeout(TIMEOUT, publish.output()).await.unwrap().unwrap();
        assert!(published.status.success(), "{published:?}");
        for line in String::from_utf8(published.stdout).unwrap().lines() {
            let number_and_ticket = line.strip_prefix("published ").unwrap();
            let expected = format!("{number_and_ticket} version 0 \"Front row\" $19.99");
            // The second listener also prints the events from before its start.
            while next_line(&mut lines).await != expected {}
        }
        child.kill().await.unwrap();
    }
    for stream in [
        namespace.stream().to_owned(),
        format!("{}-dead-letters", namespace.stream()),
    ] {
        broker.jetstream().delete_stream(stream).await.unwrap();
    }
}

#[tokio::test]
async fn a_missing_stream_is_an_error_that_names_it() {
    let url = Servers::shared().await.nats_url();
    let namespace = Namespace::fresh();
    for program in [PUBLISHER, LISTENER] {
        let refused = command(program, &url, &namespace).output();
        let refused = timeout(TIMEOUT, refused).await.unwrap().unwrap();
        let words = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success());
        assert!(
            words.contains("there is no stream") && words.contains(namespace.stream()),
            "{words}"
        );
    }
}
