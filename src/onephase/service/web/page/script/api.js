// The interface of the reader. A refusal is an Error whose message is the one sentence that the server gave.

const TOKEN = "onephase-token";

const told = new URLSearchParams(location.hash.slice(1)).get("token");
if (told) {
  sessionStorage.setItem(TOKEN, told);
  history.replaceState(null, "", location.pathname); // out of the address line
}

async function call(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let answer;
  try {
    answer = await fetch(`api/${path}`, { ...options, headers });
  } catch {
    throw new Error("the reader does not answer: is onephase serve still running?");
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Error(problem.detail ?? `the reader answered ${answer.status}`);
  }
  return answer;
}

const asJson = async (path, options) => (await call(path, options)).json();
const asBytes = async (path) => (await call(path)).arrayBuffer();
const posted = (path, body) =>
  asJson(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const about = () => asJson("reader");
export const cases = () => asJson("cases");
export const open = (key) => posted("lesions", { case: key });
export const upload = (form) => asJson("uploads", { method: "POST", body: form });
export const outline = (lesion, form) => posted(`lesions/${lesion.key}/outline`, form);
export const give = (lesion, form) => posted(`lesions/${lesion.key}/given`, form);
export const handOver = (lesion) => call(`lesions/${lesion.key}/handover`, { method: "POST" });
export const similar = (lesion) => asJson(`lesions/${lesion.key}/similar`);
export const picture = (lesion, name) => asBytes(`lesions/${lesion.key}/${name}`);
export const close = (lesion) => call(`lesions/${lesion.key}`, { method: "DELETE", keepalive: true }).catch(() => {});

export async function save(lesion, name) {
  const blob = await (await call(`lesions/${lesion.key}/${name}`)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
