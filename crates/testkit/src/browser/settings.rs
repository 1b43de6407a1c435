//! The settings of a browser: origin, scripts, screen and preferences.

/// The settings of a browser to open.
#[derive(Debug, Clone)]
pub struct BrowserSettings {
    /// The base of all paths: scheme, host and port.
    pub origin: String,
    /// Whether pages may run scripts.
    pub script: bool,
    /// The size of the screen.
    pub size: Viewport,
    /// Whether the shopper prefers dark colours.
    pub dark: bool,
    /// Whether the shopper prefers reduced motion.
    pub reduced_motion: bool,
}

impl BrowserSettings {
    /// A desktop browser with default settings.
    #[must_use]
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            script: true,
            size: Viewport::DESKTOP,
            dark: false,
            reduced_motion: false,
        }
    }
}

/// A screen, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewport {
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
    /// Device pixels per CSS pixel.
    pub density: u32,
    /// Whether it is a phone: with touch, and with a viewport that pages may set.
    pub mobile: bool,
}

impl Viewport {
    /// A small phone.
    pub const PHONE: Self = Self {
        width: 360,
        height: 740,
        density: 2,
        mobile: true,
    };

    /// A desktop window.
    pub const DESKTOP: Self = Self {
        width: 1280,
        height: 900,
        density: 1,
        mobile: false,
    };

    /// A wide screen.
    pub const WIDE: Self = Self {
        width: 1920,
        height: 1080,
        density: 1,
        mobile: false,
    };
}
