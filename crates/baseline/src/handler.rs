//! A bare axum handler.

use std::path::PathBuf;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file with the body of the response
    #[arg(long)]
    body: PathBuf,
    /// The headers of the response, each as `name: value`
    #[arg(long = "header")]
    headers: Vec<String>,
}

/// Serves on a free port and prints its address.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let body = Bytes::from(std::fs::read(&arguments.body).context("no body")?);
    let mut headers = HeaderMap::new();
    for header in &arguments.headers {
        let (name, value) = header.split_once(": ").context("no `name: value`")?;
        headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    let routes = Router::new().fallback(async move || (headers, body));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!(
        "{}",
        serde_json::json!({ "address": listener.local_addr()? })
    );
    Ok(axum::serve(listener, routes).await?)
}
