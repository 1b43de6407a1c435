//! The browser, on small pages that are served here.

mod pages;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use testkit::browser::{Focused, Key};
use testkit::{Browser, BrowserSettings, Viewport, eventually};

use crate::start_parent;
use pages::Site;

async fn open(site: &Site) -> Browser {
    Browser::open(BrowserSettings::new(&site.origin)).await
}

#[tokio::test]
async fn a_form_is_filled_in_by_its_labels_and_sent() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/form").await;
    assert_eq!(browser.title().await, "Form");

    browser.fill("Email", "a@example.com").await;
    browser.fill("Email", "ada@example.com").await;
    browser.fill("Seat", "Balcony").await;
    assert_eq!(browser.value("Email").await, "ada@example.com");
    browser.click_text("Sign up").await;

    browser.wait_for_path("/sent").await;
    browser.wait_for_text("ada@example.com").await;
    let path = browser.path().await;
    assert_eq!(path, "/sent?email=ada%40example.com&seat=balcony");
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn the_keyboard_alone_sends_a_form() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/form").await;

    browser.press(Key::Tab).await;
    let expected = Focused {
        tag: "input".to_owned(),
        role: "textbox".to_owned(),
        name: "Email".to_owned(),
        outlined: true,
    };
    assert_eq!(browser.focused().await, expected);
    browser.type_keys("Bob@example.com").await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await.name, "Seat");
    browser.press(Key::Tab).await;
    let button = browser.focused().await;
    assert_eq!((&*button.role, button.outlined), ("button", false));
    browser.press_shift_tab().await;
    assert_eq!(browser.focused().await.name, "Seat");
    browser.press(Key::Tab).await;
    browser.press(Key::Enter).await;

    browser.wait_for_text("Bob@example.com").await;
    browser.close().await;
}

#[tokio::test]
async fn a_frame_is_entered_and_left() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/frame").await;
    let number = browser.in_frame("iframe", async |frame| {
        frame.fill("Card number", "4242 4242").await;
        frame.value("Card number").await
    });
    assert_eq!(number.await, "4242 4242");
    assert_eq!(browser.text_of("h1").await, "Pay");
    browser.close().await;
}

#[tokio::test]
async fn errors_and_violations_of_the_policy_are_reported() {
    // The digits alone could be part of a port.
    const NOT_FOUND: &str = "status of 404";
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/form").await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());

    browser.goto("/faulty").await;
    for part in ["Content Security Policy", "thrown on purpose", NOT_FOUND] {
        eventually(part, async || {
            let errors = browser.console_errors().await;
            let found = errors.iter().any(|error| error.contains(part));
            found.then_some(()).ok_or_else(|| format!("{errors:?}"))
        })
        .await;
    }
    let others = browser.console_errors_but(&[NOT_FOUND]).await;
    assert_eq!(others.len(), 2, "{others:?}");
    browser.close().await;
}

#[tokio::test]
async fn requests_are_counted_with_their_bytes() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/form").await;
    browser.forget_requests().await;
    browser.goto("/away").await;

    let requests = browser.requests().await;
    let seen: Vec<_> = requests
        .iter()
        .map(|request| {
            let path = request.url.strip_prefix(&site.origin);
            (path.unwrap_or(&request.url), &*request.kind, request.status)
        })
        .collect();
    let expected = [
        ("/away", "Document", Some(303)),
        ("/third-party", "Document", Some(200)),
        ("/page.js", "Script", Some(200)),
        ("http://elsewhere.example/font.css", "Stylesheet", None),
    ];
    assert_eq!(seen, expected);
    let script = &requests[2];
    assert!(
        script.bytes > pages::SCRIPT.len() as u64 && script.bytes < 1_000,
        "{script:?}"
    );
    browser.close().await;
}

#[tokio::test]
async fn the_checker_finds_a_missing_label_and_a_small_target() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/inaccessible").await;
    let violations = browser.check_accessibility().await;
    let rules: Vec<_> = violations.iter().map(|found| &*found.rule).collect();
    assert!(rules.contains(&"label"), "{violations:#?}");
    assert!(rules.contains(&"target-size"), "{violations:#?}");

    browser.goto("/form").await;
    browser.expect_accessible().await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test]
async fn without_script_pages_run_none_and_every_step_works() {
    let site = Site::start().await;
    let settings = BrowserSettings {
        script: false,
        size: Viewport::PHONE,
        ..BrowserSettings::new(&site.origin)
    };
    let browser = Browser::open(settings).await;
    browser.goto("/form").await;
    browser.wait_for_text("No script here.").await;
    browser.wait_gone("#scripted").await;
    browser.screenshot("testkit/no-script").await;
    browser.fill("Email", "ada@example.com").await;
    browser.fill("Seat", "Balcony").await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await.name, "Sign up");
    browser.click_text("Sign up").await;
    browser.wait_for_text("ada@example.com").await;
    browser.close().await;
}

#[tokio::test]
async fn a_page_is_shown_with_the_shoppers_preferences() {
    let site = Site::start().await;
    let settings = BrowserSettings {
        size: Viewport::PHONE,
        dark: true,
        reduced_motion: true,
        ..BrowserSettings::new(&site.origin)
    };
    let browser = Browser::open(settings).await;
    let look = async || {
        let script = "return [innerWidth, innerHeight, devicePixelRatio, \
            matchMedia('(prefers-color-scheme: dark)').matches, \
            matchMedia('(prefers-reduced-motion: reduce)').matches, \
            matchMedia('(pointer: coarse)').matches].join(' ')";
        browser.execute(script, Vec::new()).await
    };
    browser.goto("/form").await;
    assert_eq!(look().await, "360 740 2 true true true");
    browser.goto("/frame").await;
    assert_eq!(look().await, "360 740 2 true true true");

    browser.set_dark(false).await;
    browser.resize(Viewport::WIDE).await;
    assert_eq!(look().await, "1920 1080 1 false true false");
    browser.close().await;
}

#[tokio::test]
async fn a_screenshot_shows_the_whole_page() {
    let site = Site::start().await;
    let settings = BrowserSettings {
        size: Viewport::PHONE,
        ..BrowserSettings::new(&site.origin)
    };
    let browser = Browser::open(settings).await;
    browser.goto("/tall").await;
    let file = browser.screenshot("testkit/tall").await;
    let png = std::fs::read(&file).unwrap();
    // The width and the height in a PNG's header.
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!((number(16), number(20)), (720, 6_000));
    browser.close().await;
}

#[tokio::test]
async fn a_layout_shift_is_measured() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/tall").await;
    assert!(browser.layout_shift().await < f64::EPSILON);
    browser.goto("/jumping").await;
    browser.wait_for(".late").await;
    assert!(browser.layout_shift().await > 0.01);
    browser.close().await;
}

#[tokio::test]
async fn a_page_with_an_open_stream_is_disconnected_and_reconnected() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/stream").await;
    browser.wait_for_text("open").await;
    browser.wait_for_text("reached").await;
    browser.go_offline(true).await;
    browser.wait_for_text("cut off").await;
    browser.go_offline(false).await;
    browser.wait_for_text("reached").await;
    browser.close().await;
}

#[tokio::test]
async fn a_cookie_that_is_set_is_sent() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.set_cookie("session", "abc").await;
    browser.goto("/cookie").await;
    browser.wait_for_text("session=abc").await;
    let cookies = browser.cookies().await;
    assert_eq!(
        (&*cookies[0].name, cookies[0].http_only),
        ("session", Some(true))
    );
    browser.close().await;
}

#[tokio::test]
async fn a_failed_step_names_its_evidence() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/form").await;
    let waiting = browser.wait_for_text_within(Duration::from_millis(200), "nowhere");
    let panic = AssertUnwindSafe(waiting).catch_unwind().await.unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("\"nowhere\""), "{message}");
    assert!(message.contains("/form"), "{message}");
    let files: Vec<_> = message
        .lines()
        .filter_map(|line| line.trim().strip_prefix("see "))
        .collect();
    assert_eq!(files.len(), 3, "{message}");
    assert!(std::fs::read_to_string(files[1]).unwrap().contains("Email"));
    for file in files {
        std::fs::remove_file(file).unwrap();
    }
    browser.close().await;
}

#[tokio::test]
async fn nothing_is_left_running_after_a_browser_is_closed_or_dropped() {
    let site = Site::start().await;
    let one = open(&site).await;
    let other = one.open_beside(BrowserSettings::new(&site.origin)).await;
    one.goto("/frame").await;
    other.goto("/frame").await;
    let (first, second) = (one.profile(), other.profile());
    assert!(processes_with(&first) > 3 && processes_with(&second) > 3);
    // A killed browser leaves its socket's folder behind, so it must be inside the profile.
    let socket = std::fs::read_link(first.join("SingletonSocket")).unwrap();
    assert!(socket.starts_with(&first), "{}", socket.display());

    one.close().await;
    assert!(!first.exists());
    eventually("the first has ended", async || processes_with(&first) == 0).await;
    assert!(processes_with(&second) > 3);

    drop(other);
    eventually("the second has ended", async || {
        processes_with(&second) == 0 && !second.exists()
    })
    .await;
}

/// Not a test: the parent process of the test below, which runs this binary again.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn a_parent() {
    let site = Site::start().await;
    let browser = open(&site).await;
    browser.goto("/frame").await;
    println!("profile={}", browser.profile().display());
    let () = std::future::pending().await;
}

#[tokio::test]
async fn a_browser_ends_when_its_test_is_killed() {
    let (mut parent, profile) = start_parent("browser::a_parent", "profile=").await;
    let profile = PathBuf::from(profile);
    assert!(processes_with(&profile) > 3);

    parent.kill().await.unwrap();

    eventually("the browser has ended", async || {
        processes_with(&profile) == 0
    })
    .await;
    // The killed process could not remove its folder. The next process that creates a folder does.
    let next = open(&Site::start().await).await;
    eventually("its folder is gone", async || {
        !profile.parent().unwrap().exists()
    })
    .await;
    drop(next);
}

/// The number of processes with this folder among their arguments, without zombies.
fn processes_with(folder: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let folder = folder.to_str().unwrap();
    arguments
        .filter(|arguments| String::from_utf8_lossy(arguments).contains(folder))
        .count()
}
