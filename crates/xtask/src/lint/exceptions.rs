//! Ignored advisories. Each has a reason and a date by which it must be reviewed.

/// The faults of the exceptions in `deny.toml` on this day (`YYYY-MM-DD`).
pub(super) fn expired(config: &str, today: &str) -> Vec<String> {
    let exceptions = config.split("[[advisories.ignore]]").skip(1);
    exceptions
        .filter_map(|exception| {
            let id = value(exception, "id").unwrap_or("an exception");
            let until = value(exception, "reason").and_then(|reason| reason.strip_prefix("until "));
            match until.and_then(|until| until.get(..today.len())) {
                Some(until) if until >= today => None,
                Some(until) => Some(format!("{id} was ignored until {until}: review it")),
                None => Some(format!(
                    "{id}: the reason must begin with `until YYYY-MM-DD`"
                )),
            }
        })
        .collect()
}

/// The value of the first key of this name.
fn value<'a>(table: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = table.lines();
    lines.find_map(|line| {
        let value = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
        value.trim().strip_prefix('"')?.strip_suffix('"')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "[[advisories.ignore]]\nid = \"RUSTSEC-1\"\nreason = \"until 2027-05-31: no key\"\n";

    #[test]
    fn an_exception_expires_after_its_date() {
        assert_eq!(expired(ONE, "2027-05-31"), Vec::<String>::new());
        let late = expired(ONE, "2027-06-01");
        assert_eq!(late.len(), 1);
        assert!(
            late[0].contains("RUSTSEC-1") && late[0].contains("2027-05-31"),
            "{late:?}"
        );
    }

    #[test]
    fn an_exception_needs_a_date() {
        for reason in [
            "reason = \"no key\"",
            "reason = \"until then\"",
            "other = 1",
        ] {
            let config = ONE.replace("reason = \"until 2027-05-31: no key\"", reason);
            assert_eq!(expired(&config, "2026-11-30").len(), 1, "{reason}");
        }
    }

    #[test]
    fn the_exceptions_of_the_project_are_read() {
        let config = std::fs::read_to_string(crate::cargo::root().join("deny.toml")).unwrap();
        assert_eq!(expired(&config, "2026-11-30"), Vec::<String>::new());
        assert_ne!(expired(&config, "9999-01-01"), Vec::<String>::new());
    }
}
