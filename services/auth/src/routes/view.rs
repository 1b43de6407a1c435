//! The JSON view of an account.

use common::api::auth::UserView;

use crate::domain::User;

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
        }
    }
}
