//! argon2id in a buffer of the caller's.

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

/// Hashes the password with a new salt.
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

/// Whether the password matches the hash. The hash brings its own parameters, so stronger ones can be introduced later.
pub(super) fn verify(password: &[u8], stored: &PasswordHash, memory: &mut Vec<Block>) -> bool {
    recompute(password, stored, memory).is_some_and(|(expected, actual)| expected == actual)
}

/// The stored output and the output for this password; `None` if the stored hash is not a valid argon2 hash.
fn recompute(
    password: &[u8],
    stored: &PasswordHash,
    memory: &mut Vec<Block>,
) -> Option<(Output, Output)> {
    let stored = phc::PasswordHash::new(stored.expose()).ok()?;
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).ok()?;
    let version = stored.version.map(Version::try_from).transpose().ok()?;
    // A hash without a version has argon2's default version.
    let version = version.unwrap_or_default();
    let parameters = (algorithm, version, Params::try_from(&stored).ok()?);
    let actual = output(parameters, password, &stored.salt?, memory)?;
    // `Output` compares in constant time.
    Some((stored.hash?, actual))
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
