//! The built static files: script, WASM, style and pictures, each named by its content, so that a browser keeps it
//! for ever.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::{HeaderValue, header};
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

/// The folder of static files, and how each is named this time.
#[derive(Debug)]
pub(crate) struct Site {
    folder: PathBuf,
    names: HashMap<String, String>,
}

/// The folder is not what the build makes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    /// There is no list of the files.
    #[error("{}: {error} (cargo xtask client builds it)", path.display())]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    /// The list of the files is no such list.
    #[error("assets.json: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A file that every page needs is not in the list.
    #[error("assets.json names no {0}")]
    Incomplete(&'static str),
}

/// What pages refer to.
const NEEDED: [&str; 4] = ["client.js", "client_bg.wasm", "shop.css", "favicon.svg"];

impl Site {
    /// Reads the list of the files.
    pub(crate) fn open(folder: &Path) -> Result<Self, SiteError> {
        let path = folder.join("assets.json");
        let list = std::fs::read(&path).map_err(|error| SiteError::Unreadable { path, error })?;
        let names: HashMap<String, String> = serde_json::from_slice(&list)?;
        match NEEDED.iter().find(|name| !names.contains_key(**name)) {
            Some(missing) => Err(SiteError::Incomplete(missing)),
            None => Ok(Self {
                folder: folder.to_owned(),
                names,
            }),
        }
    }

    /// The address of the file with this name in the sources.
    pub(crate) fn url(&self, name: &str) -> String {
        let hashed = self.names.get(name).map_or(name, String::as_str);
        format!("/assets/{hashed}")
    }

    /// Serves the files: compressed when the browser takes that, and to be kept for a year.
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
