//! Caught mail can be read by tests and by people.

use lettre::message::MultiPart;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use testkit::{Api, MailCatcher};

#[tokio::test]
async fn a_mail_is_caught_with_both_bodies() {
    let catcher = MailCatcher::start().await.unwrap();
    let mailer = AsyncSmtpTransport::<Tokio1Executor>::from_url(&catcher.url())
        .unwrap()
        .build();
    let link = "http://127.0.0.1:1/verify?token=a&b=1";
    let mail = Message::builder()
        .from("Shop <shop@example.com>".parse().unwrap())
        .to("Ann@example.com".parse().unwrap())
        .subject("Your <link>")
        .multipart(MultiPart::alternative_plain_html(
            format!("Sign in: {link}\n"),
            "<p>Sign in</p>".to_owned(),
        ))
        .unwrap();
    mailer.send(mail).await.unwrap();

    let caught = catcher.wait_for("ann@example.com").await;
    assert_eq!(caught.from, "shop@example.com");
    assert_eq!(caught.to, ["Ann@example.com"]);
    assert_eq!(caught.subject, "Your <link>");
    assert_eq!(caught.text.trim(), format!("Sign in: {link}"));
    assert_eq!(caught.html.trim(), "<p>Sign in</p>");

    let reader = Api::anonymous(&catcher.page_url());
    let listed = reader.get("/api/messages").await.json;
    assert_eq!(listed[0]["subject"], "Your <link>");
    let page = reader.get("/").await.text;
    assert!(page.contains("Your &lt;link&gt;"), "{page}");
    assert!(
        page.contains("<a href=\"http://127.0.0.1:1/verify?token=a&amp;b=1\">"),
        "{page}"
    );
    catcher.stop();
}
