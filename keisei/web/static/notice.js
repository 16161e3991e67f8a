// A place for the sentence on what has gone wrong.

import { el } from "./dom.js";

export class Notice {
  constructor() {
    this.element = el("p", { class: "problem", role: "alert" });
  }

  tell(sentence) {
    this.element.textContent = sentence;
  }

  /** Do something, and say what is wrong where it fails. */
  async guard(action) {
    this.tell("");
    try {
      await action();
    } catch (error) {
      if (error.name !== "AbortError") this.tell(error.message);
    }
  }
}
