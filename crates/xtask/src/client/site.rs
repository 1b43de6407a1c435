//! Writes the folder of static files. File names contain a digest of the content, files are compressed, and a list maps
//! the original names to them.
//!
//! A server may use the folder during a build. So files are only added, never changed. The list is replaced atomically
//! after all its files exist, and the files of the previous list are kept until the next change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::compress::FORMS;

/// The list: the original name of each file and its name with the digest.
const LIST: &str = "assets.json";

/// The number of hexadecimal digits of the digest: 48 bits, enough for a few files.
const DIGITS: usize = 12;

/// Files by their original names.
#[derive(Default)]
pub(super) struct Site {
    files: BTreeMap<String, Vec<u8>>,
}

/// A file of the site and its sizes in bytes.
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

    /// Writes new files, then the list, and removes the files that neither this list nor the previous one names.
    pub(super) fn write(&self, folder: &Path) -> Result<Vec<Written>> {
        fs::create_dir_all(folder).context("cannot create the folder for the site")?;
        let mut list = BTreeMap::new();
        let mut written = Vec::new();
        for (name, content) in &self.files {
            let hashed = hashed(name, content);
            written.push(write_file(folder, name, &hashed, content)?);
            list.insert(name.clone(), hashed);
        }
        let before = read_list(folder);
        if before.as_ref() != Some(&list) {
            let text = serde_json::to_vec_pretty(&list).context("cannot serialise the list")?;
            write_atomically(folder, LIST, &text)?;
            let before = before.unwrap_or_default();
            remove_unnamed(folder, &list.values().chain(before.values()).collect())?;
        }
        Ok(written)
    }
}

/// The present list, if it is valid.
fn read_list(folder: &Path) -> Option<BTreeMap<String, String>> {
    let list = fs::read(folder.join(LIST)).ok()?;
    serde_json::from_slice(&list).ok()
}

/// Makes `shop-3f2a….css` from `shop.css`.
fn hashed(name: &str, content: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(content));
    let digest = &digest[..DIGITS];
    match name.rsplit_once('.') {
        Some((stem, kind)) => format!("{stem}-{digest}.{kind}"),
        None => format!("{name}-{digest}"),
    }
}

/// Writes the compressed forms first: if the file exists, they do, too.
fn write_file(folder: &Path, name: &str, hashed: &str, content: &[u8]) -> Result<Written> {
    if !folder.join(hashed).is_file() {
        for (kind, compress) in FORMS {
            let compressed = compress(content)?;
            // Images are already compressed.
            if compressed.len() < content.len() {
                write_atomically(folder, &format!("{hashed}.{kind}"), &compressed)?;
            }
        }
        write_atomically(folder, hashed, content)?;
    }
    let size = |file: &str| fs::metadata(folder.join(file)).map(|file| file.len());
    let raw = size(hashed).context("cannot read the size of a file")?;
    Ok(Written {
        name: name.to_owned(),
        raw,
        gzip: size(&format!("{hashed}.gz")).unwrap_or(raw),
        brotli: size(&format!("{hashed}.br")).unwrap_or(raw),
    })
}

/// Writes a file atomically.
fn write_atomically(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let unfinished = folder.join(format!("{name}.unfinished"));
    fs::write(&unfinished, content)
        .and_then(|()| fs::rename(&unfinished, folder.join(name)))
        .with_context(|| format!("cannot write {name}"))
}

fn remove_unnamed(folder: &Path, named: &BTreeSet<&String>) -> Result<()> {
    for entry in fs::read_dir(folder).context("cannot list the site")? {
        let entry = entry.context("cannot list the site")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let original = FORMS
            .iter()
            .find_map(|(kind, _)| name.strip_suffix(kind)?.strip_suffix('.'));
        if name != LIST && !named.contains(&original.unwrap_or(&name).to_owned()) {
            fs::remove_file(entry.path()).with_context(|| format!("cannot remove {name}"))?;
        }
    }
    Ok(())
}

/// Concatenates the files of a folder in the order of their names.
pub(super) fn concatenated(folder: &Path) -> Result<Vec<u8>> {
    let files = read_all(folder)?;
    let contents: Vec<_> = files.into_values().collect();
    Ok(contents.join(&b'\n'))
}

fn read_all(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.context("cannot list a folder")?;
        if entry
            .file_type()
            .context("cannot read the type of a file")?
            .is_file()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(
                name,
                fs::read(entry.path()).context("cannot read a static file")?,
            );
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
    fn a_name_changes_only_with_the_content() {
        let name = hashed("shop.css", b"a {}");
        assert_eq!(name, hashed("shop.css", b"a {}"));
        assert_ne!(name, hashed("shop.css", b"b {}"));
        let digits = name.strip_prefix("shop-").unwrap();
        assert_eq!(digits.strip_suffix(".css").unwrap().len(), DIGITS);
    }

    #[test]
    fn the_list_names_every_file_and_compressible_files_have_compressed_forms() {
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
    fn files_of_the_previous_list_are_kept_until_the_next_change() {
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
    fn files_are_concatenated_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("2-b.css", "b {}"), ("1-a.css", "a {}")] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        assert_eq!(concatenated(folder.path()).unwrap(), b"a {}\nb {}");
    }
}
