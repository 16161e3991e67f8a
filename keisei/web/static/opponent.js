// The choice of a player: who, how far it looks ahead, and whether it varies its play.

import { el } from "./dom.js";
import { ask } from "./server.js";

export class Opponent {
  constructor(nodes) {
    this.select = el("select", { id: "player", "aria-label": "player" });
    this.nodes = el("input", { id: "nodes", type: "number", min: 0, step: 1, value: nodes, size: 6 });
    this.seconds = el("input", { id: "seconds", type: "number", min: 0, step: "any", placeholder: "–", size: 5 });
    this.sampled = el("input", { id: "sampled", type: "checkbox" });
    this.players = [];
  }

  /** Ask for the players. */
  async load() {
    const { players, limits } = await ask("/api/players");
    this.players = players;
    this.nodes.max = limits.nodes;
    this.seconds.max = limits.seconds;
    this.limits = limits;
    this.select.append(...players.map((player, place) => el("option", { value: place }, player.words)));
  }

  /** Choose a player by its run, null for none, and its name; the sentence of an error says that it is gone. */
  choose(run, name) {
    const chosen = this.players.findIndex((player) => player.name === name && (player.run ?? null) === (run ?? null));
    this.select.value = String(Math.max(0, chosen));
    if (chosen < 0) throw new Error(`The player ${run ? `${run} ` : ""}${name} is gone; choose another.`);
  }

  /** The choice as it is kept for a reload. */
  get kept() {
    const { run, name } = this.chosen;
    return { run, name, nodes: this.nodes.value, seconds: this.seconds.value, sampled: this.sampled.checked };
  }

  restore({ run, name, nodes, seconds, sampled }) {
    [this.nodes.value, this.seconds.value, this.sampled.checked] = [nodes, seconds, sampled];
    this.choose(run, name);
  }

  get chosen() {
    return this.players[Number(this.select.value)];
  }

  get name() {
    const { run, name } = this.chosen;
    const title = run ? `${run} ${name}` : name;
    if (!this.chosen.thinks) return title;
    const { seconds, nodes } = this.asked;
    return seconds ? `${title} ${seconds} s` : nodes ? `${title}?nodes=${nodes}` : title;
  }

  /** What requests say of the player. */
  get asked() {
    const { run, name } = this.chosen;
    const seconds = Number(this.seconds.value);
    const within = (number, most) => Math.min(most, Math.max(0, number || 0));
    return {
      ...(run ? { run } : {}),
      name,
      nodes: Math.round(within(Number(this.nodes.value), this.limits.nodes)),
      seconds: seconds > 0 ? within(seconds, this.limits.seconds) : null,
      sampled: this.sampled.checked,
    };
  }

  fields() {
    return [
      el("label", {}, "Player ", this.select),
      el("label", {}, "looks at ", this.nodes, " positions a move"),
      el("label", {}, "or thinks ", this.seconds, " seconds"),
      el("label", {}, this.sampled, " varies its moves (with 0 positions)"),
    ];
  }
}
