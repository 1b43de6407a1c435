//! The binary.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::time::timeout;

use crate::stand_in::eventually;

#[tokio::test]
async fn the_process_serves_and_stops_on_sigterm() {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    let mut process = Command::new(env!("CARGO_BIN_EXE_stripe-stand-in"))
        .args(["--port", &port])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let health = format!("http://127.0.0.1:{port}/_stand-in/healthz");
    eventually("it serves", || async {
        http.get(&health).send().await.ok()
    })
    .await;
    let pid = Pid::from_raw(process.id().unwrap().try_into().unwrap());
    kill(pid, Signal::SIGTERM).unwrap();
    let ended = timeout(Duration::from_secs(5), process.wait()).await;
    assert!(ended.expect("it ends").unwrap().success());
}
