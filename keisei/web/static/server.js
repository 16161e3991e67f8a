// What is asked of the server.

/** Say a sentence at the head of the page; an empty one takes it away. */
export function tellTrouble(sentence) {
  const place = document.getElementById("trouble");
  place.textContent = sentence;
  place.hidden = !sentence;
}

async function answerOf(response) {
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw new Error(answer?.error ?? `the server answered ${response.status}`);
}

/** What came back, or a sentence instead of the browser's own words for no answer. */
async function reach(path, more) {
  try {
    return await fetch(path, more);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer.");
  }
}

/** The answer to a question about runs, as data. */
export async function ask(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  return answerOf(await reach(query ? `${path}?${query}` : path));
}

/** The answer to a question that brings data along; `signal` breaks it off. */
export async function send(path, body, signal) {
  const headers = { "content-type": "application/json" };
  return answerOf(await reach(path, { method: "POST", headers, body: JSON.stringify(body), signal }));
}

const AGAIN_MILLISECONDS = 5000;

/** Listen to what changes: `handlers` by the name of the event. Names the runs that are meant. */
export function listen(runs, handlers) {
  const query = new URLSearchParams(runs.map((run) => ["run", run])).toString();
  const source = new EventSource(`/api/events?${query}`);
  source.onopen = () => tellTrouble("");
  source.onerror = () => {
    tellTrouble("The server does not answer; what is shown is the last that it said.");
    // Where the server refuses instead of being away, the browser does not try again.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(runs, handlers), AGAIN_MILLISECONDS);
  };
  let hasFailed = false;
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, async (event) => {
      try {
        await handle(JSON.parse(event.data));
        if (hasFailed) tellTrouble("");
        hasFailed = false;
      } catch (error) {
        hasFailed = true;
        tellTrouble(error.message);
      }
    });
  }
}
