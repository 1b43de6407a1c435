//! The folder of static files: each named by its content and compressed, with a list of them.
//!
//! A server may run from the folder while it is built anew. So a file is never changed, only added; the list is
//! replaced in one step when all that it names is there; and what the list before named is kept until the next change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::compress::FORMS;

/// The list: the sources' name of each file, and the file's own.
const LIST: &str = "assets.json";

/// How many hexadecimal digits of a content's digest are in its name: 48 bits, of a handful of files.
const DIGITS: usize = 12;

/// Files by the names that the sources give them.
#[derive(Default)]
pub(super) struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

/// A file of the site, and its size in bytes: as it is, and in each compressed form.
pub(super) struct Written {
    pub(super) name: String,
    pub(super) raw: u64,
    pub(super) gzip: u64,
    pub(super) brotli: u64,
}

impl Site {
    pub(super) fn add(&mut self, name: &str, content: Vec<u8>) {
        self.files.insert(name.to_owned(), content);
    }

    /// Adds every file of a folder.
    pub(super) fn add_all(&mut self, folder: &Path) -> Result<()> {
        self.files.extend(read_all(folder)?);
        Ok(())
    }

    /// Writes what is not there yet, then the list, and removes what neither this list nor the one before names.
    pub(super) fn write(&self, folder: &Path) -> Result<Vec<Written>> {
        fs::create_dir_all(folder).context("a folder for the site")?;
        let mut list = BTreeMap::new();
        let mut written = Vec::new();
        for (name, content) in &self.files {
            let hashed = hashed(name, content);
            written.push(write_file(folder, name, &hashed, content)?);
            list.insert(name.clone(), hashed);
        }
        let before = read_list(folder);
        if before.as_ref() != Some(&list) {
            let text = serde_json::to_vec_pretty(&list).context("names are text")?;
            write_whole(folder, LIST, &text)?;
            let before = before.unwrap_or_default();
            sweep(folder, &list.values().chain(before.values()).collect())?;
        }
        Ok(written)
    }
}

/// The list that is there, if it is one.
fn read_list(folder: &Path) -> Option<BTreeMap<String, String>> {
    let list = fs::read(folder.join(LIST)).ok()?;
    serde_json::from_slice(&list).ok()
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

/// Writes a file after its compressed forms: where it is, they are.
fn write_file(folder: &Path, name: &str, hashed: &str, content: &[u8]) -> Result<Written> {
    if !folder.join(hashed).is_file() {
        for (kind, compress) in FORMS {
            let compressed = compress(content)?;
            // Pictures are compressed already.
            if compressed.len() < content.len() {
                write_whole(folder, &format!("{hashed}.{kind}"), &compressed)?;
            }
        }
        write_whole(folder, hashed, content)?;
    }
    let size = |file: &str| fs::metadata(folder.join(file)).map(|file| file.len());
    let raw = size(hashed).context("a file just written")?;
    Ok(Written {
        name: name.to_owned(),
        raw,
        gzip: size(&format!("{hashed}.gz")).unwrap_or(raw),
        brotli: size(&format!("{hashed}.br")).unwrap_or(raw),
    })
}

/// Nobody ever sees a part of the file.
fn write_whole(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let unfinished = folder.join(format!("{name}.unfinished"));
    fs::write(&unfinished, content)
        .and_then(|()| fs::rename(&unfinished, folder.join(name)))
        .with_context(|| format!("cannot write {name}"))
}

fn sweep(folder: &Path, named: &BTreeSet<&String>) -> Result<()> {
    for entry in fs::read_dir(folder).context("the site")? {
        let entry = entry.context("a file of the site")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let of = FORMS
            .iter()
            .find_map(|(kind, _)| name.strip_suffix(kind)?.strip_suffix('.'));
        if name != LIST && !named.contains(&of.unwrap_or(&name).to_owned()) {
            fs::remove_file(entry.path()).with_context(|| format!("cannot remove {name}"))?;
        }
    }
    Ok(())
}

/// The files of a folder one after the other, in the order of their names.
pub(super) fn concatenated(folder: &Path) -> Result<Vec<u8>> {
    let files = read_all(folder)?;
    let contents: Vec<_> = files.into_values().collect();
    Ok(contents.join(&b'\n'))
}

fn read_all(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.context("a folder's entry")?;
        if entry.file_type().context("a file's kind")?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, fs::read(entry.path()).context("a static file")?);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) -> Vec<Written> {
        let mut site = Site::default();
        for (name, content) in files {
            site.add(name, content.as_bytes().to_vec());
        }
        site.write(folder).unwrap()
    }

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        entries.map(|entry| name(entry.unwrap())).collect()
    }

    #[test]
    fn a_name_changes_with_the_content_and_with_nothing_else() {
        let name = hashed("shop.css", b"a {}");
        assert_eq!(name, hashed("shop.css", b"a {}"));
        assert_ne!(name, hashed("shop.css", b"b {}"));
        let digits = name.strip_prefix("shop-").unwrap();
        assert_eq!(digits.strip_suffix(".css").unwrap().len(), DIGITS);
    }

    #[test]
    fn the_list_names_every_file_and_compressed_forms_are_beside_those_that_they_make_smaller() {
        let folder = tempfile::tempdir().unwrap();
        let style = "a { color: red }\n".repeat(100);
        let written = write(folder.path(), &[("shop.css", &style), ("dot.png", "·")]);
        let list = read_list(folder.path()).unwrap();
        let (css, png) = (&list["shop.css"], &list["dot.png"]);
        let content = fs::read_to_string(folder.path().join(css)).unwrap();
        assert_eq!(content, style);
        let (br, gz) = (format!("{css}.br"), format!("{css}.gz"));
        let expected = [LIST, css, &br, &gz, png].map(str::to_owned);
        assert_eq!(names(folder.path()), BTreeSet::from(expected));
        let sizes: Vec<_> = written.iter().map(|file| (&*file.name, file.raw)).collect();
        assert_eq!(sizes, [("dot.png", 2), ("shop.css", 1_700)]);
        assert_eq!((written[0].gzip, written[0].brotli), (2, 2));
        assert!(written[1].brotli < written[1].gzip && written[1].gzip < 100);
    }

    #[test]
    fn what_a_running_server_may_name_is_kept_until_the_next_change() {
        let folder = tempfile::tempdir().unwrap();
        let list = |content: &str| {
            write(folder.path(), &[("client.js", content)]);
            read_list(folder.path()).unwrap()["client.js"].clone()
        };
        let (first, second) = (list("1"), list("2"));
        assert_eq!(list("2"), second);
        assert!(names(folder.path()).contains(&first));
        let third = list("3");
        let expected = [LIST, &second, &third].map(str::to_owned);
        assert_eq!(names(folder.path()), BTreeSet::from(expected));
    }

    #[test]
    fn files_are_joined_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("2-b.css", "b {}"), ("1-a.css", "a {}")] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        assert_eq!(concatenated(folder.path()).unwrap(), b"a {}\nb {}");
    }
}
