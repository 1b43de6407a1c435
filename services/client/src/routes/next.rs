//! Where to go after signing in, which anybody could have written into the address.

/// The path, if it leads to a page of ours; else the front page.
pub(super) fn destination(next: &str) -> &str {
    // `//host` and `/\host` are other sites to a browser.
    let local = next.starts_with('/') && !next[1..].starts_with(['/', '\\']);
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic());
    // Signing in in order to sign in leads nowhere.
    if local && plain && !next.starts_with("/auth/") {
        next
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_to() {
        assert_eq!(destination("/orders/12?a=b"), "/orders/12?a=b");
        for text in [
            "",
            "https://elsewhere.example",
            "//elsewhere.example",
            "/\\elsewhere.example",
            "/orders\r\nset-cookie: a=b",
            "/ orders",
            "/auth/signin",
            "orders",
        ] {
            assert_eq!(destination(text), "/", "{text}");
        }
    }
}
