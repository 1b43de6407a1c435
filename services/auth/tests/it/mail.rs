//! How mail travels: it never holds up an answer, is tried again, and is not forgotten at a stop.

use std::time::{Duration, Instant};

use reqwest::Url;
use testkit::Servers;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::{ask_for_link, fresh_email, launch, mailed_link, start, unlimited};

#[tokio::test]
async fn the_letter_says_the_same_as_text_and_as_html() {
    let app = start().await;
    let email = fresh_email();
    ask_for_link(&app.anonymous(), &email).await;
    let catcher = Servers::shared().await.mail();
    let mail = catcher.wait_for(&email).await;
    assert_eq!(mail.from, "tickets@example.com");
    assert_eq!(mail.to, [email.as_str()]);
    assert_eq!(mail.subject, "Your sign-in link");
    let link = format!("http://ticketing.test{}", mailed_link(&email).await);
    assert!(
        mail.html.contains(&format!("<a href=\"{link}\">")),
        "{}",
        mail.html
    );
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("works once and for 1 minute"), "{part}");
    }
    app.finish().await;
}

#[tokio::test]
async fn letters_in_the_queue_are_sent_before_the_process_ends() {
    let app = start().await;
    let emails: Vec<_> = (0..12).map(|_| fresh_email()).collect();
    for email in &emails {
        assert_eq!(ask_for_link(&app.anonymous(), email).await.status, 200);
    }
    app.finish().await;
    for email in &emails {
        mailed_link(email).await;
    }
}

#[tokio::test]
async fn a_letter_that_fails_is_tried_again() {
    let smtp = Url::parse(&Servers::shared().await.smtp_url()).unwrap();
    let real = ("127.0.0.1", smtp.port().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    // Hangs up on the first caller, and puts all others through.
    let relay = tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        loop {
            let (mut caller, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(real).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut caller, &mut server).await });
        }
    });
    let app = launch(unlimited().set("SMTP_URL", url)).await;
    let email = fresh_email();
    assert_eq!(ask_for_link(&app.anonymous(), &email).await.status, 200);
    let link = mailed_link(&email).await;
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    app.finish().await;
    relay.abort();
}

#[tokio::test]
async fn a_letter_is_sent_once_the_mail_server_accepts_our_user_again() {
    let smtp = Url::parse(&Servers::shared().await.smtp_url()).unwrap();
    let real = ("127.0.0.1", smtp.port().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    // Refuses the first caller's user, as while a password is rotated, and puts all others through.
    let relay = tokio::spawn(async move {
        let (caller, _) = listener.accept().await.unwrap();
        let mut caller = BufReader::new(caller);
        let mut line = String::new();
        for answer in [
            "220 here\r\n",
            "250 here\r\n",
            "530 5.7.0 Authentication required\r\n",
        ] {
            caller.write_all(answer.as_bytes()).await.unwrap();
            caller.read_line(&mut line).await.unwrap();
        }
        assert!(line.contains("MAIL FROM"), "{line}");
        drop(caller);
        loop {
            let (mut caller, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(real).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut caller, &mut server).await });
        }
    });
    let app = launch(unlimited().set("SMTP_URL", url)).await;
    let email = fresh_email();
    assert_eq!(ask_for_link(&app.anonymous(), &email).await.status, 200);
    mailed_link(&email).await;
    app.finish().await;
    assert!(!relay.is_finished(), "the mail server failed");
    relay.abort();
}

#[tokio::test]
async fn without_a_mail_server_answers_come_at_once_and_the_process_still_ends() {
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let nowhere = format!("smtp://{}", free.local_addr().unwrap());
    drop(free);
    let app = launch(unlimited().set("SMTP_URL", nowhere)).await;
    let start = Instant::now();
    assert_eq!(
        ask_for_link(&app.anonymous(), &fresh_email()).await.status,
        200
    );
    assert!(start.elapsed() < Duration::from_secs(5));
    app.finish().await;
}
