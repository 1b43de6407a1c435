//! What a shopper does: click, fill in, and use the keyboard alone.

use fantoccini::Locator;
use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::elements::Element;

use super::Browser;
use super::waiting::Trouble;

/// What can be clicked.
const CLICKABLE: &str = "button, a[href], summary, input[type=submit], input[type=button], \
    input[type=checkbox], input[type=radio], [role=button], [role=link], [role=tab], [role=menuitem]";

/// What can be filled in.
const FIELDS: &str =
    "input:not([type=hidden]):not([type=submit]):not([type=button]), textarea, select";

const SHIFT: char = '\u{e008}';

/// A key that is not a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "a key is what its cap says")]
pub enum Key {
    Tab,
    /// Tab with the shift key held: backwards.
    ShiftTab,
    Enter,
    Space,
    Escape,
    Backspace,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
}

impl Key {
    /// `WebDriver`'s character for it.
    const fn code(self) -> char {
        match self {
            Self::Tab | Self::ShiftTab => '\u{e004}',
            Self::Enter => '\u{e006}',
            Self::Space => ' ',
            Self::Escape => '\u{e00c}',
            Self::Backspace => '\u{e003}',
            Self::Up => '\u{e013}',
            Self::Down => '\u{e015}',
            Self::Left => '\u{e012}',
            Self::Right => '\u{e014}',
            Self::Home => '\u{e011}',
            Self::End => '\u{e010}',
        }
    }
}

/// What the keyboard goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Focused {
    /// The element's tag: `body` if nothing has the focus.
    pub tag: String,
    /// What assistive technology says it is.
    pub role: String,
    /// What assistive technology calls it.
    pub name: String,
    /// Whether an outline or a shadow shows it.
    pub outlined: bool,
}

impl Browser {
    /// Clicks the first visible element that matches.
    pub async fn click(&self, css: &str) {
        let attempt = || async { Ok(self.visible(css).await?.click().await?) };
        self.step(format!("click {css}"), attempt).await;
    }

    /// Clicks the first visible button or link with this accessible name.
    pub async fn click_text(&self, name: &str) {
        let attempt = || async { Ok(self.named(CLICKABLE, name).await?.click().await?) };
        self.step(format!("click {name:?}"), attempt).await;
    }

    /// Clicks twice in a row what [`Browser::click_text`] clicks, as impatient people do.
    pub async fn double_click_text(&self, name: &str) {
        let button = MOUSE_BUTTON_LEFT;
        let attempt = || async {
            let element = self.named(CLICKABLE, name).await?;
            let there = PointerAction::MoveToElement {
                element,
                duration: None,
                x: 0.0,
                y: 0.0,
            };
            let twice = MouseActions::new("mouse".to_owned())
                .then(there)
                .then(PointerAction::Down { button })
                .then(PointerAction::Up { button })
                .then(PointerAction::Down { button })
                .then(PointerAction::Up { button });
            Ok(self.client.perform_actions(twice).await?)
        };
        self.step(format!("double-click {name:?}"), attempt).await;
    }

    /// Replaces what is in the field with this label; in a list, chooses the option that reads so.
    pub async fn fill(&self, label: &str, value: &str) {
        let attempt = || async {
            let field = self.named(FIELDS, label).await?;
            if field.tag_name().await? == "select" {
                return choose(&field, value).await;
            }
            field.clear().await?;
            Ok(field.send_keys(value).await?)
        };
        self.step(format!("fill in {label:?}"), attempt).await;
    }

    /// What is in the field with this label.
    pub async fn value(&self, label: &str) -> String {
        let attempt = || async {
            let field = self.named(FIELDS, label).await?;
            Ok(field.prop("value").await?.unwrap_or_default())
        };
        self.step(format!("the value of {label:?}"), attempt).await
    }

    /// Presses a key and lets it go; it goes to what has the focus.
    pub async fn press(&self, key: Key) {
        let mut keys = KeyActions::new("keyboard".to_owned());
        if key == Key::ShiftTab {
            keys = keys.then(KeyAction::Down { value: SHIFT });
        }
        keys = stroke(keys, key.code());
        if key == Key::ShiftTab {
            keys = keys.then(KeyAction::Up { value: SHIFT });
        }
        let pressing = self.client.perform_actions(keys);
        self.at_once(format!("press {key:?}"), pressing).await;
    }

    /// Types characters one by one; they go to what has the focus.
    pub async fn type_keys(&self, text: &str) {
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = text.chars().fold(keys, stroke);
        let typing = self.client.perform_actions(keys);
        self.at_once(format!("type {text:?}"), typing).await;
    }

    /// What the keyboard goes to.
    pub async fn focused(&self) -> Focused {
        let attempt = || async {
            let element = self.client.active_element().await?;
            Ok(Focused {
                tag: element.tag_name().await?,
                role: self.role_of(&element).await?,
                name: self.name_of(&element).await?,
                outlined: is_outlined(&element).await?,
            })
        };
        self.step("what has the focus", attempt).await
    }
}

fn stroke(keys: KeyActions, value: char) -> KeyActions {
    keys.then(KeyAction::Down { value })
        .then(KeyAction::Up { value })
}

async fn choose(list: &Element, wanted: &str) -> Result<(), Trouble> {
    for option in list.find_all(Locator::Css("option")).await? {
        if option.text().await?.trim() == wanted {
            return Ok(option.click().await?);
        }
    }
    Err(Trouble::NotYet(format!("no option {wanted:?}")))
}

async fn is_outlined(element: &Element) -> Result<bool, Trouble> {
    let outline = element.css_value("outline-style").await? != "none"
        && element.css_value("outline-width").await? != "0px";
    Ok(outline || element.css_value("box-shadow").await? != "none")
}
