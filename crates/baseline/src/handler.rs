//! A handler of axum's that does nothing.

use std::path::PathBuf;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The file with the bytes to answer
    #[arg(long)]
    body: PathBuf,
    /// What they are
    #[arg(long, default_value = "application/json")]
    content_type: String,
}

/// Serves on a free port, which it tells.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let body = Bytes::from(std::fs::read(&arguments.body).context("no body")?);
    let kind = HeaderValue::try_from(&arguments.content_type)?;
    let routes = Router::new().fallback(async move || ([(CONTENT_TYPE, kind)], body));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!(
        "{}",
        serde_json::json!({ "address": listener.local_addr()? })
    );
    Ok(axum::serve(listener, routes).await?)
}
