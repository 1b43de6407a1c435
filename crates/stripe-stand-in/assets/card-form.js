// The card form in its frame. It sends the surrounding page the form's state and the token, never the entered card. The
// first message connects that page; afterwards messages are accepted only from its origin.
(() => {
  "use strict";

  const form = document.getElementById("card");
  const error = document.getElementById("error");
  const inputs = {
    number: document.getElementById("number"),
    expiry: document.getElementById("expiry"),
    cvc: document.getElementById("cvc"),
  };
  const brands = [
    ["visa", /^4/],
    ["amex", /^3[47]/],
    ["mastercard", /^(5[1-5]|2[2-7])/],
    ["discover", /^6(?!2)/],
    ["unionpay", /^62/],
  ];
  let host = null; // { origin, key } of the surrounding page

  const digits = (input) => input.value.replace(/\D/g, "");
  const brand = () => (brands.find(([, starts]) => starts.test(digits(inputs.number))) ?? ["unknown"])[0];
  const numberLength = () => (brand() === "amex" ? 15 : 16);
  const cvcLength = () => (brand() === "amex" ? 4 : 3);

  // "20" begins a year of four digits, because the year 2020 is past.
  const startsLongYear = (expiry) => expiry.slice(2, 4) === "20";

  function passesLuhn(number) {
    const sum = [...number].reverse().reduce((total, digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    return sum % 10 === 0;
  }

  function isPast(expiry) {
    const [month, year] = [Number(expiry.slice(0, 2)), 2000 + Number(expiry.slice(2))];
    const today = new Date();
    return year < today.getFullYear() || (year === today.getFullYear() && month < today.getMonth() + 1);
  }

  const fault = (field, code, message) => ({ field, code, message, type: "validation_error" });

  // The first invalid field. Incomplete fields count only when the buyer submits (final).
  function findFault(final) {
    const [number, expiry, cvc] = [inputs.number, inputs.expiry, inputs.cvc].map(digits);
    if (number.length >= numberLength() && !passesLuhn(number)) {
      return fault("number", "invalid_number", "Your card number is invalid.");
    }
    if (final && number.length < Math.min(numberLength(), 14)) {
      return fault("number", "incomplete_number", "Your card number is incomplete.");
    }
    if (expiry.length >= 2 && !(Number(expiry.slice(0, 2)) >= 1 && Number(expiry.slice(0, 2)) <= 12)) {
      return fault("expiry", "invalid_expiry_month", "Your card's expiration date is invalid.");
    }
    const whole = expiry.length === 4 && !startsLongYear(expiry);
    if (whole && isPast(expiry)) {
      return fault("expiry", "invalid_expiry_year_past", "Your card's expiration year is in the past.");
    }
    if (final && !whole) {
      return fault("expiry", "incomplete_expiry", "Your card's expiration date is incomplete.");
    }
    if (final && cvc.length < cvcLength()) {
      return fault("cvc", "incomplete_cvc", "Your card's security code is incomplete.");
    }
    return null;
  }

  const shown = (found) => found && { type: found.type, code: found.code, message: found.message };

  function post(message) {
    if (host) window.parent.postMessage({ ...message, height: form.offsetHeight + 4 }, host.origin);
  }

  function show(found) {
    error.textContent = found?.message ?? "";
    for (const [field, input] of Object.entries(inputs)) {
      input.setAttribute("aria-invalid", String(found?.field === field));
    }
  }

  function changed() {
    const found = findFault(false);
    show(found);
    post({
      kind: "change",
      event: {
        elementType: "card",
        brand: brand(),
        complete: !findFault(true),
        empty: Object.values(inputs).every((input) => !input.value),
        error: shown(found) ?? undefined,
      },
    });
  }

  function group(input) {
    if (input === inputs.number) {
      const parts = brand() === "amex" ? /(\d{1,4})(\d{1,6})?(\d{1,5})?/ : /(\d{1,4})(\d{1,4})?(\d{1,4})?(\d{1,7})?/;
      return (digits(input).match(parts) ?? []).slice(1).filter(Boolean).join(" ");
    }
    if (input === inputs.expiry) {
      // "7/30" and "7 / 30" mean July; so does a single 7, since no month of two digits begins with it.
      let typed = input.value.replace(/^\s*(\d)\s*\//, "0$1").replace(/\D/g, "").replace(/^([2-9])/, "0$1");
      if (!startsLongYear(typed)) typed = typed.slice(0, 4);
      else if (typed.length >= 6) typed = typed.slice(0, 2) + typed.slice(4, 6);
      return typed.length > 2 ? `${typed.slice(0, 2)} / ${typed.slice(2)}` : typed;
    }
    return digits(input).slice(0, 4);
  }

  async function tokenize(request) {
    const found = findFault(true);
    show(found);
    if (found) {
      inputs[found.field].focus();
      return post({ kind: "token", request, error: shown(found) });
    }
    const expiry = digits(inputs.expiry);
    const body = new URLSearchParams({
      "card[number]": digits(inputs.number),
      "card[exp_month]": String(Number(expiry.slice(0, 2))),
      "card[exp_year]": `20${expiry.slice(2)}`,
      "card[cvc]": digits(inputs.cvc),
    });
    try {
      const response = await fetch("/v1/tokens", { method: "POST", headers: { Authorization: `Bearer ${host.key}` }, body });
      const answer = await response.json();
      show(answer.error && { message: answer.error.message });
      post(response.ok ? { kind: "token", request, token: answer } : { kind: "token", request, error: answer.error });
    } catch {
      const message = "The payment provider cannot be reached. Check your connection and try again.";
      post({ kind: "token", request, error: { type: "api_connection_error", message } });
    }
  }

  function connect(event) {
    host = { origin: event.origin, key: event.data.key };
    const style = event.data.style ?? {};
    const root = document.documentElement.style;
    if (style.color) root.setProperty("--text", style.color);
    if (style.fontSize) root.setProperty("--size", style.fontSize);
    if (style.fontFamily) root.setProperty("--font", style.fontFamily);
    post({ kind: "ready" });
  }

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.source === window) return;
    const { kind, request } = event.data ?? {};
    if (kind === "connect" && !host) return connect(event);
    if (event.origin !== host?.origin) return;
    if (kind === "tokenize") return void tokenize(request);
    if (kind === "focus") return inputs.number.focus();
    if (kind === "clear") {
      form.reset();
      changed();
    }
  });

  form.addEventListener("submit", (event) => event.preventDefault());
  for (const input of Object.values(inputs)) {
    input.addEventListener("input", (event) => {
      // Do not reformat while the buyer deletes or edits in the middle.
      const atEnd = input.selectionStart === input.value.length;
      if (atEnd && !event.inputType?.startsWith("delete")) input.value = group(input);
      changed();
    });
    input.addEventListener("focus", () => post({ kind: "focus" }));
    input.addEventListener("blur", () => post({ kind: "blur" }));
  }
})();
