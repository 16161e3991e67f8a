// Saving a game as a file, and opening one.

import { el, show } from "./dom.js";

/** Buttons that save a game as KIF, CSA and USI. */
export function saveButtons(game, notice) {
  const save = async (kind) => {
    const texts = await game.texts();
    const url = URL.createObjectURL(new Blob([texts[kind]], { type: "text/plain;charset=utf-8" }));
    el("a", { href: url, download: `keisei.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return ["kif", "csa", "usi"].map((kind) => el("button", { type: "button", "data-save": kind, onclick: () => notice.guard(() => save(kind)) }, kind.toUpperCase()));
}

/** A button with a dialog that takes a text or a file; `onText` may refuse it with an error. */
export function openButton(onText) {
  const text = el("textarea", { rows: 8, cols: 40, "aria-label": "game in KIF, CSA or USI", spellcheck: "false" });
  const trouble = el("p", { class: "problem", role: "status" });
  const file = el("input", { type: "file", accept: ".kif,.kifu,.csa,.usi,.sfen,.txt", "aria-label": "file of a game" });
  file.addEventListener("change", async () => {
    if (file.files[0]) text.value = decode(await file.files[0].slice(0, 1 << 18).arrayBuffer());
  });
  const take = async () => {
    try {
      await onText(text.value);
      dialog.close();
    } catch (error) {
      trouble.textContent = error.message;
    }
  };
  const dialog = el(
    "dialog",
    { "aria-label": "open a game" },
    el("p", {}, "Paste a game in KIF, CSA or USI, or choose its file."),
    text,
    el("div", { class: "row" }, file),
    trouble,
    el("div", { class: "row" }, el("button", { type: "button", onclick: take, "data-open": "take" }, "Open"), el("button", { type: "button", onclick: () => dialog.close() }, "Cancel")),
  );
  const ask = () => {
    show(trouble);
    dialog.showModal();
  };
  return [el("button", { type: "button", onclick: ask, "data-open": "ask" }, "Open a game"), dialog];
}

/** A file's text: records are in UTF-8 or in Shift JIS. */
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("shift_jis").decode(bytes);
  }
}
