//! Child processes end with their parent, however it ends.

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use testkit::eventually;
use testkit::process::Process;
use tokio::process::Command;

use crate::start_parent;

/// Not a test: the parent process of the test below, which runs this binary again.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn a_parent() {
    let mut sleep = Command::new("sleep");
    sleep.arg("600");
    let child = Process::start(sleep).await.unwrap();
    println!("child={}", child.pid());
    child.wait().await;
}

#[tokio::test]
async fn a_child_ends_when_its_parent_is_killed() {
    let (mut parent, pid) = start_parent("process::a_parent", "child=").await;
    let child = Pid::from_raw(pid.parse().unwrap());
    assert_eq!(kill(child, None), Ok(()));

    parent.kill().await.unwrap();

    eventually("the child has ended", async || {
        kill(child, None) == Err(Errno::ESRCH)
    })
    .await;
}

#[tokio::test]
async fn a_child_whose_handle_is_dropped_is_killed() {
    let mut sleep = Command::new("sleep");
    sleep.arg("600");
    let child = Process::start(sleep).await.unwrap();
    let pid = Pid::from_raw(child.pid().try_into().unwrap());
    drop(child);
    eventually("the child has ended", async || {
        kill(pid, None) == Err(Errno::ESRCH)
    })
    .await;
}
