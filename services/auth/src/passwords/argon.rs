//! argon2id, in memory that is given.

use argon2::password_hash::phc::{self, Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

use crate::domain::PasswordHash;

const ALGORITHM: Algorithm = Algorithm::Argon2id;
const VERSION: Version = Version::V0x13;

/// 19 MiB, two iterations and one lane
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>).
fn params() -> Params {
    let length = Some(Params::DEFAULT_OUTPUT_LEN);
    Params::new(19 * 1_024, 2, 1, length).expect("OWASP's parameters are valid")
}

/// A new hash of the password.
pub(super) fn hash(password: &[u8], memory: &mut Vec<Block>) -> PasswordHash {
    let (params, salt) = (params(), Salt::generate());
    let parameters = (ALGORITHM, VERSION, params.clone());
    let hash = output(parameters, password, &salt, memory);
    let hash = hash.expect("a password is shorter than 4 GiB");
    let phc = phc::PasswordHash {
        algorithm: ALGORITHM.ident(),
        version: Some(VERSION.into()),
        params: ParamsString::try_from(&params).expect("three numbers fit"),
        salt: Some(salt),
        hash: Some(hash),
    };
    PasswordHash::from_phc(phc.to_string())
}

/// Whether the password is that of the hash, whose parameters are its own, so that stronger ones may be chosen later.
pub(super) fn verify(password: &[u8], stored: &PasswordHash, memory: &mut Vec<Block>) -> bool {
    recomputed(password, stored, memory).is_some_and(|(stored, now)| stored == now)
}

/// What is stored, and what the password gives; `None` if what is stored is no hash of argon2's.
fn recomputed(
    password: &[u8],
    stored: &PasswordHash,
    memory: &mut Vec<Block>,
) -> Option<(Output, Output)> {
    let stored = phc::PasswordHash::new(stored.expose()).ok()?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = stored.version.map(Version::try_from).transpose().ok()?;
    // One that names no version is of argon2's own default.
    let version = version.unwrap_or_default();
    let parameters = (algorithm, version, Params::try_from(&stored).ok()?);
    let now = output(parameters, password, &stored.salt?, memory)?;
    // Compared in a time that says nothing of where they differ.
    Some((stored.hash?, now))
}

fn output(
    (algorithm, version, params): (Algorithm, Version, Params),
    password: &[u8],
    salt: &Salt,
    memory: &mut Vec<Block>,
) -> Option<Output> {
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    memory.resize(params.block_count(), Block::new());
    let mut hash = [0; Output::MAX_LENGTH];
    let hash = hash.get_mut(..length)?;
    let argon2 = Argon2::new(algorithm, version, params);
    let hashed = argon2.hash_password_into_with_memory(password, salt, hash, memory);
    hashed.ok()?;
    Output::new(hash).ok()
}
