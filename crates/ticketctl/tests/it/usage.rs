//! Wrong usage, and servers that do not answer.

use crate::ticketctl;

#[tokio::test]
async fn the_exit_code_distinguishes_usage_from_unreachable_servers() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere.json");
    std::fs::write(&nowhere, "{}").unwrap();

    let unknown = ticketctl(&nowhere, &["events", "tail"]).await;
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(
        unknown
            .errors
            .contains("NATS_URL is not known; set it, or use --nats-url")
    );

    let url = ["--nats-url", "nats://user:hidden@127.0.0.1:1"];
    let away = ticketctl(&nowhere, &[&["dead-letters", "list"], &url[..]].concat()).await;
    assert_eq!(away.code, 3, "{away:?}");
    assert!(
        away.errors
            .contains("NATS at nats://127.0.0.1:1 does not answer"),
        "{away:?}"
    );
    assert!(!away.errors.contains("hidden"), "{away:?}");

    let absent = folder.path().join("absent.json");
    let absent = ticketctl(&absent, &["status"]).await;
    assert_eq!(absent.code, 2, "{absent:?}");
    assert!(absent.errors.contains("cargo xtask up"), "{absent:?}");

    let wrong = ticketctl(&nowhere, &["order", "trace", "7"]).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let strange = ticketctl(&nowhere, &["resync", "nobody"]).await;
    assert_eq!(strange.code, 2, "{strange:?}");
}

#[tokio::test]
async fn completions_are_printed_for_each_shell() {
    let folder = tempfile::tempdir().unwrap();
    // Completions need no fleet.
    let absent = folder.path().join("absent.json");
    for shell in ["bash", "zsh", "fish"] {
        let script = ticketctl(&absent, &["completions", shell]).await;
        assert_eq!(script.code, 0, "{script:?}");
        assert!(script.text.contains("dead-letters"), "{shell}");
    }
}
