// Which page is shown.

import { tellTrouble } from "./server.js";

const main = document.getElementById("main");

for (const link of document.querySelectorAll("nav a")) {
  if (link.getAttribute("href") === location.pathname) link.setAttribute("aria-current", "page");
}
try {
  const page = await import(`./${main.dataset.page}.js`);
  await page.open(main, new URLSearchParams(location.search));
} catch (error) {
  tellTrouble(`This page cannot be shown: ${error.message}`);
}
