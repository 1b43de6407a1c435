//! What a page looks like: the screen's size, the shopper's preferences, pictures, and whether things jumped about.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::error::CmdError;
use serde_json::{Value, json};

use super::{Browser, Viewport, artefacts};

/// Chromium draws no more than this in one picture.
const TALLEST: f64 = 16_000.0;

/// Ends by calling its last argument with the sum of the shifts that the shopper did not cause.
const LAYOUT_SHIFT: &str = "
    const done = arguments[arguments.length - 1];
    let sum = 0;
    const add = list => list.forEach(entry => { if (!entry.hadRecentInput) sum += entry.value; });
    const observer = new PerformanceObserver(list => add(list.getEntries()));
    observer.observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => setTimeout(() => { add(observer.takeRecords()); done(sum); }, 100));";

impl Browser {
    /// Looks through a screen of another size from now on.
    pub async fn resize(&self, size: Viewport) {
        self.at_once("resize", self.apply_size(size)).await;
    }

    /// Prefers dark colours from now on, or light ones.
    pub async fn set_dark(&self, dark: bool) {
        let setting = self.apply_preferences(dark);
        self.at_once("prefer other colours", setting).await;
    }

    pub(super) async fn apply_size(&self, size: Viewport) -> Result<(), CmdError> {
        let metrics = json!({
            "width": size.width, "height": size.height, "deviceScaleFactor": size.density, "mobile": size.mobile,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        let touch = json!({ "enabled": size.mobile });
        self.devtools("Emulation.setTouchEmulationEnabled", touch)
            .await?;
        Ok(())
    }

    pub(super) async fn apply_preferences(&self, dark: bool) -> Result<(), CmdError> {
        let motion = if self.settings.reduced_motion {
            "reduce"
        } else {
            "no-preference"
        };
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } },
            { "name": "prefers-reduced-motion", "value": motion },
        ] });
        self.devtools("Emulation.setEmulatedMedia", features)
            .await?;
        Ok(())
    }

    /// A picture of the whole page, also of what is below the screen, as `<target>/screenshots/<name>.png`.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let png = self.at_once("take a picture", self.picture()).await;
        match artefacts::write(&format!("{name}.png"), &png) {
            Ok(file) => file,
            Err(error) => self.fail(format!("keep a picture: {error:#}")).await,
        }
    }

    pub(super) async fn picture(&self) -> Result<Vec<u8>, CmdError> {
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await?;
        let size = &metrics["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "scale": 1, "width": size["width"],
            "height": size["height"].as_f64().unwrap_or_default().min(TALLEST),
        });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = self.devtools("Page.captureScreenshot", parameters).await?;
        let data = answer["data"].as_str().unwrap_or_default();
        STANDARD
            .decode(data)
            .map_err(|_| CmdError::NotW3C(Value::Null))
    }

    /// How much the page has jumped about since it was loaded: cumulative layout shift, 0 if not at all.
    pub async fn layout_shift(&self) -> f64 {
        let sum = self.execute_async(LAYOUT_SHIFT, Vec::new()).await;
        sum.as_f64().unwrap_or_default()
    }
}
