//! Opens pages and reads them.

use std::time::Duration;

use reqwest::Url;
use serde_json::{Value, json};
use thirtyfour::{By, Cookie};

use super::Browser;
use super::steps::{Failure, one_line};

impl Browser {
    /// Opens a path of the shop, or a full address, and waits until the page is loaded.
    pub async fn goto(&self, path: &str) {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.settings.origin)
        } else {
            path.to_owned()
        };
        let loading = self.driver.goto(url);
        self.once(format!("go to {path}"), loading).await;
    }

    /// The page's full address.
    pub async fn url(&self) -> Url {
        self.once("the address", self.driver.current_url()).await
    }

    /// The page's path and query.
    pub async fn path(&self) -> String {
        path_and_query(&self.url().await)
    }

    /// Waits until the page's path and query have this prefix.
    pub async fn wait_for_path(&self, prefix: &str) {
        let attempt = || async {
            let path = path_and_query(&self.driver.current_url().await?);
            if path.starts_with(prefix) {
                Ok(())
            } else {
                Err(Failure::Retry(format!("still at {path}")))
            }
        };
        self.step(format!("wait for the page {prefix}"), attempt)
            .await;
    }

    /// The page's title.
    pub async fn title(&self) -> String {
        self.once("the title", self.driver.title()).await
    }

    /// How many elements match, visible or not.
    pub async fn count(&self, css: &str) -> usize {
        let found = self.driver.find_all(By::Css(css));
        self.once(format!("count {css}"), found).await.len()
    }

    /// The visible text of the first visible element that matches.
    pub async fn text_of(&self, css: &str) -> String {
        let attempt = || async { Ok(one_line(&self.visible(css).first().await?.text().await?)) };
        self.step(format!("the text of {css}"), attempt).await
    }

    /// The texts of all elements that match now, in document order.
    pub async fn texts_of(&self, css: &str) -> Vec<String> {
        let attempt = || async {
            let mut texts = Vec::new();
            for element in self.driver.find_all(By::Css(css)).await? {
                texts.push(one_line(&element.text().await?));
            }
            Ok(texts)
        };
        self.step(format!("the texts of {css}"), attempt).await
    }

    /// An attribute of the first element that matches, visible or not.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let attempt = || async { Ok(self.driver.find(By::Css(css)).await?.attr(name).await?) };
        self.step(format!("{name} of {css}"), attempt).await
    }

    /// Whether this text is visible on the page now.
    pub async fn has_text(&self, text: &str) -> bool {
        let attempt = || self.all_text();
        self.step("the page's text", attempt).await.contains(text)
    }

    /// Waits until an element that matches is visible.
    pub async fn wait_for(&self, css: &str) {
        let attempt = || async { Ok(self.visible(css).first().await.map(drop)?) };
        self.step(format!("wait for {css}"), attempt).await;
    }

    /// Waits until no element that matches is visible.
    pub async fn wait_gone(&self, css: &str) {
        let attempt = || async {
            if self.visible(css).not_exists().await? {
                Ok(())
            } else {
                Err(Failure::Retry("it is still visible".to_owned()))
            }
        };
        self.step(format!("wait until {css} is gone"), attempt)
            .await;
    }

    /// Waits until this text is visible.
    pub async fn wait_for_text(&self, text: &str) {
        let attempt = || self.require_text(text);
        self.step(format!("wait for {text:?}"), attempt).await;
    }

    /// As [`Browser::wait_for_text`], with another deadline.
    pub async fn wait_for_text_within(&self, timeout: Duration, text: &str) {
        let attempt = || self.require_text(text);
        self.step_within(timeout, format!("wait for {text:?}"), attempt)
            .await;
    }

    async fn require_text(&self, text: &str) -> Result<(), Failure> {
        if self.all_text().await?.contains(text) {
            return Ok(());
        }
        Err(Failure::Retry("the page does not show it".to_owned()))
    }

    /// Runs steps inside a frame of the page.
    pub async fn in_frame<T>(&self, css: &str, inside: impl AsyncFnOnce(&Self) -> T) -> T {
        let attempt = || async { Ok(self.visible(css).first().await?.enter_frame().await?) };
        self.step(format!("enter the frame {css}"), attempt).await;
        let value = inside(self).await;
        // The steps may have led to another page, without the frame.
        if self.driver.enter_parent_frame().await.is_err() {
            self.once("leave the frame", self.driver.enter_default_frame())
                .await;
        }
        value
    }

    /// Runs JavaScript as the body of a function, in the page or frame. Works also where scripts of pages are blocked.
    pub async fn execute(&self, script: &str, arguments: Vec<Value>) -> Value {
        let running = self.driver.execute(script, arguments);
        self.once("run a script", running).await.json().clone()
    }

    /// As [`Browser::execute`], for a script that ends by calling its last argument. Needs scripts to be allowed.
    pub async fn execute_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        let running = self.driver.execute_async(script, arguments);
        self.once("run a script", running).await.json().clone()
    }

    /// The cookies that the browser sends to the page's address.
    pub async fn cookies(&self) -> Vec<Cookie> {
        let cookies = self.driver.get_all_cookies();
        self.once("the cookies", cookies).await
    }

    /// Sets a cookie of the shop's origin that scripts cannot read, as sign-in does.
    pub async fn set_cookie(&self, name: &str, value: &str) {
        let parameters = json!({
            "name": name, "value": value, "url": self.settings.origin, "httpOnly": true, "sameSite": "Lax",
        });
        let cdp = self.driver.cdp();
        let setting = cdp.send_raw("Network.setCookie", parameters);
        self.once(format!("set the cookie {name}"), setting).await;
    }

    /// Disconnects the page from the network, or reconnects it. An open stream stays open.
    pub async fn go_offline(&self, offline: bool) {
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        let cdp = self.driver.cdp();
        let setting = cdp.send_raw("Network.emulateNetworkConditions", conditions);
        self.once("change the network", setting).await;
    }
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
