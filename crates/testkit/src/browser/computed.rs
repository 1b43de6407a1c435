//! The name and role that assistive technology reads out. The `WebDriver` client has no methods for them.

use reqwest::Method;
use thirtyfour::common::command::FormatRequestData;
use thirtyfour::error::WebDriverResult;
use thirtyfour::{RequestData, SessionId, WebElement};

use super::steps::one_line;

/// Reads a computed property of an element.
#[derive(Debug)]
struct Computed<'a> {
    element: &'a WebElement,
    property: &'static str,
}

impl FormatRequestData for Computed<'_> {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let Self { element, property } = self;
        let element = element.element_id();
        RequestData::new(
            Method::GET,
            format!("session/{session}/element/{element}/{property}"),
        )
    }
}

/// The accessible name.
pub(super) async fn name(element: &WebElement) -> WebDriverResult<String> {
    read(element, "computedlabel").await
}

/// The accessible role.
pub(super) async fn role(element: &WebElement) -> WebDriverResult<String> {
    read(element, "computedrole").await
}

async fn read(element: &WebElement, property: &'static str) -> WebDriverResult<String> {
    let answer = element.handle().cmd(Computed { element, property }).await?;
    let text: Option<String> = answer.value()?;
    Ok(one_line(&text.unwrap_or_default()))
}
