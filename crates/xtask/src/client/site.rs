//! The folder of static files: each named by its content and compressed, with a list of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// How many hexadecimal digits of a content's digest are in its name: 48 bits, of a handful of files.
const DIGITS: usize = 12;

/// Files by the names that the sources give them.
pub(super) struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

/// A file that was written, and its size in bytes.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) raw: usize,
    pub(super) gzip: usize,
    pub(super) brotli: usize,
}

impl Written {
    /// Whether the browser runs it.
    pub(super) fn is_code(&self) -> bool {
        let kind = Path::new(&self.name).extension();
        kind.is_some_and(|kind| kind == "js" || kind == "wasm")
    }
}

impl Site {
    pub(super) fn new() -> Self {
        let files = BTreeMap::new();
        Self { files }
    }

    pub(super) fn add(&mut self, name: &str, content: Vec<u8>) {
        self.files.insert(name.to_owned(), content);
    }

    /// Adds every file of a folder.
    pub(super) fn add_all(&mut self, folder: &Path) -> Result<()> {
        for (name, content) in read_all(folder)? {
            self.files.insert(name, content);
        }
        Ok(())
    }

    /// Writes them all into a new folder, and puts it in the place of the old one.
    pub(super) fn write(self, folder: &Path) -> Result<Vec<Written>> {
        let (fresh, old) = (folder.with_extension("new"), folder.with_extension("old"));
        for leftover in [&fresh, &old] {
            if leftover.exists() {
                fs::remove_dir_all(leftover).context("what an earlier build left")?;
            }
        }
        fs::create_dir_all(&fresh).context("a folder for the site")?;
        let mut list = BTreeMap::new();
        let mut written = Vec::new();
        for (name, content) in self.files {
            let hashed = hashed(&name, &content);
            written.push(write_one(&fresh.join(&hashed), &name, &content, folder)?);
            list.insert(name, hashed);
        }
        let list = serde_json::to_vec_pretty(&list).context("names are text")?;
        fs::write(fresh.join("assets.json"), list).context("the list of the files")?;
        if folder.exists() {
            fs::rename(folder, &old).context("the site before")?;
        }
        fs::rename(&fresh, folder).context("the new site")?;
        // What cannot be removed is removed by the next build.
        let _ = fs::remove_dir_all(&old);
        Ok(written)
    }
}

/// `shop.css` as `shop-3f2a….css`.
fn hashed(name: &str, content: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(content));
    let digest = &digest[..DIGITS];
    match name.rsplit_once('.') {
        Some((stem, kind)) => format!("{stem}-{digest}.{kind}"),
        None => format!("{name}-{digest}"),
    }
}

/// Writes a file and its compressed forms, which are taken from the site before if the content is the same.
fn write_one(path: &Path, name: &str, content: &[u8], before: &Path) -> Result<Written> {
    let compressed = |kind: &str, compress: fn(&[u8]) -> Result<Vec<u8>>| {
        let mut file = path.file_name().unwrap_or_default().to_owned();
        file.push(format!(".{kind}"));
        let known = fs::read(before.join(&file)).ok();
        let bytes = known.map_or_else(|| compress(content), Ok)?;
        // Pictures are compressed already.
        if bytes.len() < content.len() {
            fs::write(path.with_file_name(&file), &bytes).context("a compressed file")?;
        }
        Ok::<_, anyhow::Error>(bytes.len().min(content.len()))
    };
    fs::write(path, content).with_context(|| path.display().to_string())?;
    Ok(Written {
        name: name.to_owned(),
        raw: content.len(),
        gzip: compressed("gz", gzip)?,
        brotli: compressed("br", brotli)?,
    })
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).context("gzip")?;
    encoder.finish().context("gzip")
}

/// Brotli at its best (11), with the largest window that every browser takes (2^22 bytes).
fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut compressed, 4096, 11, 22);
    encoder.write_all(content).context("brotli")?;
    encoder.flush().context("brotli")?;
    drop(encoder);
    Ok(compressed)
}

/// The files of a folder one after the other, in the order of their names.
pub(super) fn concatenated(folder: &Path) -> Result<Vec<u8>> {
    let files = read_all(folder)?;
    let contents: Vec<_> = files.into_iter().map(|(_, content)| content).collect();
    Ok(contents.join(&b'\n'))
}

fn read_all(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.context("a folder's entry")?;
        if entry.file_type().context("a file's kind")?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push((name, fs::read(entry.path()).context("a static file")?));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn site(files: &[(&str, &str)]) -> Site {
        let mut site = Site::new();
        for (name, content) in files {
            site.add(name, content.as_bytes().to_vec());
        }
        site
    }

    #[test]
    fn a_name_changes_with_the_content_and_with_nothing_else() {
        let name = hashed("shop.css", b"a {}");
        assert_eq!(name, hashed("shop.css", b"a {}"));
        assert_ne!(name, hashed("shop.css", b"b {}"));
        assert!(name.starts_with("shop-") && name.ends_with(".css"), "{name}");
    }

    #[test]
    fn the_list_names_every_file_and_a_new_site_leaves_nothing_of_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("site");
        let style = "a { color: red }\n".repeat(100);
        site(&[("old.js", "1")]).write(&folder).unwrap();
        let written = site(&[("shop.css", &style)]).write(&folder).unwrap();
        let list = fs::read(folder.join("assets.json")).unwrap();
        let list: BTreeMap<String, String> = serde_json::from_slice(&list).unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!(fs::read_to_string(folder.join(&list["shop.css"])).unwrap(), style);
        assert_eq!(written[0].raw, style.len());

        let file = fs::File::open(folder.join(format!("{}.br", list["shop.css"]))).unwrap();
        let mut text = String::new();
        brotli::Decompressor::new(file, 4096).read_to_string(&mut text).unwrap();
        assert_eq!(text, style);
        let names = fs::read_dir(&folder).unwrap().count();
        assert_eq!(names, 4, "the file, two compressed forms and the list");
    }
}
