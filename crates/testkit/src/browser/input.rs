//! What a shopper does: click, fill in fields, and press keys.

use std::time::Duration;

use thirtyfour::components::SelectElement;
use thirtyfour::{Key, WebElement};

use super::steps::Failure;
use super::{Browser, computed};

const CLICKABLE: &str = "button, a[href], summary, input[type=submit], input[type=button], \
    input[type=checkbox], input[type=radio], [role=button], [role=link], [role=tab], [role=menuitem]";

const FIELDS: &str =
    "input:not([type=hidden]):not([type=submit]):not([type=button]), textarea, select";

/// The time between the clicks of a double click.
const BETWEEN_CLICKS: Duration = Duration::from_millis(50);

/// The element that has the keyboard's focus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focused {
    /// The element's tag: `body` if no element has the focus.
    pub tag: String,
    /// The accessible role.
    pub role: String,
    /// The accessible name.
    pub name: String,
    /// Whether an outline or a shadow shows the focus.
    pub outlined: bool,
}

impl Browser {
    /// Clicks the first visible element that matches.
    pub async fn click(&self, css: &str) {
        let attempt = || async { Ok(self.visible(css).first().await?.click().await?) };
        self.step(format!("click {css}"), attempt).await;
    }

    /// Clicks the first visible button or link with this accessible name.
    pub async fn click_text(&self, name: &str) {
        let attempt = || async { Ok(self.named(CLICKABLE, name).await?.click().await?) };
        self.step(format!("click {name:?}"), attempt).await;
    }

    /// Double-clicks the first visible button or link with this accessible name.
    pub async fn double_click_text(&self, name: &str) {
        let attempt = || async {
            let element = self.named(CLICKABLE, name).await?;
            // The move by nothing takes the time that passes between a person's clicks. Without it, the browser would
            // cancel a form's first request before it is sent.
            let delay = Some(BETWEEN_CLICKS);
            let actions = self.driver.action_chain_with_delay(None, delay);
            let actions = actions.move_to_element_center(&element).click();
            let actions = actions.move_by_offset(0, 0).click();
            Ok(actions.perform().await?)
        };
        self.step(format!("double-click {name:?}"), attempt).await;
    }

    /// Replaces the content of the field with this label, or selects the option with this text.
    pub async fn fill(&self, label: &str, value: &str) {
        let attempt = || async {
            let field = self.named(FIELDS, label).await?;
            if field.tag_name().await? == "select" {
                let list = SelectElement::new(&field).await?;
                return Ok(list.select_by_visible_text(value).await?);
            }
            field.clear().await?;
            Ok(field.send_keys(value).await?)
        };
        self.step(format!("fill in {label:?}"), attempt).await;
    }

    /// The content of the field with this label.
    pub async fn value(&self, label: &str) -> String {
        let attempt = || async {
            let field = self.named(FIELDS, label).await?;
            Ok(field.value().await?.unwrap_or_default())
        };
        self.step(format!("the value of {label:?}"), attempt).await
    }

    /// Presses and releases a key.
    pub async fn press(&self, key: Key) {
        let what = format!("press {key:?}");
        let keys = self.driver.action_chain().send_keys(key);
        self.once(what, keys.perform()).await;
    }

    /// Presses Tab while Shift is held, which moves the focus backwards.
    pub async fn press_shift_tab(&self) {
        let keys = self.driver.action_chain().key_down(Key::Shift);
        let keys = keys.send_keys(Key::Tab).key_up(Key::Shift);
        self.once("press Shift and Tab", keys.perform()).await;
    }

    /// Types the characters one by one.
    pub async fn type_keys(&self, text: &str) {
        let keys = self.driver.action_chain().send_keys(text);
        self.once(format!("type {text:?}"), keys.perform()).await;
    }

    /// The element that has the focus.
    pub async fn focused(&self) -> Focused {
        let attempt = || async {
            let element = self.driver.active_element().await?;
            Ok(Focused {
                tag: element.tag_name().await?,
                role: computed::role(&element).await?,
                name: computed::name(&element).await?,
                outlined: is_outlined(&element).await?,
            })
        };
        self.step("read the focus", attempt).await
    }
}

async fn is_outlined(element: &WebElement) -> Result<bool, Failure> {
    let outline = element.css_value("outline-style").await? != "none"
        && element.css_value("outline-width").await? != "0px";
    Ok(outline || element.css_value("box-shadow").await? != "none")
}
