//! The appearance of a page: screen size, the shopper's preferences, screenshots and layout shifts.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use thirtyfour::error::WebDriverResult;

use super::{Browser, Viewport, evidence};

/// The greatest height, in CSS pixels, that Chromium captures in one screenshot.
const MAX_HEIGHT: f64 = 16_000.0;

/// Calls its last argument with the sum of the layout shifts that the shopper did not cause.
const LAYOUT_SHIFT: &str = "
    const done = arguments[arguments.length - 1];
    let sum = 0;
    const add = list => list.forEach(entry => { if (!entry.hadRecentInput) sum += entry.value; });
    const observer = new PerformanceObserver(list => add(list.getEntries()));
    observer.observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => setTimeout(() => { add(observer.takeRecords()); done(sum); }, 100));";

impl Browser {
    /// Changes the size of the screen.
    pub async fn resize(&self, size: Viewport) {
        self.once("resize", self.apply_size(size)).await;
    }

    /// Changes the shopper's preference to dark or to light colours.
    pub async fn set_dark(&self, dark: bool) {
        let setting = self.apply_preferences(dark);
        self.once("change the preferred colours", setting).await;
    }

    pub(super) async fn apply_size(&self, size: Viewport) -> WebDriverResult<()> {
        let metrics = json!({
            "width": size.width, "height": size.height, "deviceScaleFactor": size.density, "mobile": size.mobile,
        });
        let cdp = self.driver.cdp();
        cdp.send_raw("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        let touch = json!({ "enabled": size.mobile });
        cdp.send_raw("Emulation.setTouchEmulationEnabled", touch)
            .await?;
        Ok(())
    }

    pub(super) async fn apply_preferences(&self, dark: bool) -> WebDriverResult<()> {
        let motion = if self.settings.reduced_motion {
            "reduce"
        } else {
            "no-preference"
        };
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } },
            { "name": "prefers-reduced-motion", "value": motion },
        ] });
        let cdp = self.driver.cdp();
        cdp.send_raw("Emulation.setEmulatedMedia", features).await?;
        Ok(())
    }

    /// Saves a screenshot of the whole page, including the part below the screen, as `<target>/screenshots/<name>.png`.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let png = self.once("take a screenshot", self.png()).await;
        match evidence::write(&format!("{name}.png"), &png) {
            Ok(file) => file,
            Err(error) => self.fail(format!("save a screenshot: {error:#}")).await,
        }
    }

    pub(super) async fn png(&self) -> WebDriverResult<Vec<u8>> {
        let cdp = self.driver.cdp();
        let metrics = cdp.send_raw("Page.getLayoutMetrics", ()).await?;
        let size = &metrics["cssContentSize"];
        let clip = json!({
            "x": 0, "y": 0, "scale": 1, "width": size["width"],
            "height": size["height"].as_f64().unwrap_or_default().min(MAX_HEIGHT),
        });
        let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let answer = cdp.send_raw("Page.captureScreenshot", parameters).await?;
        let data = answer["data"].as_str().unwrap_or_default();
        Ok(STANDARD.decode(data)?)
    }

    /// The cumulative layout shift since the page was loaded; 0 if nothing moved.
    pub async fn layout_shift(&self) -> f64 {
        let sum = self.execute_async(LAYOUT_SHIFT, Vec::new()).await;
        sum.as_f64().unwrap_or_default()
    }
}
