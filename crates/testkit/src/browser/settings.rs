//! How a browser looks at the shop.

/// A browser to open.
#[derive(Debug, Clone)]
pub struct BrowserSettings {
    /// What paths are relative to: scheme, host and port.
    pub origin: String,
    /// Whether pages may run scripts.
    pub script: bool,
    /// The size of the screen.
    pub size: Viewport,
    /// Whether the shopper prefers dark colours.
    pub dark: bool,
    /// Whether the shopper prefers that little moves.
    pub reduced_motion: bool,
}

impl BrowserSettings {
    /// A browser on a desk, as it comes.
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
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The screen's own pixels to one of these.
    pub density: u32,
    /// Whether it is a telephone: touched, and with a viewport that pages may set.
    pub mobile: bool,
}

impl Viewport {
    /// A small telephone.
    pub const PHONE: Self = Self {
        width: 360,
        height: 740,
        density: 2,
        mobile: true,
    };

    /// A window on a desk.
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
