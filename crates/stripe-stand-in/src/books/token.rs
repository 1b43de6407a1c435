//! Tokens and payment methods.

use super::{Books, new_id};
use crate::cards::Card;
use crate::clock::now;
use crate::form::Form;
use crate::refusal::Refusal;

/// A card that a buyer entered. It can be used once.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) id: String,
    /// The id of its card.
    pub(crate) card_id: String,
    pub(crate) card: Card,
    /// Whether the buyer entered a security code.
    pub(crate) cvc_given: bool,
    pub(crate) created: i64,
    pub(crate) used: bool,
}

/// A card that was used for a payment.
#[derive(Debug)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) card: Card,
    pub(crate) created: i64,
}

impl Books {
    /// Adds a token for a card and returns its id.
    pub(crate) fn add_token(&mut self, card: Card, cvc_given: bool) -> String {
        let id = new_id("tok");
        self.tokens.insert(Token {
            id: id.clone(),
            card_id: new_id("card"),
            card,
            cvc_given,
            created: now(),
            used: false,
        });
        id
    }

    /// The id of the payment method that the parameters name: an existing one, or a new one from a token or a test
    /// card. `None` if they name none. It uses the token up, whatever happens to the payment.
    pub(crate) fn named_method(&mut self, form: &Form) -> Result<Option<String>, Refusal> {
        if let Some(id) = form.text("payment_method") {
            return self.method_by_id(id).map(Some);
        }
        if form.text("payment_method_data[type]").is_none() {
            return Ok(None);
        }
        let param = "payment_method_data[card][token]";
        let id = form.required(param)?;
        let card = self.redeem(id, param)?;
        Ok(Some(self.add_method(card)))
    }

    fn method_by_id(&mut self, id: &str) -> Result<String, Refusal> {
        if self.methods.get(id).is_some() {
            return Ok(id.to_owned());
        }
        let published = id.strip_prefix("pm_card_").and_then(Card::of_test_name);
        let card =
            published.ok_or_else(|| Refusal::missing("PaymentMethod", id, "payment_method"))?;
        Ok(self.add_method(card))
    }

    fn redeem(&mut self, id: &str, param: &str) -> Result<Card, Refusal> {
        if let Some(card) = id.strip_prefix("tok_").and_then(Card::of_test_name) {
            return Ok(card);
        }
        let token = self.tokens.get_mut(id);
        let token = token.ok_or_else(|| Refusal::missing("token", id, param))?;
        if token.used {
            let message = format!("You cannot use a Stripe token more than once: {id}.");
            return Err(Refusal::conflicting(message).code("token_already_used"));
        }
        token.used = true;
        Ok(token.card.clone())
    }
}
