//! Delivery of mail: it never delays an answer, is retried, and is completed before a shutdown.

use std::time::{Duration, Instant};

use reqwest::Url;
use testkit::{Servers, TestApp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{fresh_email, launch, mailed_link, request_link, start, unlimited};

#[tokio::test]
async fn the_mail_has_the_same_content_as_text_and_as_html() {
    let app = start().await;
    let email = fresh_email();
    request_link(&app.anonymous(), &email).await;
    let mail = Servers::shared().await.mail().wait_for(&email).await;
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
async fn queued_mails_are_sent_before_the_process_ends() {
    let app = start().await;
    let emails: Vec<_> = (0..12).map(|_| fresh_email()).collect();
    for email in &emails {
        assert_eq!(request_link(&app.anonymous(), email).await.status, 200);
    }
    app.finish().await;
    for email in &emails {
        mailed_link(email).await;
    }
}

#[tokio::test]
async fn a_failed_mail_is_retried() {
    let (app, proxy) = launch_behind_smtp_proxy(async |first: TcpStream| drop(first)).await;
    let email = fresh_email();
    assert_eq!(request_link(&app.anonymous(), &email).await.status, 200);
    let link = mailed_link(&email).await;
    assert_eq!(app.anonymous().get(&link).await.status, 303);
    app.finish().await;
    proxy.abort();
}

#[tokio::test]
async fn a_mail_is_retried_when_the_mail_server_rejects_our_credentials() {
    // As while a password is rotated.
    let (app, proxy) = launch_behind_smtp_proxy(async |first: TcpStream| {
        let mut client = BufReader::new(first);
        let mut line = String::new();
        for answer in [
            "220 here\r\n",
            "250 here\r\n",
            "530 5.7.0 Authentication required\r\n",
        ] {
            client.write_all(answer.as_bytes()).await.unwrap();
            client.read_line(&mut line).await.unwrap();
        }
        assert!(line.contains("MAIL FROM"), "{line}");
    })
    .await;
    let email = fresh_email();
    assert_eq!(request_link(&app.anonymous(), &email).await.status, 200);
    mailed_link(&email).await;
    app.finish().await;
    assert!(!proxy.is_finished(), "the mail server failed");
    proxy.abort();
}

/// Starts the service with a proxy in front of the mail server. The proxy passes the first connection to `first` and
/// forwards all others.
async fn launch_behind_smtp_proxy<F>(
    first: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (TestApp, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let smtp = Url::parse(&Servers::shared().await.smtp_url()).unwrap();
    let server = ("127.0.0.1", smtp.port().unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let proxy: JoinHandle<()> = tokio::spawn(async move {
        first(listener.accept().await.unwrap().0).await;
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(server).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (launch(unlimited().set("SMTP_URL", url)).await, proxy)
}

#[tokio::test]
async fn without_a_mail_server_the_service_still_answers_and_stops() {
    let unused = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("smtp://{}", unused.local_addr().unwrap());
    drop(unused);
    let app = launch(unlimited().set("SMTP_URL", url)).await;
    let start = Instant::now();
    assert_eq!(
        request_link(&app.anonymous(), &fresh_email()).await.status,
        200
    );
    assert!(start.elapsed() < Duration::from_secs(5));
    app.finish().await;
}
