// Defines the part of window.Stripe that a shop with one card form needs. The buyer enters the card in a frame of this
// script's origin, so the shop's page never sees its number. Page and frame exchange messages and check their origin.
// There are no inline styles or scripts, so a strict content security policy with this origin in script-src and
// frame-src is enough.
(() => {
  "use strict";

  const ORIGIN = new URL(document.currentScript.src).origin;
  let requests = 0;

  class CardElement {
    #key;
    #style;
    #frame = null;
    #ready = null;
    #listeners = new Map();
    #waiting = new Map(); // pending token requests by number
    #receive = (event) => {
      if (event.origin === ORIGIN && event.source === this.#frame?.contentWindow) this.#handle(event.data);
    };

    constructor(key, options) {
      this.#key = key;
      this.#style = options?.style?.base;
    }

    mount(target) {
      const node = typeof target === "string" ? document.querySelector(target) : target;
      if (!node) throw new Error(`The selector you specified (${target}) applies to no DOM elements.`);
      this.unmount();
      const frame = document.createElement("iframe");
      frame.src = `${ORIGIN}/v3/card-form`;
      frame.title = "Secure card payment input";
      frame.name = "stand-in-card-form";
      frame.width = "100%";
      frame.height = "160";
      frame.frameBorder = "0";
      this.#ready = new Promise((resolve) => this.on("ready", resolve));
      frame.addEventListener("load", () => this.#send({ kind: "connect", key: this.#key, style: this.#style }));
      window.addEventListener("message", this.#receive);
      this.#frame = frame;
      node.replaceChildren(frame);
    }

    unmount() {
      window.removeEventListener("message", this.#receive);
      this.#frame?.remove();
      this.#frame = null;
      const error = { type: "validation_error", message: "The card form was removed." };
      this.#waiting.forEach((resolve) => resolve({ error }));
      this.#waiting.clear();
    }

    destroy() {
      this.unmount();
      this.#listeners.clear();
    }

    on(name, listener) {
      this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
      return this;
    }

    off(name, listener) {
      const rest = (this.#listeners.get(name) ?? []).filter((known) => listener && known !== listener);
      this.#listeners.set(name, rest);
      return this;
    }

    focus() {
      this.#send({ kind: "focus" });
    }

    clear() {
      this.#send({ kind: "clear" });
    }

    async tokenize() {
      if (!this.#frame) throw new Error("The card form is not mounted.");
      await this.#ready;
      return new Promise((resolve) => {
        requests += 1;
        this.#waiting.set(requests, resolve);
        this.#send({ kind: "tokenize", request: requests });
      });
    }

    #send(message) {
      this.#frame?.contentWindow.postMessage(message, ORIGIN);
    }

    #handle(message) {
      if (message.height) this.#frame.height = String(message.height);
      if (message.kind === "token") {
        const { request, token, error } = message;
        this.#waiting.get(request)?.(token ? { token } : { error });
        this.#waiting.delete(request);
        return;
      }
      const event = message.event ?? { elementType: "card" };
      (this.#listeners.get(message.kind) ?? []).forEach((listener) => listener(event));
    }
  }

  window.Stripe = (publishableKey) => {
    if (!publishableKey) throw new Error("Please call Stripe() with your publishable key.");
    return {
      elements: () => ({
        create(type, options) {
          if (type !== "card") throw new Error(`A valid Element name must be provided; "${type}" is not supported here.`);
          return new CardElement(publishableKey, options);
        },
      }),
      createToken: (element) => element.tokenize(),
    };
  };
})();
