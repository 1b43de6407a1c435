//! Small pages for the browser's tests.

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect};
use axum::routing::get;
use futures::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const SCRIPT: &str = "document.getElementById('scripted')?.removeAttribute('hidden');";

const FORM: &str = "<h1>Form</h1>
    <p id=scripted hidden>Script ran.</p><noscript><p>No script here.</p></noscript>
    <form action=/sent>
      <p><label for=email>Email</label> <input id=email name=email type=email></p>
      <p><label>Seat <select name=seat><option value=stalls>Stalls</option><option value=balcony>Balcony</option></select></label></p>
      <button class=plain>Sign up</button>
    </form>
    <script src=/page.js></script>";

const FAULTY: &str = "<h1>Faulty</h1><script>alert('refused')</script>
    <img src=/absent.png alt=absent><script src=/throws.js></script>";

const INACCESSIBLE: &str = "<h1>Form</h1><form><input name=email></form>
    <p style='font-size:8px;line-height:9px'><a href=/a style='display:inline-block;width:9px;height:9px'>a</a><a href=/b style='display:inline-block;width:9px;height:9px'>b</a></p>";

const FRAME: &str = "<h1>Pay</h1><iframe src=/card title=Card></iframe>";
const CARD: &str = "<h1>Card</h1><label>Card number <input></label>";
const TALL: &str = "<h1>Tall</h1><style>body,h1{margin:0}main{height:3000px}</style>";
const JUMPING: &str =
    "<h1>Jumping</h1><p>Text that is pushed down.</p><script src=/jump.js></script>";
const JUMP: &str = "setTimeout(() => document.querySelector('h1').insertAdjacentHTML('beforebegin',
    '<div class=late style=\"height:300px\">late</div>'), 300);";
const THIRD_PARTY: &str = "<h1>Others</h1><script src=/page.js></script><link rel=stylesheet href=http://elsewhere.example/font.css>";
const STREAM: &str =
    "<h1>Stream</h1><p id=state></p><p id=polled></p><script src=/stream.js></script>";
const STREAM_SCRIPT: &str =
    "const say = text => document.getElementById('state').textContent = text;
    const events = new EventSource('/events');
    events.onopen = () => say('open');
    events.onerror = () => say('closed');
    setInterval(() => fetch('/page.js').then(() => 'reached', () => 'cut off').then(
        text => document.getElementById('polled').textContent = text), 100);";

/// A server of these pages. Dropping it stops it.
pub(crate) struct Site {
    pub(crate) origin: String,
    serving: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, routes()).await.unwrap() });
        Self { origin, serving }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn routes() -> Router {
    let echo = |title: &'static str, text: String| page(title, &format!("<h1>{title}</h1>{text}"));
    Router::new()
        .route("/form", get(async || page("Form", FORM)))
        .route("/faulty", get(async || page("Faulty", FAULTY)))
        .route("/inaccessible", get(async || page("Form", INACCESSIBLE)))
        .route("/frame", get(async || page("Frame", FRAME)))
        .route("/card", get(async || page("Card", CARD)))
        .route("/tall", get(async || page("Tall", TALL)))
        .route("/jumping", get(async || page("Jumping", JUMPING)))
        .route("/away", get(async || Redirect::to("/third-party")))
        .route("/third-party", get(async || page("Others", THIRD_PARTY)))
        .route("/stream", get(async || page("Stream", STREAM)))
        .route("/page.js", get(async || script(SCRIPT)))
        .route("/jump.js", get(async || script(JUMP)))
        .route("/stream.js", get(async || script(STREAM_SCRIPT)))
        .route(
            "/throws.js",
            get(async || script("throw new Error('thrown on purpose');")),
        )
        .route("/events", get(events))
        .route(
            "/sent",
            get(async move |RawQuery(query): RawQuery| {
                let query = query.unwrap_or_default().replace("%40", "@");
                echo("Sent", query)
            }),
        )
        .route(
            "/cookie",
            get(async move |headers: HeaderMap| {
                let cookie = headers.get(header::COOKIE);
                let cookie = cookie.map_or("", |cookie| cookie.to_str().unwrap());
                echo("Cookie", cookie.to_owned())
            }),
        )
}

/// A page with a strict content security policy, as in the shop.
fn page(title: &str, body: &str) -> impl IntoResponse + use<> {
    const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline' http://elsewhere.example";
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>
        <link rel=icon href='data:,'><title>{title}</title><style>.plain:focus {{ outline: none }}</style><main>{body}</main></html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(html))
}

fn script(text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript")], text)
}

async fn events() -> impl IntoResponse {
    let hello = Event::default()
        .retry(std::time::Duration::from_millis(200))
        .data("hello");
    let events = stream::iter([Ok::<_, std::convert::Infallible>(hello)]).chain(stream::pending());
    Sse::new(events).keep_alive(KeepAlive::default())
}
