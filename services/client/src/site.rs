//! The static files: script, WASM, style and images. Each file's name contains a hash of its content, so browsers can
//! cache it without limit.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::{HeaderValue, header};
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// The folder of static files, and the hashed name of each.
#[derive(Debug)]
pub(crate) struct Site {
    folder: PathBuf,
    names: HashMap<String, String>,
}

/// The folder is not a complete build.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    /// The list of files cannot be read.
    #[error("{}: {error} (cargo xtask client builds it)", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    /// The list of files is malformed.
    #[error("assets.json: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The list lacks a required file.
    #[error("assets.json names no {0}")]
    Incomplete(&'static str),
}

/// The files that pages refer to.
const REQUIRED: [&str; 4] = ["client.js", "client_bg.wasm", "shop.css", "favicon.svg"];

impl Site {
    /// Reads the list of files.
    pub(crate) fn open(folder: &Path) -> Result<Self, SiteError> {
        let path = folder.join("assets.json");
        let list = std::fs::read(&path).map_err(|error| SiteError::Unreadable { path, error })?;
        let names: HashMap<String, String> = serde_json::from_slice(&list)?;
        match REQUIRED.iter().find(|name| !names.contains_key(**name)) {
            Some(missing) => Err(SiteError::Incomplete(missing)),
            None => Ok(Self {
                folder: folder.to_owned(),
                names,
            }),
        }
    }

    /// The URL of the file with this original name.
    pub(crate) fn url(&self, name: &str) -> String {
        let hashed = self.names.get(name).map_or(name, String::as_str);
        format!("/assets/{hashed}")
    }

    /// Serves the files, compressed if the browser accepts that, and cacheable for a year.
    pub(crate) fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let files = ServeDir::new(&self.folder)
            .append_index_html_on_directories(false)
            .precompressed_br()
            .precompressed_gzip();
        let header = |name, value| {
            SetResponseHeaderLayer::overriding(name, move |answer: &axum::http::Response<_>| {
                let found = answer.status().is_success() || answer.status().as_u16() == 304;
                found.then_some(HeaderValue::from_static(value))
            })
        };
        let files = ServiceBuilder::new()
            .layer(header(
                header::CACHE_CONTROL,
                "public, max-age=31536000, immutable",
            ))
            .layer(header(header::VARY, "accept-encoding"))
            .service(files);
        Router::new().nest_service("/assets", files)
    }
}
