//! Going to pages, and reading them.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::cookies::Cookie;
use serde_json::{Value, json};
use url::Url;

use super::Browser;
use super::waiting::{Trouble, one_line};

impl Browser {
    /// Goes to a path of the shop, or to a full address, and waits until it is loaded.
    pub async fn goto(&self, path: &str) {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.settings.origin)
        } else {
            path.to_owned()
        };
        self.at_once(format!("go to {path}"), self.client.goto(&url))
            .await;
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.at_once("reload", self.client.refresh()).await;
    }

    /// Goes to the page before.
    pub async fn back(&self) {
        self.at_once("go back", self.client.back()).await;
    }

    /// The page's full address.
    pub async fn url(&self) -> Url {
        self.at_once("the address", self.client.current_url()).await
    }

    /// The page's path and query.
    pub async fn path(&self) -> String {
        path_and_query(&self.url().await)
    }

    /// Waits until the page's path and query begin like this.
    pub async fn wait_for_path(&self, beginning: &str) {
        let attempt = || async {
            let path = path_and_query(&self.client.current_url().await?);
            if path.starts_with(beginning) {
                Ok(())
            } else {
                Err(Trouble::NotYet(format!("still at {path}")))
            }
        };
        self.step(format!("wait for the page {beginning}"), attempt)
            .await;
    }

    /// The page's title.
    pub async fn title(&self) -> String {
        self.at_once("the title", self.client.title()).await
    }

    /// The page's HTML as it now is.
    pub async fn source(&self) -> String {
        self.at_once("the page's HTML", self.client.source()).await
    }

    /// How many elements match, seen or not.
    pub async fn count(&self, css: &str) -> usize {
        let found = self.client.find_all(Locator::Css(css));
        self.at_once(format!("count {css}"), found).await.len()
    }

    /// The text that can be seen in the first visible element that matches.
    pub async fn text_of(&self, css: &str) -> String {
        let attempt = || async { Ok(one_line(&self.visible(css).await?.text().await?)) };
        self.step(format!("the text of {css}"), attempt).await
    }

    /// The texts of all elements that match now, in their order.
    pub async fn texts_of(&self, css: &str) -> Vec<String> {
        let attempt = || async {
            let mut texts = Vec::new();
            for element in self.client.find_all(Locator::Css(css)).await? {
                texts.push(one_line(&element.text().await?));
            }
            Ok(texts)
        };
        self.step(format!("the texts of {css}"), attempt).await
    }

    /// An attribute of the first element that matches, seen or not.
    pub async fn attribute(&self, css: &str, name: &str) -> Option<String> {
        let attempt = || async {
            let element = self.client.find(Locator::Css(css)).await?;
            Ok(element.attr(name).await?)
        };
        self.step(format!("{name} of {css}"), attempt).await
    }

    /// Whether this text can be seen on the page now.
    pub async fn has_text(&self, text: &str) -> bool {
        let attempt = || self.all_text();
        self.step("the page's text", attempt).await.contains(text)
    }

    /// Waits until an element that matches can be seen.
    pub async fn wait_for(&self, css: &str) {
        let attempt = || async { self.visible(css).await.map(drop) };
        self.step(format!("wait for {css}"), attempt).await;
    }

    /// Waits until no element that matches can be seen.
    pub async fn wait_gone(&self, css: &str) {
        let attempt = || async {
            for element in self.client.find_all(Locator::Css(css)).await? {
                if element.is_displayed().await? {
                    return Err(Trouble::NotYet("it is still there".to_owned()));
                }
            }
            Ok(())
        };
        self.step(format!("wait for {css} to go"), attempt).await;
    }

    /// Waits until this text can be seen.
    pub async fn wait_for_text(&self, text: &str) {
        let attempt = || self.look_for(text);
        self.step(format!("wait for {text:?}"), attempt).await;
    }

    /// As [`Browser::wait_for_text`], with a deadline of one's own.
    pub async fn wait_for_text_within(&self, patience: Duration, text: &str) {
        let attempt = || self.look_for(text);
        self.step_within(patience, format!("wait for {text:?}"), attempt)
            .await;
    }

    async fn look_for(&self, text: &str) -> Result<(), Trouble> {
        if self.all_text().await?.contains(text) {
            return Ok(());
        }
        Err(Trouble::NotYet("it is not on the page".to_owned()))
    }

    /// Does something inside a frame of the page.
    pub async fn in_frame<T>(&self, css: &str, inside: impl AsyncFnOnce(&Self) -> T) -> T {
        let attempt = || async { Ok(self.visible(css).await?.enter_frame().await?) };
        self.step(format!("enter the frame {css}"), attempt).await;
        let value = inside(self).await;
        // The page may have gone on to another, without the frame.
        if self.client.enter_parent_frame().await.is_err() {
            self.at_once("leave the frame", self.leave_frames()).await;
        }
        value
    }

    /// Runs JavaScript as a function's body, in the page or frame; also where pages may run none.
    pub async fn execute(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.at_once("run a script", self.client.execute(script, arguments))
            .await
    }

    /// As [`Browser::execute`], for what ends by calling its last argument; not where pages may run no scripts.
    pub async fn execute_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        let running = self.client.execute_async(script, arguments);
        self.at_once("run a script", running).await
    }

    /// The cookies that the page's address is sent.
    pub async fn cookies(&self) -> Vec<Cookie<'static>> {
        let cookies = self.client.get_all_cookies();
        self.at_once("the cookies", cookies).await
    }

    /// Gives the shop's origin a cookie that no script can read, as signing in would.
    pub async fn set_cookie(&self, name: &str, value: &str) {
        let parameters = json!({
            "name": name, "value": value, "url": self.settings.origin, "httpOnly": true, "sameSite": "Lax",
        });
        let setting = self.devtools("Network.setCookie", parameters);
        self.at_once(format!("set the cookie {name}"), setting)
            .await;
    }

    /// Cuts the page off from the network, or gives it back. A stream that is open stays open.
    pub async fn go_offline(&self, offline: bool) {
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        let setting = self.devtools("Network.emulateNetworkConditions", conditions);
        self.at_once("change the network", setting).await;
    }
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
