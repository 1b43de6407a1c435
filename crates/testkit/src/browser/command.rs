//! Commands to the driver that the `WebDriver` client has no method for.

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::Browser;

/// A command of this session: a path below the session's, and a body if it is a POST.
#[derive(Debug)]
struct Command {
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Command {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        match &self.body {
            Some(body) => (Method::POST, Some(body.to_string())),
            None => (Method::GET, None),
        }
    }
}

impl Browser {
    async fn get(&self, path: String) -> Result<Value, CmdError> {
        self.client.issue_cmd(Command { path, body: None }).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, CmdError> {
        let command = Command {
            path: path.to_owned(),
            body: Some(body),
        };
        self.client.issue_cmd(command).await
    }

    /// A command of the browser's own protocol for developer tools.
    pub(super) async fn devtools(
        &self,
        command: &str,
        parameters: Value,
    ) -> Result<Value, CmdError> {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("goog/cdp/execute", body).await
    }

    /// What was logged since this was last asked.
    pub(super) async fn new_log_entries(&self, kind: &str) -> Result<Vec<Value>, CmdError> {
        let log = self.post("se/log", json!({ "type": kind })).await?;
        Ok(match log {
            Value::Array(entries) => entries,
            _ => Vec::new(),
        })
    }

    /// Back to the page itself, out of all frames.
    pub(super) async fn leave_frames(&self) -> Result<(), CmdError> {
        self.post("frame", json!({ "id": null })).await.map(drop)
    }

    /// The name that assistive technology reads out.
    pub(super) async fn name_of(&self, element: &Element) -> Result<String, CmdError> {
        self.computed(element, "computedlabel").await
    }

    /// The role that assistive technology tells.
    pub(super) async fn role_of(&self, element: &Element) -> Result<String, CmdError> {
        self.computed(element, "computedrole").await
    }

    async fn computed(&self, element: &Element, what: &str) -> Result<String, CmdError> {
        let id = element.element_id();
        let path = format!("element/{}/{what}", &*id);
        let text = self.get(path).await?;
        Ok(super::waiting::one_line(text.as_str().unwrap_or_default()))
    }
}
