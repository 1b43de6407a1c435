//! Compresses static files at build time, so that the server need not do so for each request.

use std::io::Write;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

type Compress = fn(&[u8]) -> Result<Vec<u8>>;

/// The compressions by file extension. The server looks for these files beside the original.
pub(super) const FORMS: [(&str, Compress); 2] = [("gz", gzip), ("br", brotli)];

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).context("gzip")?;
    encoder.finish().context("gzip")
}

/// Brotli with the best quality (11) and the largest window that every browser accepts (2^22 bytes).
fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    const BUFFER: usize = 4096;
    let mut compressed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut compressed, BUFFER, 11, 22);
    encoder.write_all(content).context("brotli")?;
    encoder.flush().context("brotli")?;
    drop(encoder);
    Ok(compressed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn compressed_content_can_be_decompressed() {
        let content = "a { color: red }\n".repeat(100).into_bytes();
        let (mut from_gzip, mut from_brotli) = (Vec::new(), Vec::new());
        let (gzip, brotli) = (gzip(&content).unwrap(), brotli(&content).unwrap());
        assert!(gzip.len() < content.len() / 10 && brotli.len() < content.len() / 10);
        flate2::read::GzDecoder::new(&gzip[..])
            .read_to_end(&mut from_gzip)
            .unwrap();
        brotli::Decompressor::new(&brotli[..], 4096)
            .read_to_end(&mut from_brotli)
            .unwrap();
        assert_eq!((&from_gzip, &from_brotli), (&content, &content));
    }
}
