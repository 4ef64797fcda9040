/**
 * All elements are made here, so that foreign text (prompts, errors, links) becomes text nodes and checked attributes
 * only, never markup.
 */

// Keeps letters and arrows from JupyterLab's command mode, where x would cut the cell. JupyterLab checks the focused
// element first, so every focusable element needs it.
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

const ICONS = {
  check: "M3.5 8.5l3 3 6-7",
  close: "M4 4l8 8M12 4l-8 8",
  next: "M6 3l5 5-5 5",
  previous: "M10 3L5 8l5 5",
  minus: "M3.5 8h9",
  plus: "M8 3.5v9M3.5 8h9",
  small: "M3 3h3v3H3zM10 3h3v3h-3zM3 10h3v3H3zM10 10h3v3h-3z",
  large: "M3 3h10v10H3z",
};

const SEAM = /(?<=[a-z])(?=[A-Z])|(?<=[_.])(?=[A-Za-z])/;

/**
 * Makes an element.
 *
 * @param {string} tag
 * @param {string} names Its CSS classes, without the prefix.
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children Strings become text nodes.
 * @returns {any}
 */
function make(tag, names, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const name of names.split(" ").filter(Boolean)) element.classList.add(`seedream-grid-${name}`);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @param {keyof typeof ICONS} name */
function makeIcon(name) {
  const space = "http://www.w3.org/2000/svg";
  const icon = document.createElementNS(space, "svg");
  icon.setAttribute("viewBox", "0 0 16 16");
  icon.setAttribute("aria-hidden", "true");
  icon.append(document.createElementNS(space, "path"));
  icon.firstElementChild.setAttribute("d", ICONS[name]);
  return icon;
}

/**
 * @param {string} label Its text, or its accessible name when it has an icon.
 * @param {() => void} act
 * @param {{icon?: keyof typeof ICONS, keys?: string, names?: string}} [options] `keys` is its shortcut.
 * @returns {HTMLButtonElement}
 */
function makeButton(label, act, { icon, keys = "", names = "" } = {}) {
  const button = make("button", `button ${names}`, { type: "button", ...OWN_KEYS });
  if (icon) {
    button.classList.add("seedream-grid-icon-button");
    button.setAttribute("aria-label", label);
    button.append(makeIcon(icon));
  } else {
    button.append(label);
  }
  if (icon || keys) button.title = keys ? `${label} (${keys})` : label;
  // The listener goes with its button and needs no cleanup.
  button.addEventListener("click", act);
  return button;
}

/**
 * Text in which long words, such as error codes, may break between their parts.
 *
 * @param {string} text
 * @returns {(string | HTMLElement)[]}
 */
function breakable(text) {
  const words = text.split(/([A-Za-z_.]{20,})/);
  const parts = words.map((word, index) => (index % 2 ? word.split(SEAM) : [word]));
  return parts.flatMap(([first, ...others]) => [first, ...others.flatMap((part) => [make("wbr", ""), part])]);
}

/** What is shown in place of an image. @param {string} icon @param {string} word @param {string} problem */
function makePlaceholder(icon, word, problem) {
  return make(
    "div",
    "placeholder",
    {},
    make("span", "placeholder-icon", { "aria-hidden": "true" }, icon),
    make("span", "placeholder-word", {}, word),
    ...(problem ? [make("span", "placeholder-problem", { dir: "auto" }, ...breakable(problem))] : []),
  );
}

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.min(Math.max(value, least), most);

/** @param {string} text */
async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Without TLS, as on some JupyterHubs, browsers have only the old API.
  const area = make("textarea", "hidden", { "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (!isCopied) throw new Error("copying is blocked");
}
