//! Accounts in the database.

use std::fmt;

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use common::Email;
use mongo::{
    Collection, Database, Find, StoreError, from_date_time, object_id, to_date_time, typed_id,
};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use crate::domain::{EmailInUse, PasswordHash, User};

/// The collection of accounts. An index makes addresses unique. Accounts are inserted and never updated.
///
/// Earlier releases stored the domain as it was typed (`u@bücher.example`). Such an account keeps its spelling, so that
/// those releases still find it after a rollback. This release finds it by both spellings.
#[derive(Debug, Clone)]
pub(crate) struct UserStore {
    users: Collection<UserDocument>,
}

/// Why an account could not be added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InsertError {
    /// Its address is taken.
    #[error(transparent)]
    EmailInUse(#[from] EmailInUse),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Serialize, Deserialize)]
struct UserDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password_hash: Option<PhcString>,
    created_at: DateTime,
}

/// A password hash as it is stored. `Debug` does not reveal it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct PhcString(String);

impl fmt::Debug for PhcString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhcString(…)")
    }
}

impl UserStore {
    /// Opens the collection and creates its index.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        let users = database.collection("users");
        let unique = IndexOptions::builder().unique(true).build();
        let by_email = IndexModel::builder()
            .keys(doc! { "email": 1 })
            .options(unique)
            .build();
        users.create_indexes([by_email]).await?;
        Ok(Self { users })
    }

    /// Inserts the account, unless its address is taken.
    pub(crate) async fn insert(&self, user: &User) -> Result<(), InsertError> {
        // The index does not cover the other spelling. No running release inserts accounts under it, so this check
        // suffices.
        if let Some(unicode) = user.email.in_unicode()
            && self.find_first(&[unicode]).await?.is_some()
        {
            return Err(EmailInUse.into());
        }
        match self.users.insert_one(&UserDocument::from(user)).await {
            Err(error) if error.is_duplicate_key() => self.check_own_insert(user).await,
            inserted => Ok(inserted?),
        }
    }

    /// After a duplicate key: succeeds if the stored account is this very one. The driver repeats an insert whose
    /// answer was lost, and a restarted server may not recognise the repeat.
    async fn check_own_insert(&self, user: &User) -> Result<(), InsertError> {
        match self.find_by_email(&user.email).await? {
            Some(stored) if stored.id == user.id => Ok(()),
            _ => Err(EmailInUse.into()),
        }
    }

    /// Finds the account with this address.
    pub(crate) async fn find_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.find_by_spelling(email, None).await
    }

    /// Like [`UserStore::find_by_email`], but prefers an account that an earlier release stored under this spelling.
    /// Two such accounts may differ only in the spelling of the domain.
    pub(crate) async fn find_by_spelling(
        &self,
        email: &Email,
        earlier_spelling: Option<String>,
    ) -> Result<Option<User>, StoreError> {
        let spellings: Vec<_> = earlier_spelling
            .into_iter()
            .chain([email.to_string()])
            .chain(email.in_unicode())
            .collect();
        self.find_first(&spellings).await
    }

    /// Finds the account whose spelling comes first in this list.
    async fn find_first(&self, spellings: &[String]) -> Result<Option<User>, StoreError> {
        let found = match spellings {
            [only] => self.users.find_one(doc! { "email": only }).await?,
            several => {
                let any = doc! { "email": { "$in": several } };
                let found = self.users.find(Find::matching(any)).await?;
                let rank = |user: &UserDocument| several.iter().position(|one| *one == user.email);
                found.into_iter().min_by_key(rank)
            }
        };
        Ok(found.map(User::from))
    }
}

impl From<&PasswordHash> for PhcString {
    fn from(hash: &PasswordHash) -> Self {
        Self(hash.expose().to_owned())
    }
}

impl From<PhcString> for PasswordHash {
    fn from(stored: PhcString) -> Self {
        Self::from_phc(stored.0)
    }
}

impl From<&User> for UserDocument {
    fn from(user: &User) -> Self {
        Self {
            id: object_id(user.id),
            email: user.email.to_string(),
            password_hash: user.password.as_ref().map(PhcString::from),
            created_at: to_date_time(user.created_at),
        }
    }
}

impl From<UserDocument> for User {
    fn from(stored: UserDocument) -> Self {
        Self {
            id: typed_id(stored.id),
            email: stored.email.into(),
            password: stored.password_hash.map(PasswordHash::from),
            created_at: from_date_time(stored.created_at),
        }
    }
}
